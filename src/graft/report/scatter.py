"""A scatter plot as SVG text: predicted against true numbers, on one scale both ways."""

from __future__ import annotations

from graft.report import svg, words
from graft.report.blocks import Scatter

SIDE = 420  # pixels: wide enough for a thousand dots, narrow enough for a phone when scaled
MOST_TOLD = 200  # dots up to which each says its numbers when pointed at


def scatter(block: Scatter, width: int = SIDE) -> str:
    """A square with the diagonal, a dot per text."""
    low, high = svg.padded([value for point in block.points for value in point])
    left, top, side = 56.0, 8.0, width - 68.0
    across, upward = svg.Scale(low, high, left, left + side), svg.Scale(low, high, top + side, top)
    marks = [_frame(across, upward)]
    tells = len(block.points) <= MOST_TOLD
    for truth, predicted in block.points:
        told = svg.tip(f"true {words.decimal(truth)}, predicted {words.decimal(predicted)}") if tells else " "
        marks.append(svg.circle(across(truth), upward(predicted), 2.6, "dot cloud", told))
    texts, span = words.plural(len(block.points), "text"), f"from {words.decimal(low)} to {words.decimal(high)}"
    said = f"{block.caption}: {texts}, numbers {span}"
    return svg.drawing(width, top + side + 44, said, marks)


def _frame(across: svg.Scale, upward: svg.Scale) -> str:
    parts = []
    for value in svg.ticks(across.low, across.high, 5):
        x, y = across(value), upward(value)
        parts.append(svg.line((x, upward.end), (x, upward.start), "grid"))
        parts.append(svg.line((across.start, y), (across.end, y), "grid"))
        parts.append(svg.text(x, upward.start + 17, f"{value:g}", "tick", "middle"))
        parts.append(svg.text(across.start - 7, y + 4, f"{value:g}", "tick", "end"))
    parts.append(svg.line((across.start, upward.start), (across.end, upward.end), "diagonal"))
    parts.append(svg.text((across.start + across.end) / 2, upward.start + 36, "true", "tick", "middle"))
    parts.append(svg.text(across.start + 10, upward.end + 18, "predicted", "tick"))
    return "".join(parts)
