"""Curves against seconds as SVG text: one panel per quantity on a shared time axis, with stages, cuts and the best."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from graft.report import svg, words
from graft.report.blocks import Curves, Panel, Point, Series, Span

_HEAD, _GAP, _FOOT = 44.0, 30.0, 38.0


def curves(block: Curves, width: int) -> str:
    """The chart at this width in pixels."""
    narrow = width < 500
    tall = 140.0 if narrow else 168.0
    left, right = max(48.0, 12 + max(map(_room, block.panels), default=0.0)), width - 14.0
    end = max([span.end for span in block.spans] + [point.seconds for point in _points(block)], default=1.0) or 1.0
    across = svg.Scale(0.0, end, left, right)
    bottom = _HEAD + len(block.panels) * (tall + _GAP) - _GAP + 8
    marks = [_span(span, number, across, bottom) for number, span in enumerate(block.spans, start=1)]
    marks += [
        svg.line((across(point.seconds), _HEAD), (across(point.seconds), bottom), "bestline")
        for point in _points(block)
        if point.best
    ][:1]
    for number, panel in enumerate(block.panels):
        top = _HEAD + number * (tall + _GAP)
        marks.append(_panel(panel, across, (top + 30, top + tall)))
    marks.append(_time_axis(across, bottom, 4 if narrow else 8))
    return svg.drawing(width, bottom + _FOOT, _label(block), marks)


def _points(block: Curves) -> list[Point]:
    return [point for panel in block.panels for series in panel.series for point in series.points]


def _span(span: Span, number: int, across: svg.Scale, bottom: float) -> str:
    start, end = across(span.start), across(span.end)
    said = svg.tip(f"{span.name}: {span.note}, {words.duration(span.end - span.start)}")
    band = svg.box((start, 0), end - start, bottom, "band odd" if number % 2 else "band", said)
    room = end - start - 12
    name = words.fit_width(span.name, room, 13.0)
    if len(name) < min(4, len(span.name)):
        name = str(number) if room > 4 else ""
    whole = (span.note, span.note.partition(",")[0])  # a stump says nothing; the table of stages has it in full
    note = next((note for note in whole if words.text_width(note, 12.0) <= room), "")
    edge = svg.line((start, 0), (start, bottom), "cut") if number > 1 else ""
    return band + edge + svg.text(start + 7, 17, name, "label strong") + svg.text(start + 7, 33, note, "tick")


def _panel(panel: Panel, across: svg.Scale, span: tuple[float, float]) -> str:
    upward = svg.Scale(*_reach(panel), span[1], span[0])
    parts = [svg.text(across.start + 7, span[0] - 16, panel.name, "label")]
    for value, name in _ticks(panel):
        parts.append(svg.line((across.start, upward(value)), (across.end, upward(value)), "grid"))
        parts.append(svg.text(across.start - 7, upward(value) + 4, name, "tick", "end"))
    for series in panel.series:
        places = [(across(point.seconds), upward(point.value)) for point in series.points]
        tone = "curve second" if series.dashed else "curve"
        parts.append(svg.path(places, tone) if len(places) > 1 else "")
    for series in panel.series:
        tone = ("dot second" if series.dashed else "dot ours") + (" small" if _dense(series, across) else "")
        parts += [_point(point, panel, (across, upward), tone) for point in series.points]
    return "".join(parts)


def _dense(series: Series, across: svg.Scale) -> bool:
    """Whether the points stand too close together for dots of full size."""
    places = [across(point.seconds) for point in series.points]
    return any(after - before < 8 for before, after in pairwise(places))


def _reach(panel: Panel) -> tuple[float, float]:
    values = [point.value for series in panel.series for point in series.points]
    return svg.padded(values, 0.0 if min(values, default=0.0) >= 0 else None, 1.0 if panel.unit == "share" else None)


def _ticks(panel: Panel) -> Iterator[tuple[float, str]]:
    values = svg.ticks(*_reach(panel), 3)
    return zip(values, words.ticks(values, panel.unit), strict=True)


def _room(panel: Panel) -> float:
    """Pixels of its widest tick."""
    return max(words.text_width(name) for _, name in _ticks(panel))


def _point(point: Point, panel: Panel, scales: tuple[svg.Scale, svg.Scale], tone: str) -> str:
    across, upward = scales
    x, y = across(point.seconds), upward(point.value)
    mark = svg.circle(x, y, 2.0 if "small" in tone else 3.2, tone) + svg.circle(
        x, y, 11, "target", svg.tip(point.label)
    )
    if not point.best:
        return mark
    reading = f"best {words.amount(point.value, panel.unit)}"
    room = words.text_width(reading, 13.0)
    after = x + 14 + room <= across.end
    lower = x < across.start + 150 and y + 22 < upward.start  # at the left, the panel's name stands above
    label = svg.text(
        x + 10 if after else x - 10, y + 20 if lower else y - 12, reading, "label best", "start" if after else "end"
    )
    return svg.circle(x, y, 7, "ring") + label + mark


def _time_axis(across: svg.Scale, bottom: float, about: int) -> str:
    parts = [svg.line((across.start, bottom), (across.end, bottom), "axis")]
    for value in svg.time_ticks(across.high, about):
        x = across(value)
        anchor = "end" if x > across.end - 12 else "middle"
        parts.append(svg.line((x, bottom), (x, bottom + 4), "axis"))
        parts.append(svg.text(min(x, across.end), bottom + 18, _moment(value, across.high), "tick", anchor))
    parts.append(svg.text((across.start + across.end) / 2, bottom + 35, "time since training began", "tick", "middle"))
    return "".join(parts)


def _moment(seconds: float, whole: float) -> str:
    """A tick's time in the unit that suits the whole axis: "0", "1.5 s", "70 s", "2.5 min", "1 h"."""
    if seconds == 0:
        return "0"
    if whole < 180:
        return f"{seconds:g} s"
    return f"{seconds / 60:.3g} min" if whole < 7200 else f"{seconds / 3600:.3g} h"


def _label(block: Curves) -> str:
    said = [f"{span.name} ({span.note}) to {words.duration(span.end)}" for span in block.spans]
    best = [point.label for point in _points(block) if point.best]
    return f"{block.caption}. Stages: {'; '.join(said)}. Best: {best[0] if best else 'none'}"
