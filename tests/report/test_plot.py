"""Plots: spots where their numbers are, intervals, names, and the section and page of a choice."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from graft.records import Candidate, Costs, Forecast, Heat, Ranking, Sampled, Unranked, View
from graft.report.blocks import Plot, Spot, Trace
from graft.report.compose_choice import choice_section, compose_choice
from graft.report.page import render
from graft.report.plot import plot

NEXT = "graft run reviews.csv --model embedded"


def spots(*places: tuple[float, float]) -> tuple[Spot, ...]:
    return tuple(
        Spot(across, value, f"{across:g} gives {value:g}", (value - 0.05, value + 0.05)) for across, value in places
    )


def circles(drawn: str) -> list[tuple[float, float]]:
    found = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="3.2"', drawn)
    return [(float(x), float(y)) for x, y in found]


@pytest.mark.parametrize("width", [340, 760])
def test_spots_lie_right_and_up_with_their_numbers_and_a_log_axis_spaces_tenfolds_evenly(width: int) -> None:
    trace = Trace("a model", spots((0.1, 0.5), (1.0, 0.6), (10.0, 0.7)))
    places = circles(plot(Plot("a plot", "minutes", (trace,), logarithmic=True), width))
    assert len(places) == 3
    (first, low), (second, _), (third, high) = places
    assert second - first == pytest.approx(third - second, abs=0.2)
    assert high < low  # a larger share is drawn higher
    assert third < width


def test_names_do_not_lie_on_each_other() -> None:
    traces = tuple(Trace(f"model {number}", spots((1, 0.8), (2, 0.801))) for number in range(5))
    drawn = plot(Plot("a plot", "block", traces), 760)
    heights = sorted(float(y) for y in re.findall(r'y="([\d.]+)" class="small">model', drawn))
    assert len(heights) == 5
    assert all(after - before >= 14 for before, after in pairwise(heights))


def ranking() -> Ranking:
    def forecast(depth: int, expected: float, minutes: float) -> Forecast:
        name = "embedded" if depth == 2 else "embedded@1"
        candidate = Candidate(name, "bert", depth, 2, 384, 20_000_000, 512)
        costs = Costs(minutes, 10**9, 10**8, 1.5)
        reach = (expected - 0.1, min(expected + 0.05, 1.0))
        return Forecast(
            candidate, expected, reach, 0.7, View("mean", depth, 0.8, 0.7, 1.0, 2.0), costs, ("A reason.",), True
        )

    views = {"embedded": tuple(View("mean", depth, 0.7 + 0.05 * depth, 0.7, 1.0, 2.0) for depth in (1, 2))}
    heats = (Heat("embedded", 1, 400, 100, 0.91, 3.0), Heat("embedded@1", 1, 400, 100, 0.9, 2.0))
    skipped = (Unranked("<b>broken", "it has no weights"),)
    found = (forecast(2, 0.92, 2.0), forecast(1, 0.9, 1.0))
    return Ranking(
        "accuracy", Sampled(500, 900), found, views, skipped, heats, "embedded", "it was the best", "On 24.", 9.0
    )


def test_a_choice_is_told_with_cost_depths_race_reasons_and_what_was_left_out() -> None:
    section = choice_section(ranking())
    cost, depths = (block for block in section.blocks if isinstance(block, Plot))
    assert cost.logarithmic
    front, every = cost.traces
    assert [spot.across for spot in front.spots] == [1.0, 2.0]
    assert [spot.ours for spot in every.spots] == [True, False]
    assert [spot.across for spot in depths.traces[0].spots] == [1, 2]
    page = render(compose_choice(ranking(), "reviews.csv", NEXT))
    for said in (
        "500 of 900 rows",
        "embedded@1",
        "A reason.",
        "On 24.",
        "The race",
        "&lt;b&gt;broken",
        "80% intervals",
        NEXT,
    ):
        assert said in page
    assert "<b>broken" not in page


def test_without_a_race_or_what_was_skipped_these_are_not_told() -> None:
    page = render(compose_choice(replace(ranking(), heats=(), unranked=()), "reviews.csv", NEXT))
    assert "The race" not in page
    assert "Not compared" not in page


def correlated() -> Ranking:
    """A comparison by a correlation, some of it negative."""
    made = ranking()
    found = tuple(
        replace(one, expected=value, interval=(value - 0.1, value + 0.1), prior=None)
        for one, value in zip(made.forecasts, (0.5, -0.2), strict=True)
    )
    views = {"embedded": tuple(replace(view, probe=-0.3) for view in made.views["embedded"])}
    heats = tuple(replace(heat, value=0.523, metric="pearson") for heat in made.heats)
    return replace(made, metric="pearson", forecasts=found, views=views, heats=heats)


def test_a_comparison_by_a_correlation_reads_as_one() -> None:
    page = render(compose_choice(correlated(), "pairs.csv", NEXT))
    assert "0.523" in page
    assert not re.search(r"\d%", page.partition("<body>")[2].replace("80% interval", ""))


def test_values_below_nothing_stay_within_the_plot() -> None:
    for block in (block for block in choice_section(correlated()).blocks if isinstance(block, Plot)):
        drawn = plot(block, 760)
        bottom = max(map(float, re.findall(r'y1="([\d.]+)" x2="[\d.]+" y2="\1" class="axis"', drawn)))
        assert all(y < bottom for _, y in circles(drawn))
    depths = next(
        block for block in choice_section(correlated()).blocks if isinstance(block, Plot) and block.axis == "block"
    )
    assert {spot.value for trace in depths.traces for spot in trace.spots} == {-0.3}
