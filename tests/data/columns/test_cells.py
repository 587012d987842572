"""What a cell of labels may hold: lists in every writing, names joined by a sign, decimals with a comma."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft.data.columns.cells import Refused, cell_of, decimal_comma, form_of, is_list, labels_of, with_point
from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.table import Dataset
from graft.errors import DataError

MULTI = ReadOptions(task="multi-label")


def file(folder: Path, cells: list[object]) -> Path:
    """JSON Lines of one cell a row."""
    path = folder / "data.jsonl"
    rows = [json.dumps({"text": f"a text of row {n}", "labels": cell}) for n, cell in enumerate(cells)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def shown(dataset: Dataset, rows: int) -> list[str]:
    return dataset.parts["train"].targets.shown(dataset.classes, 0, rows)


@pytest.mark.parametrize(
    "cells",
    [
        ['["a", "c"]', "[]", '["c"]'],
        ["['a', 'c']", "[]", "['c',]"],
        ["['a', \"c\"]", "", '["c"]'],
        [["a", "c"], [], ["c"]],
        ["a|c", "", "c"],
    ],
)
def test_lists_written_as_text_are_lists(cells: list[object], tmp_path: Path) -> None:
    """A CSV holds lists as text; they were split at their commas, brackets and all."""
    dataset = read(file(tmp_path, cells * 5), options=MULTI)
    assert dataset.classes == ("a", "c")
    assert shown(dataset, 3) == ["a|c", "", "c"]
    assert any("5 rows without any label" in note for note in dataset.notes)


def test_numbers_and_names_with_signs_stand_in_lists() -> None:
    cells = ["[1, 2]", "['it\\'s, so']", "[True]"]
    assert labels_of(cells, form_of(cells, [1, 1, 1])) == [("1", "2"), ("it's, so",), ("True",)]
    assert cell_of(np.array(["a", "b"])) == ("a", "b")


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ({"a": 1, "b": 0}, "an object, not a list"),
        ('{"a": 1, "b": 0}', "an object or a set, not a list"),
        ("{'a', 'b'}", "an object or a set"),
        ([["a"], ["b"]], "is \\['a'\\], not a name"),
        ('[["a"], "b"]', "is \\['a'\\], not a name"),
        (["a", ""], "a label in a list is blank"),
        ('["a", " "]', "a label in a list is blank"),
        (["a", None], "a label in a list is missing"),
    ],
)
def test_what_is_no_list_of_names_is_refused_with_its_line(cell: object, found: str, tmp_path: Path) -> None:
    cells: list[Any] = [["a"], ["b"], ["a", "b"]] * 5
    if isinstance(cell, str):
        cells = [json.dumps(one) for one in cells]
    cells[7] = cell
    path = file(tmp_path, cells)
    with pytest.raises(DataError, match=f"data.jsonl:8: in 'labels' .*{found}") as caught:
        read(path, options=MULTI)
    assert len(caught.value.problems) == 1
    assert "list" in caught.value.problems[0].remedy


@pytest.mark.parametrize(
    ("most", "one"),
    [('["a", "b"]', "['a' 'b']"), ('["a", "b"]', "[a, b]"), ('["a", "b"]', "a"), ("a|b", '["a"]'), ("a|b", "[]")],
)
def test_cells_of_one_column_have_one_form(most: str, one: str) -> None:
    """Two strings side by side are how numpy writes an array; Python would read them as one."""
    good, odd = labels_of([most, one], form_of([most, one], [9, 1]))
    assert good == ("a", "b")
    assert isinstance(odd, Refused)


def test_brackets_among_names_are_part_of_them() -> None:
    cells = ["[a]|b", "c", "[a]"]
    assert labels_of(cells, form_of(cells, [1, 5, 1])) == [("[a]", "b"), ("c",), ("[a]",)]


def test_held_out_cells_are_looked_at_too() -> None:
    train = [(f"text {n}", ["a", "b"][: n % 2 + 1]) for n in range(20)]
    with pytest.raises(DataError, match=r"<dict>\[test\]:1: .* is blank"):
        read({"train": train, "test": [("one of its own", ["a", ""])]}, options=MULTI)


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        (["Film|Music", "Film, Music|Film"], ["Film, Music"], ["Film, Music"]),
        ([["Film", "Music"], ["Film, Music"]], ["Film, Music", "Film"], ["Film, Music", "Film"]),
        (["Film", "Music"], ["Film; Music"], ["Film|Music"]),  # nothing in train speaks against the sign
        (["Film|Music", "Music"], ['["Film", "Music"]'], ["Film|Music"]),
    ],
)
def test_held_out_names_are_joined_as_those_of_train(train: list[Any], test: list[Any], expected: list[str]) -> None:
    """A label with a comma was read as two where every held-out row had one label."""
    parts = {
        name: [(f"{name} {n}", cell) for n, cell in enumerate(cells)]
        for name, cells in zip(("train", "test"), (train * 10, test), strict=True)
    }
    found = read(parts, options=MULTI)
    assert found.parts["test"].targets.shown(found.classes, 0, len(test)) == expected


@pytest.mark.parametrize(("unlabelled", "found"), [("error", "the row has no label"), ("drop", "no row is left")])
def test_a_column_of_missing_labels_is_told_once(unlabelled: Any, found: str) -> None:
    """It escaped as a ValueError."""
    rows = [(f"text {n}", None) for n in range(12)]
    with pytest.raises(DataError, match=found):
        read(rows, label="label", options=ReadOptions(task="multi-label", unlabelled=unlabelled))


def test_lists_as_text_are_named_where_no_task_is() -> None:
    rows = [(f"text {n}", '["a"]' if n % 2 else '["b"]') for n in range(20)]
    with pytest.raises(DataError, match=r"(?s)lists written as text.*--task multi-label"):
        read(rows)
    assert read(rows, options=ReadOptions(labels="exact")).classes == ('["a"]', '["b"]')
    with pytest.raises(DataError, match="is an object"):
        read([(f"text {n}", {"a": 1}) for n in range(20)])


def test_a_label_that_holds_the_sign_between_labels_is_refused_or_said() -> None:
    rows = [(f"text {n}", ["a|b", "c"] if n % 2 else ["c"]) for n in range(20)]
    with pytest.raises(DataError, match=r"(?s)'a\|b' holds '\|'.*'a/b'"):
        read(rows, options=MULTI)
    kept = read(rows, options=ReadOptions(task="multi-label", labels="exact"))
    assert kept.classes == ("a|b", "c")
    assert any("'a|b' holds '|'" in note for note in kept.notes)


@pytest.mark.parametrize("text", ["[", "[a]", "['a' 'b']", "a", "[" * 50_000 + "]" * 50_000, "['\\q']", '{"a": 1}'])
def test_what_is_no_list(text: str) -> None:
    assert not is_list(text) or text.startswith("[[")


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ([("4,97", 3), ("5", 2)], "4,97"),
        ([("-1.234,5", 1)], "-1.234,5"),
        ([("4,97", 1), ("5", 2)], None),  # ids, some of them two in a cell
        ([("1,2", 5), ("1,2,3", 1)], None),
        ([("a,b", 5)], None),
        ([("4,97", 19), ("n/a", 1)], "4,97"),
        ([], None),
    ],
)
def test_decimal_commas_are_known_by_most_cells(cells: list[tuple[str, int]], found: str | None) -> None:
    assert decimal_comma(cells) == found


def test_numbers_are_written_with_a_point() -> None:
    assert with_point(" 4,97") == "4.97"
    assert with_point("-1.234,5") == "-1234.5"
    assert with_point("1,234") == "1.234 (or 1234, if the comma sets off thousands)"


@pytest.mark.parametrize("task", ["auto", "classification", "multi-label", "regression"])
def test_decimal_commas_are_refused_whatever_the_task(task: Any) -> None:
    """They were advised to be several labels, and read as '00', '01', …"""
    rows = [(f"text {n}", f"{n % 5},{n % 7}{n % 10}") for n in range(60)]
    with pytest.raises(DataError, match=r"decimal comma.*(?s:.)*write.*0\.00") as caught:
        read(rows, options=ReadOptions(task=task))
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].line == 1
    assert task == "regression" or "--task regression" in caught.value.problems[0].remedy


def test_commas_join_labels_where_that_is_asked_for_exactly() -> None:
    rows = [(f"text {n}", f"{n % 5},{n % 7}") for n in range(60)]
    assert read(rows, options=ReadOptions(task="multi-label", labels="exact")).classes == tuple("0123456")


@pytest.mark.parametrize(
    ("cells", "remedy"),
    [(("3.800", "2.5", "4"), "--task regression"), (([0.5, 0.25], [1, 0.5]), "names of the labels that apply")],
)
def test_decimals_are_not_several_labels(cells: tuple[object, ...], remedy: str) -> None:
    rows = [(f"text {n}", cell) for n, cell in enumerate(cells * 5)]
    with pytest.raises(DataError, match="decimal numbers such as") as caught:
        read(rows, options=MULTI)
    assert remedy in caught.value.problems[0].remedy
    assert read(rows, options=ReadOptions(task="multi-label", labels="exact")).task == "multi-label"
