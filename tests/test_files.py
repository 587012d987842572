"""Files are written whole or not at all, and records come back as they went."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.errors import RecipeError, RunError
from graft.files import at_home, cache_root, digest_file, read_record, to_json, write_record, write_text, written_whole
from graft.records import Epoch, Optimiser, Recipe, Stage

finite = st.floats(allow_nan=False, allow_infinity=False)
epochs = st.builds(
    Epoch,
    stage=st.text(),
    number=st.integers(0, 2**40),
    loss=st.none() | finite,
    validation=st.dictionaries(st.text(), finite, max_size=3),
    seconds=finite,
    tokens=st.integers(0, 2**50),
    tokens_per_second=finite,
    best=st.booleans(),
)


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with written_whole(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent  # so that the rename stays on one disk
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_stood_there_stays_on_any_error(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("before")

    def torn() -> None:
        with written_whole(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        torn()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def refused(path: Path) -> OSError:
    with pytest.raises(OSError) as caught, written_whole(path) as temporary:  # noqa: PT011
        temporary.write_text("text")
    return caught.value


def test_a_folder_is_not_replaced_and_no_temporary_name_is_shown(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    assert refused(tmp_path / "folder").filename == str(tmp_path / "folder")
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file" / "new.txt").filename == str(tmp_path / "file")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no room", str(next(tmp_path.glob(".new.txt.*"))))

    monkeypatch.setattr(os, "replace", full)
    assert refused(tmp_path / "new.txt").filename == str(tmp_path / "new.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_write_that_is_refused_names_the_file(tmp_path):
    """The system names no file where an open one cannot grow."""
    with pytest.raises(OSError) as caught, written_whole(tmp_path / "new.txt"):  # noqa: PT011
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "new.txt"))
    with pytest.raises(FileNotFoundError) as caught, written_whole(tmp_path / "new.txt"):
        (tmp_path / "other.txt").read_text()
    assert caught.value.filename == str(tmp_path / "other.txt")


def test_lists_of_numbers_stand_in_one_line_and_nothing_else_is_touched():
    record = {
        "matrix": [[1, 0], [-2.5e-07, 3]],
        "empty": [],
        "text": "[\n  1,\n  2\n]",
        "mixed": [1, "2"],
        "gap": [float("nan"), 1],
    }
    written = to_json(record)
    assert json.loads(written) == record | {"gap": [None, 1]}
    assert '  "matrix": [\n    [1,0],\n    [-2.5e-7,3]\n  ],\n' in written
    assert '  "gap": [null,1]\n' in written
    assert '  "mixed": [\n    1,\n    "2"\n  ],\n' in written


def test_a_pipe_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "text")
    reader.join()
    assert read == ["text"]
    assert pipe.is_fifo()


def test_a_link_stays_and_what_it_names_is_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "file.txt")
    write_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "file.txt").read_text() == "text"


def test_a_file_has_the_rights_that_any_new_file_has(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_text_is_utf8_with_plain_line_ends(tmp_path):
    write_text(tmp_path / "a", "é\r\nü\n")
    assert (tmp_path / "a").read_bytes() == "é\r\nü\n".encode()


def test_writers_at_once_leave_one_of_their_files(tmp_path):
    path = tmp_path / "file.txt"
    contents = [str(number) * 10_000 for number in range(8)]
    threads = [threading.Thread(target=write_text, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in contents
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=100, deadline=None)
@given(epochs)
def test_a_record_comes_back(record):
    path = Path(os.environ["GRAFT_CACHE"]) / "record.json"
    write_record(path, record)
    assert read_record(path, Epoch) == record


def test_nested_records_come_back(tmp_path):
    recipe = Recipe("r", (Stage("s", "all", 3, Optimiser(head_lr=None)), Stage("t", 2, 1)), sweep=(1e-5, 3e-5))
    write_record(tmp_path / "r.json", recipe)
    assert read_record(tmp_path / "r.json", Recipe) == recipe
    assert (tmp_path / "r.json").read_text().endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_become_null(tmp_path, value):
    epoch = Epoch("s", 1, value, {}, 1.0, 1, 1.0, False)
    assert '"loss": null' in to_json(epoch)
    write_record(tmp_path / "e.json", epoch)
    assert read_record(tmp_path / "e.json", Epoch) == dataclasses.replace(epoch, loss=None)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_changed_bit_of_a_record_is_noticed(data):
    path = Path(os.environ["GRAFT_CACHE"]) / "record.json"
    write_record(path, Epoch("s", 1, 0.5, {"accuracy": 0.25}, 1.0, 1, 1.0, False))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with pytest.raises(RunError, match="is damaged"):
        read_record(path, Epoch)


def test_a_record_without_its_seal_is_refused(tmp_path):
    write_text(tmp_path / "e.json", to_json(Epoch("s", 1, 0.5, {}, 1.0, 1, 1.0, False)))
    with pytest.raises(RunError, match="not as it was written"):
        read_record(tmp_path / "e.json", Epoch)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"stage": "s"}', b'{"stage": 3}', b"\xff\xfe", b"null"])
def test_a_damaged_record_is_named(tmp_path, content):
    path = tmp_path / "epoch.json"
    path.write_bytes(content)
    with pytest.raises(RunError, match="is damaged") as caught:
        read_record(path, Epoch)
    assert str(path) in caught.value.found
    assert caught.value.remedy


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(RunError, match="is missing") as caught:
        read_record(tmp_path / "run.json", Epoch)
    assert str(tmp_path / "run.json") in caught.value.found


def test_a_digest_is_of_the_bytes(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(content)
    assert digest_file(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("GRAFT_CACHE", "/a")
    assert cache_root() == Path("/a")
    monkeypatch.delenv("GRAFT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_root() == Path("/b/graft")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_root() == Path("/home/somebody/.cache/graft")


def test_a_cache_without_a_home_is_one_message(monkeypatch):
    """A container whose user is in no list of users."""

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("GRAFT_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(RecipeError, match="no home folder") as caught:
        cache_root()
    assert "GRAFT_CACHE" in caught.value.remedy
    monkeypatch.setenv("GRAFT_CACHE", "/a")
    assert cache_root() == Path("/a")


def test_a_home_that_nobody_has_is_taken_as_it_is_written(monkeypatch, tmp_path):
    """Found by fuzzing: pathlib raises a RuntimeError for `~0`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert at_home("~/models") == tmp_path / "models"
    assert at_home("~0") == Path("~0")
