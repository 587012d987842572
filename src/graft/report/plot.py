"""Values against a number as SVG text: spots with their intervals, joined into traces that end in their names."""

from __future__ import annotations

import math
from collections.abc import Iterator

from graft.report import svg, words
from graft.report.blocks import Plot, Spot, Trace

_TOP, _FOOT = 12.0, 46.0
_NAME = 12.0  # font size of a trace's name
_APART = 15.0  # pixels between names


def plot(block: Plot, width: int) -> str:
    """The plot at this width in pixels."""
    narrow = width < 500
    tall = 220.0 if narrow else 300.0
    room = min(
        120.0 if narrow else 190.0, 12 + max((words.text_width(one.name, _NAME) for one in block.traces), default=0)
    )
    places = [_place(block, spot) for trace in block.traces for spot in trace.spots]
    low, high = svg.padded(places)
    values = [value for spot in _spots(block) for value in (spot.value, *(spot.interval or ()))]
    bottom, top = svg.padded(values, 0.0, 1.0) if block.unit == "share" else svg.padded(values)
    upward = svg.Scale(bottom, top, _TOP + tall, _TOP)
    levels = svg.ticks(bottom, top, 5)
    named = tuple(zip(levels, words.ticks(levels, block.unit), strict=True))
    left = max(50.0, 12 + max(words.text_width(name) for _, name in named))
    across = svg.Scale(low, high, left, width - room)
    marks = [_frame(across, upward, named), *_below(block, across, upward.start, 3 if narrow else 6)]
    for trace in block.traces:
        marks += _trace(block, trace, (across, upward))
    marks += _names(block, (across, upward), room)
    return svg.drawing(width, _TOP + tall + _FOOT, _said(block), marks)


def _spots(block: Plot) -> Iterator[Spot]:
    return (spot for trace in block.traces for spot in trace.spots)


def _place(block: Plot, spot: Spot) -> float:
    return math.log10(spot.across) if block.logarithmic else spot.across


def _frame(across: svg.Scale, upward: svg.Scale, named: tuple[tuple[float, str], ...]) -> str:
    parts = []
    for value, name in named:
        y = upward(value)
        parts.append(svg.line((across.start, y), (across.end, y), "grid"))
        parts.append(svg.text(across.start - 7, y + 4, name, "tick", "end"))
    return "".join(parts)


def _below(block: Plot, across: svg.Scale, bottom: float, about: int) -> Iterator[str]:
    """The axis of the number that values are drawn against."""
    for at in _round(block, across, about):
        x = across(math.log10(at) if block.logarithmic else at)
        yield svg.line((x, bottom), (x, bottom + 4), "axis")
        yield svg.text(x, bottom + 18, f"{at:g}", "tick", "middle")
    yield svg.line((across.start, bottom), (across.end, bottom), "axis")
    yield svg.text((across.start + across.end) / 2, bottom + 38, block.axis, "tick", "middle")


def _round(block: Plot, across: svg.Scale, about: int) -> list[float]:
    """Round numbers on the axis: 1, 2 or 5 times a power of ten where it is logarithmic, whole ones otherwise."""
    if not block.logarithmic:
        return [value for value in svg.ticks(across.low, across.high, about) if value == round(value)]
    powers = range(math.floor(across.low), math.ceil(across.high) + 1)
    found = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    within = [value for value in found if across.low <= math.log10(value) <= across.high]
    return within if len(within) <= 2 * about else within[:: math.ceil(len(within) / about)]


def _trace(block: Plot, trace: Trace, scales: tuple[svg.Scale, svg.Scale]) -> Iterator[str]:
    across, upward = scales
    tone = "ours" if trace.ours else "other"
    places = [(across(_place(block, spot)), upward(spot.value)) for spot in trace.spots]
    if trace.joined and len(places) > 1:
        yield svg.path(places, "curve" if trace.ours else "curve other")
    for spot, (x, y) in zip(trace.spots, places, strict=True):
        mark = "ours" if trace.ours or spot.ours else "other"
        if spot.interval:
            ends = upward(spot.interval[0]), upward(spot.interval[1])
            yield svg.line((x, ends[0]), (x, ends[1]), f"whisker {mark}")
        yield svg.circle(x, y, 4.5 if spot.ours else 3.2, f"dot {mark or tone}")
        yield svg.circle(x, y, 11, "target", svg.tip(spot.label))
        if spot.ours:
            yield svg.circle(x, y, 8, "ring")


def _names(block: Plot, scales: tuple[svg.Scale, svg.Scale], room: float) -> Iterator[str]:
    """Each trace's name right of its last spot, moved down where it would lie on another."""
    across, upward = scales
    wanted = sorted((upward(trace.spots[-1].value), trace.name, trace.ours) for trace in block.traces if trace.spots)
    last = -math.inf
    for y, name, ours in wanted:
        if not name:
            continue
        last = max(y + 4, last + _APART)
        shown = words.fit_width(name, room - 8, _NAME)
        yield svg.text(across.end + 6, last, shown, "small strong" if ours else "small")


def _said(block: Plot) -> str:
    spots = "; ".join(spot.label for spot in list(_spots(block))[:40])
    return f"{block.caption}. {block.axis}. {spots}"
