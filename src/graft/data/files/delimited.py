"""CSV and TSV, read strictly: every row has the header's width, every quote is closed, nothing is guessed away."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from graft.data.columns.names import LABEL_NAMES, TEXT_NAMES
from graft.data.files.opening import Unreadable, text_lines
from graft.data.invisible import MARK, without_mark
from graft.data.options import CELL_LIMIT, ReadOptions
from graft.data.stream import Batch, Problems, blocks
from graft.data.wording import count_of

SHOWN = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
Row = tuple[int, list[str]]  # the line on which it starts, its cells


def read_delimited(
    path: Path, options: ReadOptions, problems: Problems, notes: list[str], *, tabs: bool
) -> Iterator[Batch]:
    """Batches of a CSV (`tabs` False: the header line decides between comma, semicolon and tab) or TSV file."""
    lines = text_lines(path, options, problems)
    try:
        first = next(lines)
        told = _told(first)  # by a line that spreadsheets write for each other
        delimiter = "\t" if tabs else told or _delimiter(first)
        if not tabs and delimiter != ",":
            where = "first" if told else "header"
            notes.append(f"{problems.file}: columns are separated by {SHOWN[delimiter]}, as its {where} line shows.")
        first = "\n" if told else first
        rows = _rows(chain([first], lines), delimiter, options, problems)
        yield from _batches(rows, delimiter, problems, notes)
    except (Unreadable, StopIteration):
        return
    finally:
        lines.close()  # type: ignore[attr-defined]  # a generator: closes the file when we stop early


def _told(line: str) -> str | None:
    """The delimiter that a first line of `sep=;` names."""
    found = line.lstrip(MARK).rstrip("\r\n").strip('"')
    return found[4:] if found.lower().startswith("sep=") and found[4:] in SHOWN else None


def _delimiter(header: str) -> str:
    counts = {delimiter: header.count(delimiter) for delimiter in SHOWN}
    return max(counts, key=lambda delimiter: counts[delimiter])  # a tie goes to the comma, which stands first


def _rows(lines: Iterator[str], delimiter: str, options: ReadOptions, problems: Problems) -> Iterator[Row]:
    """Each row that parses. A row that does not is a problem, and reading goes on after it where that makes sense."""
    if csv.field_size_limit() < CELL_LIMIT:
        csv.field_size_limit(CELL_LIMIT)
    if options.quoting == "none":
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    else:
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if _explain(str(error), line, reader.line_num, problems):
                continue
            return
        yield line, row


def _explain(error: str, line: int, last: int, problems: Problems) -> bool:
    """Add what the csv module found to the problems. True when the rows after it can still be read."""
    remedy = "close the quote, or double the quotation marks inside the cell; --quoting none reads them as characters"
    if "unexpected end of data" in error:
        problems.add("quote", line, 'a cell that opens with " in this row is never closed', remedy)
        return False
    if "field limit" in error:
        found = f'a cell has more than {CELL_LIMIT:,} characters, the most that is accepted: is a " not closed?'
        problems.add("long", line, found, remedy)
        return False
    if "expected after" in error:
        until = "" if last == line else f", which is still open on line {last}"
        problems.add("quote", line, f'characters follow the closing " of a cell in this row{until}', remedy)
        return True
    problems.add("csv", line, f"the row cannot be read: {error}", "write the file again with a CSV library")
    return True


def _batches(rows: Iterator[Row], delimiter: str, problems: Problems, notes: list[str]) -> Iterator[Batch]:
    header = next((row for row in rows if row[1]), None)
    if header is None:
        if not problems:
            problems.add("empty", None, "the file holds only blank lines", "give a file with a header line and rows")
        return
    names = _names(header, problems)
    if names is None:
        return
    seen = blank = 0
    for block in blocks(rows, lambda row: sum(map(len, row[1]))):
        if not seen and (lower := _header_below(header[1], block)) is not None:
            found = f"the first line is no header, line {lower} looks like one"
            problems.add("header", header[0], found, f"remove what stands above line {lower}")
            return
        blank += sum(1 for _, row in block if not row)
        whole = _whole_rows(block, header[1], delimiter, problems)
        if not whole:
            continue
        if not seen and _looks_like_data(header[1], [row for _, row in whole]):
            _no_header(header, delimiter, problems)
            return
        seen += len(whole)
        lines, cells = zip(*whole, strict=True)
        yield Batch(lines, dict(zip(names, zip(*cells, strict=True), strict=True)))
    if blank:
        notes.append(f"{problems.file}: {count_of(blank, 'blank line')} between rows passed over.")
    if not seen and not problems:
        problems.add("empty", header[0], "there is a header line but no row under it", "give a file with rows")


def _names(header: Row, problems: Problems) -> list[str] | None:
    """Column names without surrounding spaces; a column without a name gets its number. None when they clash."""
    line, cells = header
    names = [without_mark(cell) or f"column {number}" for number, cell in enumerate(cells, start=1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        found = f"the header names {', '.join(map(repr, twice))} more than once"
        problems.add("header", line, found, "give every column its own name")
        return None
    return names


def _whole_rows(block: list[Row], header: list[str], delimiter: str, problems: Problems) -> list[Row]:
    """Rows of the header's width that do not repeat the header; the others become problems."""
    width, first = len(header), [name.lstrip(MARK) for name in header]
    again = {line for line, cells in block if cells and cells[-1] == header[-1] and _is_header(cells, first)}
    whole = [row for row in block if len(row[1]) == width and row[0] not in again]
    if len(whole) == len(block):
        return whole
    for line, cells in block:
        if line in again:
            problems.add("header", line, "the header line occurs again here", "remove it: were two files joined?")
        elif cells and len(cells) != width:
            found = f"the row has {count_of(len(cells), 'cell')} where the header has {width}"
            remedy = f'put quotes (") around a cell that holds {SHOWN[delimiter]}, or add the missing cells'
            problems.add("ragged", line, found, remedy)
    return whole


def _is_header(cells: list[str], header: list[str]) -> bool:
    """Whether a row is the header again; where files were joined, a byte order mark may stand before it."""
    return [cells[0].lstrip(MARK), *cells[1:]] == header


def _looks_like_data(header: list[str], rows: Sequence[list[str]]) -> bool:
    """Whether line 1 is a row: no name is a usual one, and a cell is a sentence or a value that its column repeats."""
    if any(name.strip().lower() in TEXT_NAMES + LABEL_NAMES for name in header):
        return False
    for place, name in enumerate(header):
        again = sum(row[place] == name for row in rows)
        if name.strip() and (again >= 2 or again * 5 >= len(rows)):
            return True
        if len(name.split()) >= 8:
            return True
    return False


def _header_below(header: Sequence[str], rows: Sequence[Row]) -> int | None:
    """The line of a header under a title: the first line leaves columns without a name and names no usual one, the
    next names all, two usual ones among them."""
    if any(name.strip().lower() in TEXT_NAMES + LABEL_NAMES for name in header):
        return None
    line, cells = next(((line, cells) for line, cells in rows if cells), (0, []))
    usual = [name for name in cells if name.strip().lower() in TEXT_NAMES + LABEL_NAMES]
    unnamed = len(header) < len(cells) or not all(name.strip() for name in header)
    return line if len(usual) > 1 and unnamed and all(name.strip() for name in cells) else None


def _no_header(header: Row, delimiter: str, problems: Problems) -> None:
    line, cells = header
    start = delimiter.join(cells)[:60]
    remedy = f"add a line with the columns' names above it, for example: {delimiter.join(['text', 'label'])!r}"
    problems.add("header", line, f"the first line looks like a row, not like a header: {start!r}", remedy)
