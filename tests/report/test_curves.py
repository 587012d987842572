"""The curves of a run's stages."""

from __future__ import annotations

import pytest

from graft.report.blocks import Curves, Panel, Point, Series, Span
from graft.report.charts import NARROW, WIDE
from graft.report.curves import curves
from report.test_charts import parsed, texts

SPANS = (Span("head", 0, 10, "6/6 frozen, cached"), Span("full", 10, 60, "everything trains"))
HEAD = Series("Accuracy", (Point(2, 0.7, "a"), Point(10, 0.8, "b")))
FULL = Series("Accuracy", (Point(12, 0.8, "c"), Point(40, 0.9, "the best", best=True), Point(60, 0.88, "d")))
CHART = Curves("Each stage", (Panel("Accuracy", "share", (HEAD, FULL)),), SPANS)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_stages_are_drawn_apart_and_the_best_is_ringed(width: int) -> None:
    image = parsed(curves(CHART, width))
    lines = [element for element in image.iter("path") if element.get("class") == "curve"]
    assert len(lines) == 2
    rings = [element for element in image.iter("circle") if element.get("class") == "ring"]
    dots = [element for element in image.iter("circle") if "dot" in element.get("class", "")]
    assert len(rings) == 1
    assert (rings[0].get("cx"), rings[0].get("cy")) in {(dot.get("cx"), dot.get("cy")) for dot in dots}
    assert "best 90.0%" in texts(image)
    assert "Best: the best" in image.get("aria-label", "")


def test_stages_and_cuts_are_named_and_bounded() -> None:
    image = parsed(curves(CHART, WIDE))
    said = texts(image)
    assert "head" in said
    assert "everything trains" in said
    cuts = [float(element.get("x1", "nan")) for element in image.iter("line") if element.get("class") == "cut"]
    bands = [element for element in image.iter("rect") if "band" in element.get("class", "")]
    assert [float(band.get("x", "nan")) for band in bands][1:] == cuts


def test_better_is_higher_on_the_page() -> None:
    image = parsed(curves(CHART, WIDE))
    dots = [float(dot.get("cy", "nan")) for dot in image.iter("circle") if "dot" in dot.get("class", "")]
    assert min(dots) == dots[3]


def test_a_stage_too_narrow_for_its_name_gets_its_number() -> None:
    spans = (Span("a very long name of a stage", 0, 5, "x"), Span("full", 5, 60, "y"))
    said = texts(parsed(curves(Curves("x", CHART.panels, spans), NARROW)))
    assert "1" in said


def test_a_single_point_at_time_zero_is_an_image() -> None:
    lone = Panel("Accuracy", "share", (Series("Accuracy", (Point(0, 0.5, "only", best=True),)),))
    parsed(curves(Curves("x", (lone,), (Span("head", 0, 0, ""),)), WIDE))
    parsed(curves(Curves("x", (Panel("Loss", "decimal", ()),), ()), WIDE))


def test_the_time_axis_keeps_one_unit() -> None:
    for end, unit in ((71.0, "s"), (600.0, "min"), (9000.0, "h")):
        lone = Panel("Loss", "decimal", (Series("Loss", (Point(end, 0.5, "x"),)),))
        image = parsed(curves(Curves("x", (lone,), (Span("all", 0, end, ""),)), WIDE))
        times = [text for text in texts(image) if text.rpartition(" ")[2] in ("s", "min", "h")]
        assert len(times) >= 2
        assert {text.rpartition(" ")[2] for text in times} == {unit}
