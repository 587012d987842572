"""The race: who takes part, how many rows there is time for, and that one who fails does not take the others along."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest
import tiny

from graft import machine
from graft.data.read import read
from graft.data.split import split
from graft.data.table import Splits
from graft.fitting import FitOptions
from graft.race import FINALISTS, Course, finalists, planned, race
from graft.records import Candidate, Costs, Forecast, Heat, Said, View


def forecast(name: str, expected: float, depth: int = 2, minutes: float = 0.1) -> Forecast:
    candidate = Candidate(name, "bert", depth, 2, 32, 100_000, 64)
    costs = Costs(minutes, 10**9, 10**6, 0.01 * minutes)
    interval = (expected - 0.1, expected + 0.1)
    return Forecast(candidate, expected, interval, 0.5, View("mean", depth, 0.8, 0.7, 1.0, 2.0), costs, ())


def names(found: list[Forecast]) -> list[str]:
    return [one.candidate.name for one in found]


@pytest.fixture(scope="module")
def splits() -> Splits:
    rows = [(f"a {('fine', 'poor')[n % 2]} {tiny.WORDS[n % 90]} {n}", ("good", "bad")[n % 2]) for n in range(400)]
    return split(read(rows))


def course(splits: Splits, seconds: float) -> Course:
    fit = FitOptions(precision="fp32", settings={"epochs": "1"})
    per_text = {"a": 6.0, "b": 6.0}
    until = time.perf_counter() + seconds
    return Course(splits.train, splits.classes, machine.choose("cpu", "fp32"), fit, per_text, until)


def test_each_models_best_depth_races_before_further_depths_and_those_below_the_best_do_not() -> None:
    ordered = [forecast("a", 0.9), forecast("a@1", 0.89, 1), forecast("b", 0.85), forecast("c", 0.6)]
    assert names(finalists(ordered, ordered[0])) == ["a", "b", "a@1"]
    many = [forecast(f"m{number}", 0.9 - 0.01 * number) for number in range(8)]
    assert len(finalists(many, many[0])) == FINALISTS


def test_a_cheaper_pick_races_the_best_alone() -> None:
    ordered = [forecast("a", 0.9), forecast("b", 0.895), forecast("a@1", 0.891, 1)]
    assert names(finalists(ordered, ordered[2])) == ["a", "a@1"]


def test_more_time_means_more_rows_and_too_little_means_no_race(splits: Splits) -> None:
    entrants = [forecast("a", 0.9), forecast("b", 0.9)]
    slow = [dataclasses.replace(one, costs=dataclasses.replace(one.costs, milliseconds=20.0)) for one in entrants]
    assert planned(entrants, course(splits, 5.0)) >= planned(slow, course(splits, 30.0)) > 0
    assert planned(entrants, course(splits, 600.0)) == course(splits, 600.0).most
    assert planned(entrants, course(splits, 1.0)) == 0
    assert list(race(entrants, course(splits, 1.0))) == [Said("There is no time left to race the finalists.")]


def test_one_that_fails_is_out_and_the_other_wins(splits: Splits, tmp_path: Path) -> None:
    model = str(tiny.bert(tmp_path / "bert", layers=2))
    missing = str(tmp_path / "missing")
    track = dataclasses.replace(course(splits, 60.0), per_text={model: 6.0, missing: 6.0})
    events = list(race([forecast(missing, 0.9), forecast(model, 0.8)], track))
    (heat,) = (event for event in events if isinstance(event, Heat))
    assert (heat.name, heat.round) == (model, 1)
    assert 0 < heat.value <= 1
    assert any(
        isinstance(event, Said) and "Out of the race" in event.text and missing in event.text for event in events
    )
