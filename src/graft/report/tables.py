"""A table record as HTML. All rows are in the page; the script sorts, searches and turns pages."""

from __future__ import annotations

import math

from graft.report import words
from graft.report.blocks import Cell, Column, Estimate, Table
from graft.report.svg import Scale, padded
from graft.report.words import escape

_WORDS = ("text", "name")
_ENDLESS = 30  # characters beyond which a word is broken rather than let the column grow


def table(block: Table) -> str:
    """The whole frame: title, search field, rows, pager."""
    stacked = any(column.kind == "text" for column in block.columns)
    paged = block.page if 0 < block.page < len(block.rows) else 0
    heads = "".join(_head(column, block.sortable) for column in block.columns)
    titles = tuple(f' data-title="{escape(column.title)}"' if stacked else "" for column in block.columns)
    across = _across(block)
    rows = "".join(_row(block.columns, titles, row, across) for row in block.rows)
    style = "table stacked" if stacked else "table"
    # The roles say again what the elements are: laid out as blocks on a phone, a table is none for screen readers.
    return (
        f'<div class="{style}" data-page="{paged}">{_tools(block)}<div class="scroll" role="region" tabindex="0" '
        f'aria-label="{escape(block.caption)}"><table role="table"><thead role="rowgroup"><tr role="row">{heads}</tr>'
        f'</thead><tbody role="rowgroup">{rows}</tbody></table></div>{_pager(block, paged)}</div>'
    )


def _tools(block: Table) -> str:
    search = ""
    if block.searchable:
        search = (
            f'<input class="search needs-js" type="search" placeholder="Search" autocomplete="off" spellcheck="false" '
            f'aria-label="Search: {escape(block.caption)}">'
        )
    return f'<div class="tools"><h3>{escape(block.caption)}</h3>{search}</div>'


def _pager(block: Table, paged: int) -> str:
    if not (paged or block.searchable):
        return ""
    return (
        '<div class="pager needs-js"><button type="button">Previous</button><button type="button">Next</button>'
        '<output aria-live="polite"></output></div>'
    )


def _head(column: Column, sortable: bool) -> str:
    style = "" if column.kind in _WORDS else ' class="num"'
    note = f' title="{escape(column.note)}"' if column.note else ""
    title = f'<button type="button">{escape(column.title)}</button>' if sortable else escape(column.title)
    return f'<th scope="col" role="columnheader"{style}{note}>{title}</th>'


def _across(block: Table) -> Scale:
    """One scale for the drawings of all `range` columns: of shares from the lowest interval (a round tenth below it)
    to 1, of other numbers as far as they reach."""
    drawn = [number for number, column in enumerate(block.columns) if column.kind == "range"]
    cells = [cell for row in block.rows for number in drawn if isinstance(cell := row[number], Estimate)]
    ends = [end for cell in cells for end in (cell.value, *(cell.interval or ()))]
    if all(cell.unit == "share" for cell in cells):
        return Scale(math.floor(10 * min(ends, default=0.0)) / 10, 1.0, 3.0, 129.0)
    return Scale(*padded(ends), 3.0, 129.0)


def _row(columns: tuple[Column, ...], titles: tuple[str, ...], cells: tuple[Cell, ...], across: Scale) -> str:
    parts = zip(columns, titles, cells, strict=True)
    written = "".join(_cell(column, title, cell, across) for column, title, cell in parts)
    return f'<tr role="row">{written}</tr>'


def _cell(column: Column, title: str, cell: Cell, across: Scale) -> str:
    if column.kind in _WORDS:
        content = "" if cell is None else str(cell)
        style = (
            "name endless"
            if column.kind == "name" and max(map(len, content.split()), default=0) > _ENDLESS
            else column.kind
        )
        return f'<td role="cell" class="{style}"{title}>{escape(content)}</td>'
    number = cell.value if isinstance(cell, Estimate) else cell
    sorted_by = f"{number:.6g}" if isinstance(number, int | float) and math.isfinite(number) else "NaN"
    blank = " blank" if cell is None else ""
    return f'<td role="cell" class="num{blank}"{title} data-value="{sorted_by}">{_written(column, cell, across)}</td>'


def _written(column: Column, cell: Cell, across: Scale) -> str:
    if isinstance(cell, Estimate):
        return _estimate(cell, across if column.kind == "range" else None)
    if cell is None or isinstance(cell, str):
        return escape(cell or words.MISSING)
    if column.kind == "count":
        return words.count(int(cell))
    if column.kind == "seconds":
        return words.duration(cell)
    if column.kind == "number":
        return words.number(cell)
    return words.percent(cell) if column.kind == "share" else words.decimal(cell)


def _estimate(cell: Estimate, across: Scale | None) -> str:
    """A number with its interval in small type, and as a tiny drawing where there is a scale to draw it on."""
    value = words.amount(cell.value, cell.unit)
    if cell.interval is None:
        return value
    low, high = cell.interval
    said = f"{value}<small>{words.interval(low, high, cell.unit).removesuffix('%')}</small>"
    if across is None:
        return said
    x = across(cell.value)
    reach = f'<path class="reach" d="M{across(low):.1f} 6H{across(high):.1f}"/><path class="value" d="M{x:.1f} 1V11"/>'
    drawn = f'<svg class="mini" width="132" height="12" aria-hidden="true">{reach}</svg>'
    return f'<div class="ranged">{drawn}<div>{said}</div></div>'
