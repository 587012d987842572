"""Scales, ticks and elements."""

from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st

from graft.report import svg

numbers = st.floats(-1e6, 1e6)


@given(numbers, st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_lie_within_their_range_and_are_at_least_two(low: float, span: float, about: int) -> None:
    ticks = svg.ticks(low, low + span, about)
    assert len(ticks) >= 2
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in ticks)
    assert list(ticks) == sorted(set(ticks))


def test_ticks_are_round() -> None:
    assert svg.ticks(0.43, 0.97, 5) == (0.6, 0.8)
    assert svg.ticks(0, 10, 5) == (0, 2, 4, 6, 8, 10)


@example(6.8e-11, 4)
@given(st.floats(0, 1e6), st.integers(2, 9))
def test_times_start_at_zero_and_stay_few(high: float, about: int) -> None:
    times = svg.time_ticks(high, about)
    assert times[0] == 0
    assert times[-1] <= high * (1 + 1e-6)
    assert len(times) <= 2 * about + 2


def test_long_times_are_whole_minutes() -> None:
    assert svg.time_ticks(300, 6) == (0, 60, 120, 180, 240, 300)


@given(st.lists(numbers, max_size=5))
def test_a_padded_range_holds_its_values_and_is_never_empty(values: list[float]) -> None:
    low, high = svg.padded(values)
    assert low < high
    assert all(low <= value <= high for value in values)


def test_a_padded_range_keeps_its_limits_and_forgets_what_is_not_finite() -> None:
    assert svg.padded([0.02, 0.99], 0.0, 1.0) == (0.0, 1.0)
    assert all(map(math.isfinite, svg.padded([math.nan, math.inf])))


def test_a_scale_is_linear_and_survives_an_empty_range() -> None:
    across = svg.Scale(0, 10, 100, 200)
    assert [across(0), across(5), across(10)] == [100, 150, 200]
    assert svg.Scale(3, 3, 0, 10)(3) == 5


def test_attributes_and_texts_are_escaped() -> None:
    assert (
        svg.tag("rect", {"class": '"><script>', "x": 1.0, "rx": None})
        == '<rect class="&quot;&gt;&lt;script&gt;" x="1"/>'
    )
    assert "<b>" not in svg.text(0, 0, "<b>")
    assert svg.tip("<i>") == "<title>&lt;i&gt;</title>"
