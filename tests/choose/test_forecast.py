"""The forecast: its weights are those of the results; order and pick follow from expectations and costs."""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.choose import forecast
from graft.choose.cost import Effort, costs
from graft.choose.entrant import Measured, Pace
from graft.records import Candidate, View

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def view(depth: int, probe: float, pooling: str = "mean") -> View:
    return View(pooling, depth, probe, probe - 0.05, -0.3, 2.0)


def measured(name: str, probes: list[float]) -> Measured:
    blocks = len(probes)
    model = Candidate(name, "bert", blocks, blocks, 64, 100_000 * blocks, 512)
    sizes = tuple(100_000 * depth for depth in range(1, blocks + 1))
    views = tuple(view(depth, probe) for depth, probe in enumerate(probes, 1))
    return Measured(model, sizes, views, 400, Pace(1e-5 * blocks, 20.0, 0.1), tuple(range(1, blocks + 1)))


def forecasts(*found: Measured):
    efforts = [(one, [Effort(1000, 10, 100)] * one.model.blocks) for one in found]
    return forecast.forecasts(efforts, forecast.Aim(train=800, classes=2))


def test_the_weights_are_those_that_the_results_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    choice = importlib.import_module("choice")
    cases = choice.cases()
    outputs = np.array([forecast.log_odds(case.truth) for case in cases])
    inputs = np.array([case.features for case in cases])
    fitted = forecast.FITTED
    used = [fitted.constant, fitted.probe, fitted.rows, fitted.blocks, fitted.classes]
    assert used == pytest.approx(choice.fitted(inputs, outputs), abs=5e-4)
    reach = np.quantile(choice.off(cases, choice.left_out(cases, inputs)), choice.COVERED)
    assert fitted.reach == pytest.approx(reach, abs=5e-4)
    sizes = np.array([[case.size] for case in cases])
    assert list(forecast.PRIOR) == pytest.approx(choice.fitted(sizes, outputs), abs=5e-4)
    truths = len({(case.candidate, case.data, case.learnt) for case in cases})
    assert re.findall(r"\d+", forecast.BASIS) == [str(truths)]
    assert choice.regret(cases, choice.left_out(cases, inputs)) <= 0.5


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(1, 50))
def test_a_better_probe_and_more_rows_never_lower_it_and_the_interval_holds_it(one: float, other: float, more: float):
    low, high = sorted((one, other))
    worse, interval = forecast.reached(forecast.features(low, 2, more, 5))
    better, _ = forecast.reached(forecast.features(high, 2, more, 5))
    least, _ = forecast.reached(forecast.features(low, 1, 1.0, 5))
    assert 0 < interval[0] < worse < interval[1] < 1
    assert better >= worse >= least


def test_every_depth_is_forecast_the_best_first_and_depths_carry_their_sizes_and_names():
    found = forecasts(measured("a", [0.7, 0.8, 0.9]), measured("b", [0.85]))
    assert [one.candidate.name for one in found] == ["a", "b", "a@2", "a@1"]
    assert [one.candidate.parameters for one in found] == [300_000, 100_000, 200_000, 100_000]
    assert found[0].efficient
    assert not next(one for one in found if one.candidate.name == "a@2").efficient  # b is cheaper and better
    assert "90.0%" in found[0].why[0]


def test_the_best_way_to_read_the_blocks_that_are_kept_counts():
    views = (view(1, 0.6, "first"), view(1, 0.8, "mean"), view(2, 0.9, "mean"), view(3, 0.85, "mean"))
    assert [forecast.best_view(views, depth) for depth in (1, 2, 3)] == [views[1], views[2], views[2]]
    whole, shorter = forecasts(measured("a", [0.6, 0.9, 0.85]))[:2]
    assert (whole.candidate.name, shorter.candidate.name) == ("a", "a@2")  # a last block takes nothing away
    assert "keeps 2 of 3" in shorter.why[-1]
    assert "keeps" not in whole.why[-1]


def test_the_pick_is_the_best_or_the_cheapest_that_is_near_it():
    found = forecasts(measured("a", [0.5, 0.89, 0.9]))
    assert forecast.picked(found, 0.0)[0].candidate.name == "a"
    near, why = forecast.picked(found, 0.02)
    assert near.candidate.name == "a@2"
    assert "cheapest that is expected within 2.0 points of the best (" in why
    assert "%" not in why
    assert forecast.picked(found, 0.9)[0].candidate.name == "a@1"
    alone = forecasts(measured("b", [0.5]))
    assert "only candidate" in forecast.picked(alone, 0.0)[1]


def test_what_tells_nothing_is_not_expected_below_the_commonest_class():
    one = measured("a", [0.0, 0.9])
    efforts = [(one, [Effort(1000, 10, 100)] * 2)]
    best, blind = forecast.forecasts(efforts, forecast.Aim(train=800, classes=2, commonest=0.6))
    assert (best, blind.expected, blind.interval[1]) == (forecasts(one)[0], 0.6, 0.6)
    assert blind.interval[0] < 0.1  # a training may fail all the same


def test_costs_grow_with_depth_and_effort():
    one = measured("a", [0.5, 0.6])
    effort = Effort(100_000, 100, 1000)
    shallow, deep = costs(one, 1, effort), costs(one, 2, effort)
    assert all(getattr(shallow, name) < getattr(deep, name) for name in ("minutes", "memory", "disk", "milliseconds"))
    longer = costs(one, 1, dataclasses.replace(effort, tokens=200_000))
    assert longer.minutes > shallow.minutes
    assert longer.milliseconds == shallow.milliseconds


def test_of_two_that_are_expected_alike_the_dearer_is_not_efficient():
    quick = measured("a", [0.6, 0.9])
    slow = dataclasses.replace(quick, model=dataclasses.replace(quick.model, name="b"), pace=Pace(1e-3, 20.0, 0.1))
    efficient = {one.candidate.name: one.efficient for one in forecasts(quick, slow)}
    assert efficient == {"a": True, "a@1": True, "b": False, "b@1": False}
