"""Texts for prediction, from files, standard input and memory."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from graft.data.columns.marked import Marks
from graft.data.options import ReadOptions
from graft.data.read import read_texts
from graft.data.targets import UNLABELLED
from graft.errors import DataError


def test_a_file_needs_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text('id,text\nx1,NA\nx2,"one\nmore"\nx3,\nx4,some words\n', encoding="utf-8")
    rows = read_texts(path)
    assert list(rows.texts) == ["NA", "one\nmore", "", "some words"]
    assert rows.lines.tolist() == [2, 3, 5, 6]
    assert set(rows.codes.tolist()) == {UNLABELLED}
    assert rows.file == str(path)


def test_labels_are_left_aside(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text("text,label\nsome words,\nmore words,a\n", encoding="utf-8")
    assert list(read_texts(path).texts) == ["some words", "more words"]


def test_standard_input_is_lines_or_what_is_said() -> None:
    assert list(read_texts(io.BytesIO(b"first\n\nthird\n")).texts) == ["first", "", "third"]
    named = read_texts(io.BytesIO(b'{"text": "one"}\n'), options=ReadOptions(format="jsonl"))
    assert (list(named.texts), named.file) == (["one"], "<standard input>")


def test_memory() -> None:
    assert list(read_texts(["one", "", "NA"]).texts) == ["one", "", "NA"]
    assert list(read_texts(pd.DataFrame({"a": ["x y z"], "b": ["p"]}), text="a").texts) == ["x y z"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tagged.conll", "EU B-ORG\nrejects O\n"),
        ("none.conll", "EU O\nrejects O\n"),
        ("bare.conll", "EU\nrejects\n"),
        ("none.jsonl", '{"tokens": ["EU", "rejects"], "ner_tags": ["O", "O"]}\n'),
        ("odd.jsonl", '{"tokens": ["EU", "rejects"], "ner_tags": [0]}\n'),
    ],
)
def test_words_are_asked_about_whatever_tags_they_have(name: str, content: str, tmp_path: Path) -> None:
    """Words without names, or without tags, were refused as if they were to be learnt from."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    rows = read_texts(tmp_path / name)
    assert isinstance(rows.targets, Marks)
    assert list(rows.texts) == ["EU rejects"]
    assert rows.targets.words.of(0) == [(0, 2, 0), (3, 10, 0)]
    assert not len(rows.targets.spans.codes)


def test_problems_name_their_line() -> None:
    with pytest.raises(DataError) as caught:
        read_texts(io.BytesIO(b"fine\nbroken \xff\n"))
    assert (caught.value.problems[0].file, caught.value.problems[0].line) == ("<standard input>", 2)
    with pytest.raises(DataError, match="did you mean --text text"):
        read_texts([{"text": "one"}], text="txt")
