"""A scatter plot as SVG text: predicted against true numbers, on one scale both ways."""

from __future__ import annotations

from graft.report import svg, words
from graft.report.blocks import Scatter

SIDE = 420  # pixels: wide enough for a thousand dots, narrow enough for a phone when scaled
MOST_TOLD = 200  # dots up to which each says its numbers when pointed at


def scatter(block: Scatter, width: int = SIDE) -> str:
    """A square with the diagonal, a dot per text."""
    low, high = svg.padded([value for point in block.points for value in point])
    values = svg.ticks(low, high, 5)
    named = tuple(zip(values, words.ticks(values, "number"), strict=True))
    left, top = max(44.0, 12 + max(words.text_width(name) for _, name in named)), 8.0
    side = width - left - 12
    across, upward = svg.Scale(low, high, left, left + side), svg.Scale(low, high, top + side, top)
    marks = [_frame(across, upward, named)]
    tells = len(block.points) <= MOST_TOLD
    for truth, predicted in block.points:
        told = svg.tip(f"true {words.number(truth)}, predicted {words.number(predicted)}") if tells else " "
        marks.append(svg.circle(across(truth), upward(predicted), 2.6, "dot cloud", told))
    texts, span = words.plural(len(block.points), "text"), f"from {words.number(low)} to {words.number(high)}"
    said = f"{block.caption}: {texts}, numbers {span}"
    return svg.drawing(width, top + side + 44, said, marks, "natural")


def _frame(across: svg.Scale, upward: svg.Scale, named: tuple[tuple[float, str], ...]) -> str:
    parts = []
    for value, name in named:
        x, y = across(value), upward(value)
        parts.append(svg.line((x, upward.end), (x, upward.start), "grid"))
        parts.append(svg.line((across.start, y), (across.end, y), "grid"))
        parts.append(svg.text(x, upward.start + 17, name, "tick", "middle"))
        parts.append(svg.text(across.start - 7, y + 4, name, "tick", "end"))
    parts.append(svg.line((across.start, upward.start), (across.end, upward.end), "diagonal"))
    parts.append(svg.text((across.start + across.end) / 2, upward.start + 36, "true", "tick", "middle"))
    parts.append(svg.text(across.start + 10, upward.end + 18, "predicted", "tick"))
    return "".join(parts)
