"""Shapes and scales for charts: small functions from numbers to SVG text. Knows nothing of what is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graft.report.words import escape

Attributes = Mapping[str, object]


def tag(name: str, attributes: Attributes, *children: str) -> str:
    """An element. Attribute values are escaped; children must already be markup."""
    written = "".join(f' {key}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return escape(value)


def drawing(width: float, height: float, label: str, children: Iterable[str], variant: str = "") -> str:
    """A whole SVG image with a text for those who cannot see it."""
    attributes = {
        "viewBox": f"0 0 {width:.0f} {height:.0f}",
        "width": round(width),
        "height": round(height),
        "role": "img",
        "aria-label": label,
        "class": variant or None,
    }
    return tag("svg", attributes, "".join(children) or " ")


def tip(label: str) -> str:
    """What is said when the pointer rests on a shape."""
    return f"<title>{escape(label)}</title>"


def text(x: float, y: float, content: str, style: str = "", anchor: str = "start") -> str:
    """A line of text; `style` is a class name."""
    placed = {
        "x": float(x),
        "y": float(y),
        "class": style or None,
        "text-anchor": None if anchor == "start" else anchor,
    }
    return tag("text", placed, escape(content) or " ")


def line(start: tuple[float, float], end: tuple[float, float], style: str, *children: str) -> str:
    ends = {"x1": float(start[0]), "y1": float(start[1]), "x2": float(end[0]), "y2": float(end[1])}
    return tag("line", {**ends, "class": style}, *children)


def circle(x: float, y: float, radius: float, style: str, *children: str) -> str:
    return tag("circle", {"cx": float(x), "cy": float(y), "r": float(radius), "class": style}, *children)


def box(corner: tuple[float, float], width: float, height: float, style: str, *children: str) -> str:
    placed = {
        "x": float(corner[0]),
        "y": float(corner[1]),
        "width": float(max(width, 0)),
        "height": float(max(height, 0)),
    }
    return tag("rect", {**placed, "class": style}, *children)


def path(places: Iterable[tuple[float, float]], style: str) -> str:
    """A line through places."""
    steps = " ".join(f"{'M' if number == 0 else 'L'}{x:.1f} {y:.1f}" for number, (x, y) in enumerate(places))
    return tag("path", {"d": steps, "class": style})


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from data to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        share = (value - self.low) / span if span else 0.5
        return self.start + share * (self.end - self.start)


def tick_step(low: float, high: float, about: int) -> float:
    """A step of 1, 2 or 5 times a power of ten that gives about so many steps between `low` and `high`."""
    span = high - low
    if not (math.isfinite(span) and span > 1e-12 * max(abs(low), abs(high))):
        return 1.0
    raw = span / max(about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return float(next((factor for factor in (1, 2, 5) if raw <= factor * power), 10) * power)


def ticks(low: float, high: float, about: int = 4) -> tuple[float, ...]:
    """Round values within [low, high]; at least two where the range is not empty."""
    step = tick_step(low, high, about)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last <= first and high > low and about < 12:
        return ticks(low, high, about + 1)
    return tuple(float(f"{number * step:.12g}") for number in range(first, last + 1))


def time_ticks(high: float, about: int = 6) -> tuple[float, ...]:
    """Round times from 0 to `high` seconds: whole minutes and hours where the span is long."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
    if high < 1e-6:  # nothing was timed; steps so small would be rounded to others
        return (0.0,)
    if high <= 4:
        return ticks(0, high, about)
    step = next((step for step in steps if high / step <= about), 86400.0 * math.ceil(high / 86400 / about))
    return tuple(float(number * step) for number in range(int(high // step) + 1))


def padded(values: Iterable[float], floor: float | None = None, ceiling: float | None = None) -> tuple[float, float]:
    """A range around values with some air, held within `floor` and `ceiling`."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    air = 0.08 * (high - low) or 0.05 * abs(high) or 0.05
    low, high = low - air, high + air
    return (low if floor is None else max(low, floor), high if ceiling is None else min(high, ceiling))
