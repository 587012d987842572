"""Law 10: bad input gets one clear message naming file, line, what was found and what to do."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from graft.data.options import ReadOptions
from graft.data.read import read
from graft.errors import DataError, GraftError

from .defects import DEFECTS, Defect

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
    assert len(DEFECTS) >= 30
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
