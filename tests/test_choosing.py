"""The door to choosing: which rows it reads, what it skips, what it refuses, and its time."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest
import tiny

from graft.choosing import ChooseOptions, choose
from graft.data.read import read
from graft.data.split import split
from graft.data.table import Rows, Splits
from graft.errors import ModelError, RecipeError
from graft.fitting import FitOptions
from graft.records import Ranking, Said, Unranked

FP32 = FitOptions(precision="fp32")


class Poison:
    """Rows that nobody may look at."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"a closed split was read: {name}")

    def __len__(self) -> int:
        raise AssertionError("a closed split was counted")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    tiny.bert(root / "bert", layers=3)
    tiny.roberta(root / "roberta", layers=2)
    return root


def opinions(rows: int = 240) -> Splits:
    words = {"good": ("lovely", "fresh", "tasty"), "bad": ("awful", "stale", "bland")}
    labels = [("good", "bad")[number % 2] for number in range(rows)]
    texts = [
        f"the {tiny.WORDS[number % 90]} was {words[label][number // 2 % 3]} and {tiny.WORDS[number * 7 % 95]} {number}"
        for number, label in enumerate(labels)
    ]
    return split(read({"text": texts, "label": labels}))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return opinions()


def ranking(splits: Splits, *candidates: str, **options: float) -> Ranking:
    *_, last = choose(splits, FP32, ChooseOptions(candidates, **options))
    assert isinstance(last, Ranking)
    return last


def test_validation_and_test_are_not_read(splits: Splits, models: Path) -> None:
    poison: Rows = Poison()  # type: ignore[assignment]
    poisoned = dataclasses.replace(splits, validation=poison, test=poison)
    found, clean = ranking(poisoned, str(models)), ranking(splits, str(models))
    assert found.pick == clean.pick
    assert found.views == clean.views
    assert [one.expected for one in found.forecasts] == [one.expected for one in clean.forecasts]
    assert found.rows == found.train == len(splits.train)


def test_each_model_is_a_candidate_at_each_depth_and_the_pick_is_one_that_runs_take(splits: Splits, models: Path):
    found = ranking(splits, str(models))
    bert, roberta = models / "bert", models / "roberta"
    names = {f"{bert}@1", f"{bert}@2", f"{bert}", f"{roberta}@1", f"{roberta}"}
    assert {one.candidate.name for one in found.forecasts} == names
    assert found.pick == found.forecasts[0].candidate.name
    assert all(one.costs.minutes > 0 for one in found.forecasts)


def test_what_fails_is_skipped_with_its_reason(splits: Splits, models: Path, tmp_path: Path) -> None:
    events = list(choose(splits, FP32, ChooseOptions((str(models / "bert"), str(tmp_path / "none")))))
    (skipped,) = (event for event in events if isinstance(event, Unranked))
    assert skipped.name == str(tmp_path / "none")
    assert isinstance(events[0], Said)
    assert events[-1].unranked == (skipped,)


def test_nothing_that_can_be_compared_is_an_error_with_the_reasons(splits: Splits, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="None of the candidates"):
        ranking(splits, str(tmp_path / "none"))


def test_numbers_are_refused() -> None:
    numbers = split(read({"text": [f"text {n}" for n in range(60)], "label": [n + 0.5 for n in range(60)]}))
    with pytest.raises(RecipeError, match="classification only"):
        ranking(numbers, "embedded")


def test_the_budget_is_kept(models: Path) -> None:
    """Far more candidates than can be compared in the time: what was begun in vain is dropped, and the rest skipped."""
    splits = opinions(4000)
    began = time.perf_counter()
    budget = 1.5
    try:
        ranking(splits, *(f"{models / 'bert'}", f"{models / 'roberta'}"), budget=budget)
    except ModelError as error:
        assert "time" in str(error)  # noqa: PT017
    assert time.perf_counter() - began < budget + 2.0


def test_time_spent_before_counts(splits: Splits, models: Path) -> None:
    with pytest.raises(ModelError, match="time"):
        list(choose(splits, FP32, ChooseOptions((str(models),), 10.0, began=time.perf_counter() - 11)))


def test_the_recipe_that_is_asked_for_decides_the_cost(splits: Splits, models: Path) -> None:
    name = str(models / "bert@1")
    *_, one = choose(splits, dataclasses.replace(FP32, settings={"epochs": "1"}), ChooseOptions((name,)))
    *_, ten = choose(splits, dataclasses.replace(FP32, settings={"epochs": "10"}), ChooseOptions((name,)))
    assert ten.forecasts[0].costs.minutes > 3 * one.forecasts[0].costs.minutes
    assert [forecast.candidate.name for forecast in one.forecasts] == [name]
