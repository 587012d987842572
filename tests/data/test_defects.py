"""Law 10: bad input gets one clear message naming file, line, what was found and what to do."""

from __future__ import annotations

import gzip
import random
from dataclasses import fields
from pathlib import Path

import pytest

from graft.data.files import opening
from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.splitting.split import split
from graft.errors import DataError, GraftError

from .defects import DEFECTS, GOOD, HEADER, Defect, rows

OPTIONS = {field.name for field in fields(ReadOptions)}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_gets_one_message_with_file_line_and_remedy(defect: Defect, tmp_path: Path) -> None:
    arguments = defect.writer(tmp_path)
    data = arguments.pop("data")
    options = {name: arguments.pop(name) for name in OPTIONS & set(arguments)}
    with pytest.raises(GraftError) as caught:
        read(data, **arguments, options=ReadOptions(**options))
    message = str(caught.value)
    assert defect.found in message
    assert "→ " in message, "no remedy"
    if isinstance(caught.value, DataError):
        assert len(caught.value.problems) == 1, message
        problem = caught.value.problems[0]
        assert problem.file.startswith(str(tmp_path))
        assert problem.line == defect.line
        assert problem.remedy


def test_the_table_is_long_and_its_names_differ() -> None:
    assert len(DEFECTS) >= 75
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS)


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("text,label\nfine,a\nragged\nnone,\nfine too,b\nx\0y,a\nmore,A\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(path)
    assert {problem.line for problem in caught.value.problems} == {3, 4, 6, 7}


def test_many_problems_of_a_kind_are_counted_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("text,label\n" + "a text,\n" * 1000 + "one,a\ntwo,b\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(path)
    assert len(caught.value.problems) == 6
    assert "995 more" in caught.value.problems[-1].found
    assert caught.value.problems[-1].line == 1001


def test_problems_of_train_and_test_files_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\none,a\ntwo,b\nragged\n", encoding="utf-8")
    (tmp_path / "test.csv").write_text("text,label\none,a\nragged\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert [(Path(problem.file).name, problem.line) for problem in caught.value.problems] == [
        ("train.csv", 4),
        ("test.csv", 3),
    ]


ODD = {  # what is no defect is said
    "a class with one row": ({"train.csv": rows("x,rare")}, "a single row in train: 'rare'"),
    "a class missing in test": ({"train.csv": rows(), "test.csv": "text,label\na,good\n"}, "no row of 'bad'"),
    "empty texts": ({"train.csv": rows(",good", "   ,bad")}, "2 empty texts kept"),
    "blank lines": ({"train.csv": rows("", "")}, "2 blank lines"),
    "texts that train holds as well": (
        {"train.csv": rows(), "test.csv": "text,label\nfine food 1,good\nmore,bad\n"},
        "1 text of test",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_odd_but_sound_is_said(case: str, tmp_path: Path) -> None:
    names, said = ODD[case]
    for name, content in names.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    notes = " ".join(split(read(tmp_path)).summary.notes)
    assert said in notes, notes


def test_what_packs_as_no_texts_do_is_refused_long_before_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few megabytes that would unpack to eight gigabytes, here in small: one row again and again, and real texts."""
    monkeypatch.setattr(opening, "ALWAYS", 100_000)
    bomb, honest = tmp_path / "bomb.csv.gz", tmp_path / "honest.csv.gz"
    bomb.write_bytes(gzip.compress("\n".join([HEADER, *["the same row,good"] * 150_000]).encode()))
    drawn = random.Random(0)
    told = (f"{drawn.choice(GOOD)[:4]} {drawn.random()},{drawn.choice(('good', 'bad'))}" for _ in range(8000))
    honest.write_bytes(gzip.compress("\n".join([HEADER, *told]).encode()))
    with pytest.raises(DataError, match="the most that is accepted of one of its size"):
        read(bomb)
    assert len(read(honest).parts["train"]) == 8000


def test_hidden_characters_of_a_text_stay(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(rows("a\u202eb \u200b\ufeff,good"), encoding="utf-8")
    assert read(tmp_path / "data.csv").parts["train"].texts[16] == "a\u202eb \u200b\ufeff"


def test_hidden_characters_of_a_label_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(rows("x,go\u200bod"), encoding="utf-8")
    assert "go\u200bod" in read(tmp_path / "data.csv", options=ReadOptions(labels="exact")).classes
