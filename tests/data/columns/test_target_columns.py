"""Which task a column of labels asks for, what numbers and several labels become, and contradictions in one message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft.data.columns.profile import is_number
from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.splitting.split import split
from graft.data.targets import Flags, Numbers
from graft.errors import DataError, RecipeError


def labelled(*labels: Any, times: int = 6) -> list[tuple[str, Any]]:
    return [(f"text number {turn} {place}", label) for turn in range(times) for place, label in enumerate(labels)]


def reading(task: str, *labels: Any, times: int = 6) -> Any:
    return read(labelled(*labels, times=times), options=ReadOptions(task=task))  # type: ignore[arg-type]


@pytest.mark.parametrize("labels", [(0.5, 1.0, 2.5), ("0.5", " 1", "2.5e0")])
def test_decimals_are_numbers_and_that_is_said(labels: tuple[Any, ...]) -> None:
    dataset = read(labelled(*labels))
    assert (dataset.task, dataset.classes) == ("regression", ("label",))
    targets = dataset.parts["train"].targets
    assert isinstance(targets, Numbers)
    assert targets.values.tolist() == [0.5, 1.0, 2.5] * 6
    assert any("--task regression" in note and "--labels exact" in note for note in dataset.notes)


def test_whole_numbers_are_classes_unless_asked_for() -> None:
    assert read(labelled(1, 2, 5)).task == "classification"
    assert reading("regression", 1, 2, 5).task == "regression"


def test_many_whole_numbers_are_not_guessed() -> None:
    with pytest.raises(DataError, match=r"(?s)250 different numbers.*--task regression.*--labels exact"):
        read(labelled(*range(250)))


@pytest.mark.parametrize(
    "labels",
    [
        (["joy", "anger"], ["joy"], []),
        ("joy|anger", "joy", ""),
        ("anger; joy", "joy", ""),
        (("anger", "joy"), {"joy"}, ()),
    ],
)
def test_several_labels_in_any_form(labels: tuple[Any, ...]) -> None:
    dataset = reading("multi-label", *labels)
    assert (dataset.task, dataset.classes) == ("multi-label", ("anger", "joy"))
    targets = dataset.parts["train"].targets
    assert isinstance(targets, Flags)
    np.testing.assert_array_equal(targets.values[:3], [[True, True], [False, True], [False, False]])
    assert any("6 rows without any label" in note for note in dataset.notes)
    assert targets.shown(dataset.classes, 0, 3) == ["anger|joy", "joy", ""]


@pytest.mark.parametrize("labels", [("joy|anger", "joy", "anger"), (["joy"], ["anger", "joy"])])
def test_several_labels_are_suggested_not_guessed(labels: tuple[Any, ...]) -> None:
    with pytest.raises(DataError, match="--task multi-label"):
        read(labelled(*labels))


@pytest.mark.parametrize(
    ("task", "labels", "said"),
    [
        ("regression", ("good", "bad"), "'good', which is not a number.*--task classification"),
        ("regression", (["a"], 1), "which is not a number"),
        ("regression", (2, 2), "the same number, 2"),
        ("regression", (1.5, 2.5, 1e300), "holds 1e\\+300, beyond the 1e\\+30 .*logarithms"),
        ("regression", (1.5, 2.5, -1e39), "holds -1e\\+39, beyond"),
        ("regression", (1.7e9 + 1, 1.7e9 + 2), "nearer together than a model tells apart.*another unit"),
        ("regression", (1e-300, 2e-300), "nearer together"),
        ("multi-label", ("joy", "joy"), "only the label 'joy'"),
        ("classification", (0.5, 1.5), "--task regression"),
        ("classification", (["a"], ["b"]), "--task multi-label"),
    ],
)
def test_contradictions_name_what_would_work(task: str, labels: tuple[Any, ...], said: str) -> None:
    with pytest.raises(DataError, match=f"(?s){said}"):
        reading(task, *labels)


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(RecipeError, match="multi-label"):
        ReadOptions(task="ranking")  # type: ignore[arg-type]


def test_one_label_each_is_said() -> None:
    assert any("exactly one label" in note for note in reading("multi-label", "joy", "anger").notes)


def test_a_number_that_is_none_has_its_line(tmp_path: Path) -> None:
    lines = [f"text {n},{n / 4}" for n in range(40)]
    lines[30] = "text 30,n/a"
    (tmp_path / "data.csv").write_text("text,score\n" + "\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"data.csv:32: 'score' holds 'n/a'"):
        read(tmp_path / "data.csv")


def test_held_out_labels_are_those_of_train() -> None:
    train = labelled(["joy"], ["anger", "joy"])
    found = read({"train": train, "test": [("one of its own", ["anger"])]}, options=ReadOptions(task="multi-label"))
    targets = found.parts["test"].targets
    assert isinstance(targets, Flags)
    assert targets.values.tolist() == [[True, False]]
    with pytest.raises(DataError, match="'envy'"):
        read({"train": train, "test": [("one of its own", ["envy"])]}, options=ReadOptions(task="multi-label"))


def test_splits_keep_the_spread_of_numbers_and_the_rare_labels() -> None:
    numbers = split(read([(f"text {n}", n / 8) for n in range(400)]), seed=1)
    for part in (numbers.validation, numbers.test):
        assert isinstance(part.targets, Numbers)
        assert np.quantile(part.targets.values, [0.1, 0.5, 0.9]) == pytest.approx([5, 25, 45], abs=2)
    assert numbers.summary.task == "regression"
    assert numbers.summary.splits[0].per_class == {}
    rows = [(f"text {n}", ["common", "rare"] if n % 40 == 0 else ["common"]) for n in range(400)]
    several = split(read(rows, options=ReadOptions(task="multi-label")), seed=1)
    counts = {part.name: part.per_class["rare"] for part in several.summary.splits}
    assert counts["test"] == 2
    assert counts["validation"] >= 1


def test_a_split_of_numbers_is_cut_again_the_same() -> None:
    rows = [(f"text {n}", n / 7) for n in range(60)]
    first, again = (split(read(rows), seed=3).summary for _ in range(2))
    assert first == again
    other = split(read([(text, value + 1e-9) for text, value in rows]), seed=3).summary
    assert [part.digest for part in first.splits] != [part.digest for part in other.splits]


@pytest.mark.parametrize("cell", ["0\x1f", "\x1c0.5", 10**400])
def test_what_only_looks_like_a_number_is_none(cell: object) -> None:
    """Found by fuzzing: a regex takes separators for space, and whole numbers of any size, which float() does not."""
    assert not is_number(cell)
    with pytest.raises(DataError):
        read(labelled(cell, *(row + 0.5 for row in range(9))))
