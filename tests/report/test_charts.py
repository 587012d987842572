"""Charts as well-formed SVG that says what it shows: intervals, bars, reliability."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.report import charts, words
from graft.report.blocks import Bar, Bars, Bin, Intervals, Measured, Reliability
from graft.report.charts import NARROW, WIDE

STROKE = 2  # pixels that a value's stroke is wide, as in report.css
WIDTHS = pytest.mark.parametrize("width", [WIDE, NARROW])


def parsed(drawn: str) -> ElementTree.Element:
    places = ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "d", "points", "transform")
    for element in ElementTree.fromstring(drawn).iter():  # a name may well be "Nan"
        assert not any("nan" in element.get(place, "") for place in places)
    return ElementTree.fromstring(drawn)


def texts(image: ElementTree.Element) -> list[str]:
    return ["".join(element.itertext()) for element in image.iter("text")]


@WIDTHS
def test_intervals_stand_where_their_numbers_say(width: int) -> None:
    rows = (
        Measured("This model", 0.884, (0.869, 0.898), True),
        Measured("TF-IDF", 0.812, (0.79, 0.83)),
        Measured("Majority", 0.5, None),
    )
    image = parsed(charts.intervals(Intervals("Accuracy", "share", rows), width))
    strokes = [element for element in image.iter("line") if "value" in element.get("class", "")]
    dots = [float(element.get("x1", "nan")) for element in strokes]
    assert dots == sorted(dots, reverse=True)
    assert len(dots) == 3
    reaches = [element for element in image.iter("line") if "reach" in element.get("class", "")]
    assert len(reaches) == 2
    for dot, reach in zip(dots, reaches, strict=False):
        assert float(reach.get("x1", "nan")) < dot < float(reach.get("x2", "nan"))
    assert image.get("aria-label", "").startswith("Accuracy: This model 88.4% (86.9–89.8%); TF-IDF 81.2%")
    assert any("88.4%" in text for text in texts(image))


@WIDTHS
def test_a_narrow_interval_stands_out_beside_its_value(width: int) -> None:
    rows = (Measured("This model", 0.9, (0.896, 0.904), True), Measured("Majority", 0.5, (0.49, 0.51)))
    image = parsed(charts.intervals(Intervals("Accuracy", "share", rows), width))
    band = next(element for element in image.iter("line") if "reach" in element.get("class", ""))
    assert float(band.get("x2", "nan")) - float(band.get("x1", "nan")) > 2.5 * STROKE
    assert not list(image.iter("circle"))


@given(st.lists(st.tuples(st.text(max_size=40), st.floats(0, 1)), min_size=1, max_size=6))
def test_any_names_and_shares_make_well_formed_images(rows: list[tuple[str, float]]) -> None:
    measured = tuple(Measured(name, value, (value * 0.9, value)) for name, value in rows)
    parsed(charts.intervals(Intervals("x", "share", measured), NARROW))


@WIDTHS
def test_bars_are_as_long_as_their_values(width: int) -> None:
    image = parsed(
        charts.bars(Bars("Time", "seconds", (Bar("read", 10.0), Bar("train", 40.0), Bar("none", 0.0))), width)
    )
    lengths = [float(element.get("width", "nan")) for element in image.iter("rect")]
    assert lengths[1] == pytest.approx(4 * lengths[0], rel=0.01)
    assert lengths[2] > 0
    said = " ".join(texts(image))
    assert "40 s" in said
    assert "80%" in said


def test_bars_of_nothing_are_an_image_still() -> None:
    parsed(charts.bars(Bars("Time", "seconds", ()), WIDE))
    parsed(charts.bars(Bars("Time", "seconds", (Bar("read", 0.0),)), WIDE))


def test_reliability_draws_the_filled_bins_only() -> None:
    bins = (Bin(0.0, 0.1, 0, 0.0, 0.0), Bin(0.8, 0.9, 10, 0.85, 0.7), Bin(0.9, 1.0, 90, 0.97, 0.96))
    image = parsed(charts.reliability(Reliability("Calibration", bins)))
    dots = [
        (float(dot.get("cx", "nan")), float(dot.get("cy", "nan")), float(dot.get("r", "nan")))
        for dot in image.iter("circle")
    ]
    assert len(dots) == 2
    (x1, y1, r1), (x2, y2, r2) = dots
    assert x1 < x2
    assert y1 > y2  # less accurate, so lower
    assert r1 < r2
    assert "confidence 85%, 70% right of 10" in image.get("aria-label", "")


def test_reliability_keeps_a_bin_of_no_accuracy_inside_the_square() -> None:
    image = parsed(charts.reliability(Reliability("x", (Bin(0.9, 1.0, 3, 0.93, 0.0),))))
    height = float(image.get("height", "nan"))
    assert all(0 <= float(dot.get("cy", "nan")) <= height for dot in image.iter("circle"))


@pytest.mark.parametrize("size", [2e-6, 1.0, 2e4, 3e11])
def test_a_value_does_not_lie_on_its_interval_or_on_the_plot(size: float) -> None:
    rows = (Measured("This model", 0.9104 * size, (0.738 * size, 1.1 * size), True), Measured("Mean", size, None))
    image = parsed(charts.intervals(Intervals("RMSE", "number", rows), WIDE))
    right = max(float(line.get("x2", "nan")) for line in image.iter("line"))
    labels = [element for element in image.iter("text") if element.get("text-anchor") == "end"]
    value, between = labels[:2]
    ends = [float(element.get("x", "nan")) for element in (value, between)]
    starts = [end - words.text_width(one.text or "", 13) for end, one in zip(ends, (value, between), strict=True)]
    assert right < starts[0] < ends[0] < starts[1]


@WIDTHS
def test_ticks_of_any_size_are_told_apart(width: int) -> None:
    rows = (Measured("This model", 5.1e-5, (4.9e-5, 5.3e-5), True),)
    image = parsed(charts.intervals(Intervals("RMSE", "number", rows), width))
    ticks = [element.text for element in image.iter("text") if element.get("class") == "tick"]
    assert len(set(ticks)) == len(ticks) >= 2
    assert not any(tick in ("0.000", "0") for tick in ticks)
