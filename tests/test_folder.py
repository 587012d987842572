"""A run's folder: one writer at a time, and nothing left of a start that failed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from graft.errors import RunError
from graft.folder import LOCK, RunFolder, fresh_folder


class Failed(Exception):
    """What ends a start."""


def fail_in(folder: RunFolder, *files: str) -> None:
    with contextlib.suppress(Failed), folder.locked():
        for name in files:
            (folder.path / name).write_text("")
        raise Failed


def test_a_failed_start_leaves_nothing(tmp_path: Path) -> None:
    fail_in(RunFolder(tmp_path / "runs" / "reviews"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays_without_a_lock(tmp_path: Path) -> None:
    (tmp_path / "runs" / "other").mkdir(parents=True)
    fail_in(RunFolder(tmp_path / "runs" / "reviews"))
    fail_in(RunFolder(tmp_path / "runs"))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["other"]
    fail_in(RunFolder(tmp_path / "runs" / "other"))
    assert list((tmp_path / "runs" / "other").iterdir()) == []


def test_what_was_written_stays(tmp_path: Path) -> None:
    fail_in(RunFolder(tmp_path / "run"), "run.json")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [LOCK, "run.json"]


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        with pytest.raises(RunError, match="in use by another graft process"), folder.locked():
            pass
        assert (folder.path / LOCK).exists()  # the one that was refused takes nothing away
        (folder.path / "run.json").write_text("")
    with folder.locked():
        pass


def test_what_a_killed_writer_left_is_swept_and_strangers_stay(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    left = (".run.json.abcd1234", ".model.x_yz1234", "checkpoints/.state.json.12345678")
    mine = (".run.json.backup", "notes.txt", "checkpoints/notes.txt")
    folder.checkpoints.mkdir()
    for name in (*left, *mine):
        (tmp_path / name).write_text("")
    folder.manifest_file.write_text("")
    with folder.locked():
        pass
    assert not any((tmp_path / name).exists() for name in left)
    assert all((tmp_path / name).exists() for name in mine)


def test_what_a_killed_writer_left_is_no_stranger(tmp_path: Path) -> None:
    (tmp_path / ".run.json.abcd1234").write_text("")
    RunFolder(tmp_path).refuse_taken()


def test_a_model_that_was_under_exchange_comes_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.manifest_file.write_text("")
    (tmp_path / ".model.old").mkdir()
    (tmp_path / ".model.old" / "config.json").write_text("{}")
    with folder.locked():
        assert (folder.model / "config.json").is_file()


def test_a_model_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.model.mkdir()
    (folder.model / "config.json").write_text("old")

    def refused() -> None:
        with folder.model_written_whole() as place:
            (place / "config.json").write_text("new")
            raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")

    with pytest.raises(OSError) as caught:  # noqa: PT011
        refused()
    assert (caught.value.errno, caught.value.filename) == (28, str(folder.model))
    assert (folder.model / "config.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_new_folder_is_nobody_elses_and_goes_where_it_stays_empty(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    with fresh_folder("my data", root) as first, fresh_folder("my data", root) as second:
        assert [first, second] == [root / "my-data", root / "my-data-2"]
        assert all(path.is_dir() for path in (first, second))
        (second / "run.json").write_text("")
    assert [path.name for path in root.iterdir()] == ["my-data-2"]
    (second / "run.json").unlink()
    second.rmdir()
    root.rmdir()
    with contextlib.suppress(Failed), fresh_folder("my data", root):
        fail_in(RunFolder(root / "my-data"))
        raise Failed
    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_that_cannot_be_made_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(RunError, match="cannot be made") as caught, fresh_folder("data", tmp_path / "runs"):
        pass
    assert "--out" in caught.value.remedy


def test_a_link_to_nowhere_is_no_place_for_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").symlink_to(tmp_path / "nowhere" / "runs")
    with pytest.raises(RunError, match="cannot be made"), fresh_folder("data", tmp_path / "runs"):
        pass
