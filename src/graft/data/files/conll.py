"""CoNLL columns: one word per line, its tags beside it, sentences apart by blank lines.

Columns are separated by tabs where the first line has one, else by spaces. The first is the word, the last its tag,
which words that are to be tagged need not have; those between are `column 2`, `column 3`, … and may be named with
--label. Lines that begin with -DOCSTART- part
documents and hold no word. A line that begins with "# " is a comment where no tag stands at its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from graft.data.files.opening import Unreadable, text_lines
from graft.data.options import ReadOptions
from graft.data.stream import BATCH_ROWS, Batch, Problems
from graft.data.tags import parts
from graft.data.wording import count_of

WORDS, TAGS = "words", "tags"
DOCUMENT = "-DOCSTART-"
_BOTH = "write WORD<TAB>TAG on each line, and a blank line between sentences"
_SPACES = re.compile(r"[ \t]+")  # a no-break space is part of a word, such as 10 000
Row = tuple[int, list[str]]  # the line, its cells


def read_conll(path: Path, options: ReadOptions, problems: Problems, notes: list[str]) -> Iterator[Batch]:
    """Batches of sentences: every column holds one list per sentence, as long as the sentence has words."""
    counts = {"document": 0, "comment": 0}
    lines: list[int] = []
    sentences: list[list[Row]] = []
    seen = False
    try:
        for sentence in _sentences(_rows(path, options, problems, counts)):
            seen = True
            lines.append(sentence[0][0])
            sentences.append(sentence)
            if len(sentences) == BATCH_ROWS:
                yield _batch(lines, sentences)
                lines, sentences = [], []
    except Unreadable:
        return
    if sentences:
        yield _batch(lines, sentences)
    if counts["document"]:
        notes.append(f"{problems.file}: {count_of(counts['document'], f'{DOCUMENT} line')} passed over.")
    if counts["comment"]:
        notes.append(f"{problems.file}: {count_of(counts['comment'], 'comment line')} passed over.")
    if not seen and not problems:
        problems.add("empty", None, "the file holds no word", "give lines with a word and its tag")


def _rows(path: Path, options: ReadOptions, problems: Problems, counts: dict[str, int]) -> Iterator[Row]:
    """Every line that holds a word, and every blank line as a row without cells."""
    separator: str | None = None
    width = first = 0
    for number, line in enumerate(text_lines(path, options, problems), start=1):
        line = line.rstrip("\r\n")
        if not line.strip():
            yield number, []
            continue
        if not width:
            separator = "\t" if "\t" in line else None
        cells = _cells(line, separator)
        if cells[0] == DOCUMENT:
            counts["document"] += 1
            yield number, []
        elif _is_comment(line, cells, width, separator):
            counts["comment"] += 1
        elif len(cells) < 2 <= width:
            found = f"the line has one column, {line[:40]!r}, where a word and its tag belong"
            problems.add("columns", number, found, _BOTH)
        elif width == 1 < len(cells) and first:  # words alone are a file of their own; here the first lacks its tag
            problems.add("columns", first, "the line has one column, where a word and its tag belong", _BOTH)
            separator, first = "\t" if "\t" in line else None, 0
            width = len(_cells(line, separator))
        elif width and len(cells) != width:
            found = f"the line has {count_of(len(cells), 'column')} where the first has {width}"
            remedy = "write the same columns on every line, with one tab between" if separator else _spaces(width)
            problems.add("ragged", number, found, remedy)
        else:
            first = first if width else number
            width = width or len(cells)
            yield number, cells


def _cells(line: str, separator: str | None) -> list[str]:
    if separator is None:
        return _SPACES.split(line.strip(" \t"))
    return [cell.strip() for cell in line.split(separator)]


def _spaces(width: int) -> str:
    return f"write {count_of(width, 'column')} on every line, separated by tabs where a word holds a space"


def _is_comment(line: str, cells: list[str], width: int, separator: str | None) -> bool:
    if not line.startswith("#") or (separator == "\t" and "\t" in line):
        return False
    is_row = len(cells) == (width or len(cells)) and parts(cells[-1])[0] != ""
    return not is_row and (line.startswith("# ") or separator == "\t")


def _sentences(rows: Iterator[Row]) -> Iterator[list[Row]]:
    sentence: list[Row] = []
    for row in rows:
        if row[1]:
            sentence.append(row)
        elif sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _batch(lines: list[int], sentences: list[list[Row]]) -> Batch:
    width = len(sentences[0][0][1])
    names = [WORDS, *(f"column {number}" for number in range(2, width)), TAGS][:width]
    columns = {
        name: [[cells[place] for _, cells in sentence] for sentence in sentences] for place, name in enumerate(names)
    }
    return Batch(lines, columns)
