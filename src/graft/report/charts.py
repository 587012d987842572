"""Interval, bar and reliability charts as SVG text. Colours come from the page's variables: themes need no redrawing.

Each function takes a record and the width in pixels to draw for: pages carry a wide and a narrow drawing of each chart.
"""

from __future__ import annotations

from graft.report import svg, words
from graft.report.blocks import Bar, Bars, Intervals, Measured, Reliability
from graft.report.words import Unit

WIDE, NARROW = 760, 340
_LABEL = 13.0  # font size of labels, as in report.css
_NAME = 250.0  # pixels at most for the names left of a plot


# ------------------------------------------------------------------------------------------------------- intervals


def intervals(block: Intervals, width: int) -> str:
    """Intervals as bands, each with a stroke at its value, on a shared axis; names stand left of the plot, or above
    each row where it is narrow."""
    narrow = width < 500
    top, row_height = (6, 52) if narrow else (8, 34)
    left, right = (8.0, width - 10.0) if narrow else (_name_room(block.rows), width - sum(_rooms(block)))
    bottom = top + row_height * len(block.rows)
    low, high = _reach(block)
    across = svg.Scale(low, high, left, right)
    marks = [_grid(across, block.unit, (top, bottom), 3 if narrow else 5)]
    for number, row in enumerate(block.rows):
        middle = top + row_height * number + (36 if narrow else row_height / 2)
        marks.append(_interval_names(row, block, middle, width))
        marks.append(_interval_mark(row, block.unit, across, middle))
    return svg.drawing(width, bottom + 24, _intervals_label(block), marks)


def _name_room(rows: tuple[Measured, ...]) -> float:
    return min(_NAME, 22 + max((words.text_width(row.name, _LABEL) for row in rows), default=0))


def _rooms(block: Intervals) -> tuple[float, float]:
    """Pixels right of the plot for the values, and for the intervals after them."""
    values = max((words.text_width(words.amount(row.value, block.unit), _LABEL) for row in block.rows), default=0.0)
    between = max((words.text_width(_between(row, block.unit)) for row in block.rows), default=0.0)
    return values + 24, between and between + 24


def _between(row: Measured, unit: Unit) -> str:
    return words.interval(*row.interval, unit).removesuffix("%") if row.interval else ""


def _reach(block: Intervals) -> tuple[float, float]:
    values = [value for row in block.rows for value in (row.value, *(row.interval or ()))]
    return svg.padded(values, 0.0, 1.0) if block.unit == "share" else svg.padded(values)


def _grid(across: svg.Scale, unit: Unit, span: tuple[float, float], about: int) -> str:
    parts = []
    values = svg.ticks(across.low, across.high, about)
    for value, name in zip(values, words.ticks(values, unit), strict=True):
        x = across(value)
        parts.append(svg.line((x, span[0]), (x, span[1]), "grid"))
        parts.append(svg.text(x, span[1] + 17, name, "tick", "middle"))
    return "".join(parts)


def _interval_names(row: Measured, block: Intervals, middle: float, width: int) -> str:
    style = "label strong" if row.ours else "label"
    value, between = words.amount(row.value, block.unit), _between(row, block.unit)
    if width < 500:
        reading = f"{value} ({between})" if between else value
        name = words.fit_width(row.name, width - 28 - words.text_width(reading, _LABEL), _LABEL)
        return svg.text(8, middle - 13, name, style) + svg.text(width - 8, middle - 13, reading, "label", "end")
    return (
        svg.text(0, middle + 4.5, words.fit_width(row.name, _NAME - 15, _LABEL), style)
        + svg.text(width - _rooms(block)[1], middle + 4.5, value, style, "end")
        + svg.text(width, middle + 4.5, between, "tick", "end")
    )


def _interval_mark(row: Measured, unit: Unit, across: svg.Scale, middle: float) -> str:
    style = "ours" if row.ours else "other"
    said = f"{row.name}: {words.amount(row.value, unit)}"
    if row.interval:
        said += f" (95% interval {words.interval(*row.interval, unit)})"
    said += f". {row.note}" if row.note else ""
    band = ""
    if row.interval:
        band = svg.line((across(row.interval[0]), middle), (across(row.interval[1]), middle), f"reach {style}")
    x, half = across(row.value), 9 if row.ours else 7
    stroke = svg.line((x, middle - half), (x, middle + half), f"value {style}")  # narrow: it hides no interval
    target = svg.box((across.start, middle - 12), across.end - across.start, 24, "target", svg.tip(said))
    return band + stroke + target


def _intervals_label(block: Intervals) -> str:
    said = []
    for row in block.rows:
        between = f" ({words.interval(*row.interval, block.unit)})" if row.interval else ""
        said.append(f"{row.name} {words.amount(row.value, block.unit)}{between}")
    return f"{block.caption}: " + "; ".join(said)


# ------------------------------------------------------------------------------------------------------- bars


def bars(block: Bars, width: int) -> str:
    """Horizontal bars with their value and share of the whole."""
    narrow = width < 500
    row_height, top = (42, 4) if narrow else (30, 4)
    room = min(230.0, 22 + max((words.text_width(bar.name, _LABEL) for bar in block.bars), default=0))
    left, right = (0.0, float(width)) if narrow else (room, width - 150.0)
    across = svg.Scale(0.0, max((bar.value for bar in block.bars), default=1.0) or 1.0, left, right)
    whole = sum(bar.value for bar in block.bars)
    marks = []
    for number, bar in enumerate(block.bars):
        middle = top + row_height * number + (29 if narrow else row_height / 2)
        marks.append(_bar(block, bar, across, middle, (width, whole)))
    return svg.drawing(width, top + row_height * len(block.bars) + 4, _bars_label(block), marks)


def _bar(block: Bars, bar: Bar, across: svg.Scale, middle: float, frame: tuple[int, float]) -> str:
    width, whole = frame
    narrow = width < 500
    share = words.percent(bar.value / whole, 0) if whole else words.MISSING
    reading = _reading(bar.value, block.unit)
    said = svg.tip(f"{bar.name}: {reading}, {share}" + (f". {bar.note}" if bar.note else ""))
    name = words.fit_width(bar.name, width - 130 if narrow else 215, _LABEL)
    shape = svg.box((across.start, middle - 6), max(across(bar.value) - across.start, 1.5), 12, "bar", said)
    if narrow:
        texts = svg.text(0, middle - 13, name, "label")
        return shape + texts + svg.text(width, middle - 13, f"{reading} · {share}", "label", "end")
    return (
        shape
        + svg.text(0, middle + 4.5, name, "label")
        + svg.text(width - 52, middle + 4.5, reading, "label", "end")
        + svg.text(width, middle + 4.5, share, "tick", "end")
    )


def _reading(value: float, unit: str) -> str:
    return words.duration(value) if unit == "seconds" else words.count(round(value))


def _bars_label(block: Bars) -> str:
    return f"{block.caption}: " + "; ".join(f"{bar.name} {_reading(bar.value, block.unit)}" for bar in block.bars)


# ------------------------------------------------------------------------------------------------------- reliability


def reliability(block: Reliability, width: int = NARROW) -> str:
    """A square of accuracy against confidence with the diagonal, and below it how many predictions each bin holds."""
    filled = [piece for piece in block.bins if piece.count]
    low = min((min(piece.low, piece.accuracy) for piece in filled), default=0.0)
    low = max(0.0, int(low * 10) / 10 if low < 0.95 else 0.9)
    left, side, top = 44.0, width - 56.0, 8.0
    across = svg.Scale(low, 1.0, left, left + side)
    upward = svg.Scale(low, 1.0, top + side, top)
    under = top + side + 30
    marks = [_reliability_frame(across, upward, under)]
    largest = max((piece.count for piece in filled), default=1)
    for piece in filled:
        marks.append(_reliability_mark(piece.confidence, piece.accuracy, piece.count / largest, (across, upward)))
        said = svg.tip(
            f"Confidence {words.percent(piece.low, 0)}–{words.percent(piece.high, 0)}: "
            f"{words.plural(piece.count, 'text')}, {words.percent(piece.accuracy)} right"
        )
        tall = max(52 * piece.count / largest, 1.0)
        start, end = across(max(piece.low, low)) + 1, across(piece.high) - 1
        marks.append(svg.box((start, under + 58 - tall), end - start, tall, "bar quiet", said))
        marks.append(svg.box((start, top), end - start, side, "target", said))
    said = "; ".join(
        f"confidence {words.percent(piece.confidence, 0)}, {words.percent(piece.accuracy, 0)} right of {piece.count}"
        for piece in filled
    )
    return svg.drawing(width, under + 84, f"{block.caption}: {said}", marks, "natural")


def _reliability_frame(across: svg.Scale, upward: svg.Scale, under: float) -> str:
    parts = []
    for value in svg.ticks(across.low, 1.0, 4):
        x, y = across(value), upward(value)
        parts.append(svg.line((x, upward.end), (x, upward.start), "grid"))
        parts.append(svg.line((across.start, y), (across.end, y), "grid"))
        parts.append(svg.text(x, upward.start + 17, words.percent(value, 0), "tick", "middle"))
        parts.append(svg.text(across.start - 7, y + 4, words.percent(value, 0), "tick", "end"))
    corners = (across(across.low), upward(across.low)), (across(1.0), upward(1.0))
    parts.append(svg.line(*corners, "diagonal"))
    parts.append(svg.line((across.start, under + 58), (across.end, under + 58), "axis"))
    middle = (across.start + across.end) / 2
    parts.append(svg.text(middle, under + 76, "confidence, and how many texts have it", "tick", "middle"))
    return "".join(parts)


def _reliability_mark(confidence: float, accuracy: float, share: float, scales: tuple[svg.Scale, svg.Scale]) -> str:
    across, upward = scales
    x, y = across(max(confidence, across.low)), upward(accuracy)
    gap = svg.line((x, upward(max(confidence, upward.low))), (x, y), "gap")
    return gap + svg.circle(x, y, 3 + 4 * share**0.5, "dot ours")
