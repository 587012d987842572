"""The race: who takes part, how many rows there is time for, and that one who fails does not take the others along."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import tiny

import graft.race
from graft import machine
from graft.data.read import read
from graft.data.splitting.split import split
from graft.data.table import Splits
from graft.fit_options import FitOptions
from graft.race import FINALISTS, Course, Judge, can_be, contenders, finalists, planned, race, trial
from graft.records import Candidate, Costs, Forecast, Heat, Said, View


def forecast(name: str, expected: float, depth: int = 2, minutes: float = 0.1) -> Forecast:
    candidate = Candidate(name, "bert", depth, 2, 32, 100_000, 64)
    costs = Costs(minutes, 10**9, 10**6, 0.01 * minutes)
    interval = (expected - 0.1, expected + 0.1)
    return Forecast(candidate, expected, interval, 0.5, View("mean", depth, 0.8, 0.7, 1.0, 2.0), costs, ())


Outcome = TypeVar("Outcome")


def result(racing: Generator[object, None, Outcome]) -> Outcome:
    while True:
        try:
            next(racing)
        except StopIteration as done:
            return done.value


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> dict[str, float | None]:
    """What each finalist reaches without being trained; None: it fails."""
    reached: dict[str, float | None] = {}

    def heat(one: Forecast, number: int, rows: int, track: Course) -> Iterator[Heat]:
        value = reached[one.candidate.name]
        if value is None:
            return None
        yield (found := Heat(one.candidate.name, number, rows, track.judged, value, 0.1))
        return found

    monkeypatch.setattr(graft.race, "_heat", heat)
    return reached


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


def test_where_the_cheapest_is_sought_the_best_races_those_that_are_cheaper_and_near() -> None:
    ordered = [forecast("a", 0.9), forecast("b", 0.895, minutes=0.2), forecast("a@2", 0.893, 2, 0.05)]
    ordered += [forecast("a@1", 0.891, 1, 0.02), forecast("c", 0.5, minutes=0.01)]
    assert names(contenders(ordered, 0.01)) == ["a", "a@1", "a@2"]


def test_there_can_be_no_race_over_few_rows_nor_without_a_judge() -> None:
    assert can_be(Judge(), 200)
    assert not can_be(Judge(), 198)
    assert not can_be(Judge(metric="tag_f1"), 1000)


def test_more_time_means_more_rows_and_too_little_means_no_race(splits: Splits) -> None:
    entrants = [forecast("a", 0.9), forecast("b", 0.9)]
    slow = [dataclasses.replace(one, costs=dataclasses.replace(one.costs, milliseconds=20.0)) for one in entrants]
    assert planned(entrants, course(splits, 5.0)) >= planned(slow, course(splits, 30.0)) > 0
    assert planned(entrants, course(splits, 600.0)) == course(splits, 600.0).most
    quicker, slower = (planned(entrants, course(splits, 5.0), pace) for pace in (0.6, 2.0))
    assert quicker >= planned(entrants, course(splits, 5.0)) >= slower
    assert planned(entrants, course(splits, 1.0)) == 0
    (said,) = race(entrants, course(splits, 1.0))
    assert isinstance(said, Said)
    assert "2 finalists would take about" in said.text
    assert "150 rows" in said.text
    assert "s are left" in said.text
    (said,) = trial(entrants, course(splits, 1.0), 0.1)
    assert "There is no race" in said.text


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


def test_a_round_that_would_repeat_the_last_one_is_not_run(splits: Splits, values: dict[str, float | None]) -> None:
    track = dataclasses.replace(course(splits, 600.0), per_text=dict.fromkeys("abcd", 6.0))
    values |= {"a": 0.7, "b": 0.8, "c": 0.9, "d": 0.6}
    last = result(race([forecast(name, 0.9) for name in "abcd"], track))
    assert [(heat.name, heat.round, heat.rows) for heat in last] == [(name, 1, track.most) for name in "cbad"]


def test_the_cheapest_ones_run_until_one_is_near_the_best(splits: Splits, values: dict[str, float | None]) -> None:
    entrants = [forecast(name, 0.9) for name in "abcde"]
    track = dataclasses.replace(course(splits, 600.0), per_text=dict.fromkeys("abcde", 6.0))
    values |= {"a": 0.9, "b": 0.5, "c": 0.85, "d": 0.9, "e": 0.9}
    found = result(trial(entrants, track, 0.1))
    assert [heat.name for heat in found.heats] == ["a", "b", "c"]
    assert names(list(found.open)) == ["d", "e"]
    values |= {"b": None, "c": 0.5, "d": 0.6}
    found = result(trial(entrants, track, 0.1))
    assert [heat.name for heat in found.heats] == ["a", "c", "d"]
    assert names(list(found.open)) == ["e"]
    assert result(trial(entrants, dataclasses.replace(track, deadline=time.perf_counter()), 0.1)).heats == ()
