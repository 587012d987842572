"""What a label may be, and what is refused, kept or folded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.columns.labels import LabelColumn
from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.stream import Problems
from graft.data.table import Dataset
from graft.errors import DataError, RecipeError


def labelled(*labels: Any, times: int = 6) -> list[tuple[str, Any]]:
    return [(f"text number {turn} {place}", label) for turn in range(times) for place, label in enumerate(labels)]


def counts(dataset: Dataset) -> dict[str, int]:
    codes = dataset.parts["train"].codes.tolist()
    return {name: codes.count(code) for code, name in enumerate(dataset.classes)}


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ((2, 10, 1), ("1", "2", "10")),
        ((-1, 1), ("-1", "1")),
        ((True, False), ("false", "true")),
        ((1.0, 0.0), ("0", "1")),
        (("b", "a"), ("a", "b")),
        (("Sci/Tech", "World"), ("Sci/Tech", "World")),
        (("a|b", "c"), ("a|b", "c")),
    ],
)
def test_class_names(labels: tuple[Any, ...], classes: tuple[str, ...]) -> None:
    assert read(labelled(*labels)).classes == classes


@settings(max_examples=200, deadline=None)
@given(
    names=st.lists(st.text("abc|; ,", min_size=1, max_size=6).filter(str.strip), min_size=1, max_size=8, unique=True)
)
def test_names_are_joined_where_every_part_stands_in_another_name(names: list[str]) -> None:
    def joined(name: str, joint: str) -> bool:
        others = {part.strip() for other in names if other != name for part in other.split(joint)}
        return joint in name and all(part.strip() and part.strip() in others for part in name.split(joint))

    column = LabelColumn()
    for line, name in enumerate(names * 12):
        column.add(name, line)
    problems = Problems("f.csv")
    column.check("label", ReadOptions(), problems, [])
    first = next((name for joint in "|;," for name in names if joined(name, joint)), None)
    said = [problem.found for problem in problems.listed() if "looks multi-label" in problem.found]
    assert len(said) == (first is not None)
    assert first is None or f"{first!r} joins" in said[0]


def test_variants_are_refused_kept_or_folded() -> None:
    rows = [*labelled("spam", "ham"), *labelled("Spam", "ham ", times=2)]
    with pytest.raises(DataError, match=r"'Spam' \(2 rows\), 'spam' \(6 rows\)") as caught:
        read(rows)
    assert len(caught.value.problems) == 2
    assert read(rows, options=ReadOptions(labels="exact")).classes == ("Spam", "ham", "ham ", "spam")
    folded = read(rows, options=ReadOptions(labels="fold"))
    assert counts(folded) == {"ham": 8, "spam": 8}
    assert any("'Spam' (2 rows) were merged into 'spam'" in note for note in folded.notes)
    assert not any("begin or end with a space" in note for note in folded.notes)


def test_variants_in_another_split_are_refused_or_folded() -> None:
    data = {"train": labelled("spam", "ham"), "test": [("a text of its own", "SPAM")]}
    with pytest.raises(DataError, match="only in case or spaces") as caught:
        read(data)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].file == "<dict>[test]"
    assert read(data, options=ReadOptions(labels="fold")).parts["test"].codes.tolist() == [1]


@pytest.mark.parametrize("labels", [("joy", "anger", "joy|anger"), (0.5, 1.5, 2.5), ("0.5", "1.5"), tuple(range(250))])
def test_exact_makes_every_value_a_class(labels: tuple[Any, ...]) -> None:
    with pytest.raises(DataError, match="--labels exact"):
        read(labelled(*labels), options=ReadOptions(task="classification"))
    assert set(read(labelled(*labels), options=ReadOptions(labels="exact")).classes) == {str(x) for x in labels}


def test_a_hundred_integer_classes_are_classes() -> None:
    assert len(read(labelled(*range(100))).classes) == 100


def test_a_column_of_very_many_values_is_refused_even_when_exact() -> None:
    rows = [(f"text {number}", f"name {number}") for number in range(21_000)]
    with pytest.raises(DataError, match="at least 20,000 different values"):
        read(rows, options=ReadOptions(labels="exact"))


def test_spaces_around_labels_are_kept_and_said() -> None:
    dataset = read(labelled(" a", " b"))
    assert dataset.classes == (" a", " b")
    assert any("space" in note for note in dataset.notes)


@pytest.mark.parametrize("field", ["labels", "unlabelled", "format", "quoting", "encoding"])
def test_a_setting_that_does_not_exist_is_refused(field: str) -> None:
    with pytest.raises(RecipeError):
        ReadOptions(**{field: "nonsense"})  # type: ignore[arg-type]
