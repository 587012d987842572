"""A confusion matrix as SVG text: with names and counts up to `LABELLED` classes, as a compact map beyond."""

from __future__ import annotations

from graft.report import svg, words
from graft.report.blocks import Heatmap

LABELLED = 16  # classes up to which names and counts can be read
NARROW = 18.0  # pixels of a cell below which leaning names would cover each other
_TIPS = 300  # cells of a compact map that say what they are; the others are drawn without
_LEVELS = 5
_DEEPEST = 0.45  # of a cell that holds a count, whose colour must leave the ink readable on light and dark pages
_LEAN = 0.743  # cosine of 42 degrees, at which long names lean


def heatmap(block: Heatmap, width: int) -> str:
    """The chart at this width in pixels."""
    return _labelled(block, width) if len(block.names) <= LABELLED else _compact(block, width)


def _share(counts: tuple[int, ...], column: int) -> float:
    total = sum(counts)
    return counts[column] / total if total else 0.0


def _tip(block: Heatmap, row: int, column: int) -> str:
    share = words.percent(_share(block.counts[row], column))
    truth, predicted = block.names[row], block.names[column]
    said = f"{truth}: right" if row == column else f"{truth} taken for {predicted}"
    return svg.tip(f"{said}: {words.plural(block.counts[row][column], 'text')}, {share} of the row")


def _labelled(block: Heatmap, width: int) -> str:
    number = len(block.names)
    widest = max(words.text_width(name) for name in block.names)
    left = min(widest + 14, 96.0 if width < 500 else 190.0)
    slanted = widest + 8 > min((width - left - 4) / number, 112.0)
    slack = (40.0 if width < 500 else 60.0) if slanted else 4.0  # room for what leans out to the right
    cell = min((width - left - slack) / number, 112.0)
    if slanted and cell < NARROW:
        return _compact(block, width)
    tall = min(max(cell, 26.0), 52.0)
    top = min(widest * 0.72 + 18, 110.0) if slanted else 26.0
    right = left + number * cell + slack
    marks = [_row_names(block, (left, top), tall), _column_names(block, (left, top, right), cell, slanted)]
    for row in range(number):
        for column in range(number):
            marks.append(_cell(block, (row, column), (left + column * cell, top + row * tall), (cell, tall)))
    return svg.drawing(right, top + number * tall + 6, _label(block), marks, "natural")


def _row_names(block: Heatmap, corner: tuple[float, float], tall: float) -> str:
    left, top = corner
    fitted = [words.fit_width(name, left - 12) for name in block.names]
    return "".join(
        svg.text(left - 9, top + (number + 0.5) * tall + 4, name, "small", "end") for number, name in enumerate(fitted)
    )


def _column_names(block: Heatmap, frame: tuple[float, float, float], cell: float, slanted: bool) -> str:
    left, top, right = frame
    parts = []
    for number, name in enumerate(block.names):
        x, y = left + (number + 0.5) * cell, top - 8
        if not slanted:
            parts.append(svg.text(x, y, name, "small", "middle"))
            continue
        short = words.fit_width(name, min(118.0, (right - x) / _LEAN))
        turned = {"transform": f"translate({x - 2:.1f} {y:.1f}) rotate(-42)", "class": "small"}
        parts.append(svg.tag("text", turned, words.escape(short) or " "))
    return "".join(parts)


def _cell(block: Heatmap, place: tuple[int, int], corner: tuple[float, float], size: tuple[float, float]) -> str:
    row, column = place
    count = block.counts[row][column]
    share = _share(block.counts[row], column)
    tone = "right" if row == column else "wrong"
    strength = 0.05 + _DEEPEST * share**0.6
    placed = {
        "x": corner[0] + 1,
        "y": corner[1] + 1,
        "width": size[0] - 2,
        "height": size[1] - 2,
        "rx": 3,
        "class": f"cell {tone}" if count else "cell none",
        "fill-opacity": f"{strength:.2f}" if count else None,
    }
    shape = svg.tag("rect", placed, _tip(block, row, column))
    written = words.count(count) if count else "·"
    if words.text_width(written, 12.0) > size[0] - 2:
        return shape
    style = "count" if count else "count faint"
    return shape + svg.text(corner[0] + size[0] / 2, corner[1] + size[1] / 2 + 4.3, written, style, "middle")


def _compact(block: Heatmap, width: int) -> str:
    """Cells alone, which can be scaled to any width: no writing in it grows too small to read."""
    number = len(block.names)
    side = min(width, 560) - 30.0
    step = side / number
    filled = [(row, column) for row in range(number) for column in range(number) if block.counts[row][column]]
    filled.sort(key=lambda place: -block.counts[place[0]][place[1]])
    frame = svg.box((0, 0), side, side, "frame")
    titled = [_small_cell(block, place, step) for place in filled[:_TIPS]]
    return svg.drawing(side, side, _label(block), [frame, _plain(block, filled[_TIPS:], step), *titled], "natural")


def _small_cell(block: Heatmap, place: tuple[int, int], step: float) -> str:
    row, column = place
    strength = 0.35 + 0.65 * _share(block.counts[row], column) ** 0.6
    placed = {
        "x": column * step,
        "y": row * step,
        "width": step,
        "height": step,
        "class": "cell right" if row == column else "cell wrong",
        "fill-opacity": f"{strength:.2f}",
    }
    return svg.tag("rect", placed, _tip(block, row, column))


def _plain(block: Heatmap, places: list[tuple[int, int]], step: float) -> str:
    """Many small cells as a few paths, one per shade: a page stays small with hundreds of classes."""
    paths: dict[int, list[str]] = {}
    for row, column in places:
        level = min(int(_share(block.counts[row], column) ** 0.6 * _LEVELS), _LEVELS - 1)
        square = f"M{column * step:.1f} {row * step:.1f}h{step:.1f}v{step:.1f}h-{step:.1f}z"
        paths.setdefault(level, []).append(square)
    return "".join(
        svg.tag("path", {"d": "".join(squares), "class": "cell wrong", "fill-opacity": f"{0.35 + 0.13 * level:.2f}"})
        for level, squares in sorted(paths.items())
    )


def _label(block: Heatmap) -> str:
    right = sum(block.counts[number][number] for number in range(len(block.names)))
    total = sum(map(sum, block.counts))
    return f"{block.caption}: {right} of {total} texts on the diagonal, {len(block.names)} classes"
