"""Plain text: which lines are labelled, and what a blank line means."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft.data.read import read, read_texts
from graft.errors import DataError


def write(folder: Path, content: str) -> Path:
    path = folder / "lines.txt"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "content",
    [
        "good\tthe soup was warm\nbad\tno\tsoup\n\ngood\t\n",
        "__label__good the soup was warm\n__label__bad no\tsoup\n\n__label__good\n",
    ],
)
def test_labelled_lines(content: str, tmp_path: Path) -> None:
    dataset = read(write(tmp_path, content))
    rows = dataset.parts["train"]
    assert list(rows.texts) == ["the soup was warm", "no\tsoup", ""]
    assert [dataset.classes[code] for code in rows.codes] == ["good", "bad", "good"]
    assert rows.lines.tolist() == [1, 2, 4]


def test_lines_with_stray_tabs_are_texts(tmp_path: Path) -> None:
    path = write(tmp_path, "one\tleft\nno tab here\nthree\tright\n")
    assert list(read_texts(path).texts) == ["one\tleft", "no tab here", "three\tright"]
    with pytest.raises(DataError, match="label<TAB>text"):
        read(path)


def test_blank_lines_keep_their_place_among_unlabelled_texts(tmp_path: Path) -> None:
    rows = read_texts(write(tmp_path, "first text\n\nthird text"))
    assert list(rows.texts) == ["first text", "", "third text"]
    assert rows.lines.tolist() == [1, 2, 3]
