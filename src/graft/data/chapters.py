"""Where one text file holds several documents: told apart by marks, headings, blank lines or lines.

Works on lines with plain line ends; opens no file.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graft.data.options import Apart

FEWEST = 3  # headings that make a file a book of chapters rather than a text that mentions one
_MARK = re.compile(r"<<<\s*(.+?)\s*>>>\s*$")
_ENDS = ("<|endoftext|>", "<|end_of_text|>")
_NUMBER = r"(?:[IVXLC]+|\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|the\s+\w+)"
_KINDS = r"(?:chapter|book|part|letter|canto|act|story|tale|kapitel|teil|chapitre|livre|capítulo|capitolo|hoofdstuk)"
_HEADING = re.compile(rf"(?:#{{1,3}}\s+\S.{{0,80}}|{_KINDS}\s+{_NUMBER}\b.{{0,80}})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """One document of a file."""

    name: str  # its heading or mark; "" where it has none
    line: int  # 1-based line on which it begins
    text: str


def pieces(lines: Sequence[str], apart: Apart) -> list[Piece]:
    """The documents of a file, without the empty ones; blank lines around each are left out.

    "auto": by marks (lines such as `<<< title >>>`, `<|endoftext|>`, form feeds) where there are any, else by
    headings where there are at least three, else the file is one document.
    """
    if apart == "line":
        return _kept(Piece("", number, line) for number, line in enumerate(lines, 1))
    if apart == "blank":
        return _kept(_gathered(lines, [number for number, line in enumerate(lines) if not line.strip()], named=False))
    marks = [number for number, line in enumerate(lines) if _is_mark(line)] if apart == "auto" else []
    if marks:
        return _kept(_gathered(lines, marks))
    headings = [number for number, line in enumerate(lines) if is_heading(line, lines, number)]
    if apart != "file" and len(headings) >= FEWEST:
        return _kept(_chapters(lines, headings))
    return _kept([Piece("", 1, "".join(lines))])


def has_marks(lines: Sequence[str]) -> bool:
    """Whether marks divide a file."""
    return any(_is_mark(line) for line in lines)


def by_headings(piece: Piece) -> list[Piece]:
    """A document's chapters; the document itself where it has no headings."""
    found = pieces(piece.text.splitlines(keepends=True), "headings")
    outer = f"{piece.name}: " if piece.name else ""
    return [Piece(f"{outer}{part.name}", piece.line + part.line - 1, part.text) for part in found]


def stretches(piece: Piece, count: int) -> list[Piece]:
    """A document without chapters in about `count` stretches of whole paragraphs (of whole lines, where it has no
    blank ones), of like length."""
    lines = piece.text.splitlines(keepends=True)
    blank = [number + 1 for number, line in enumerate(lines) if not line.strip()]
    cuts = blank if len(blank) >= count else list(range(1, len(lines)))
    ends = [0]
    for line in lines:
        ends.append(ends[-1] + len(line))
    found: list[int] = [0]
    for part in range(1, count):
        wanted = ends[-1] * part / count
        nearest = min(cuts, key=lambda cut: abs(ends[cut] - wanted), default=0)
        if nearest > found[-1]:
            found.append(nearest)
    bounds = zip(found, [*found[1:], len(lines)], strict=True)
    return _kept(
        Piece(f"{piece.name} [{number}]".strip(), piece.line + start, "".join(lines[start:stop]))
        for number, (start, stop) in enumerate(bounds, 1)
    )


def is_heading(line: str, lines: Sequence[str], number: int) -> bool:
    """Whether a line is a chapter's heading: of the usual form, alone on its line, after a blank one."""
    found = line.strip()
    after_blank = number == 0 or not lines[number - 1].strip()
    return after_blank and len(found) <= 100 and _HEADING.match(found) is not None


def _is_mark(line: str) -> bool:
    return _MARK.match(line) is not None or line.strip() in _ENDS or line.startswith("\f")


def _gathered(lines: Sequence[str], marks: Sequence[int], named: bool = True) -> Iterator[Piece]:
    """What stands between marks; a mark is no part of a document, but what follows a form feed is."""
    bounds = [-1, *marks, len(lines)]
    for mark, stop in itertools.pairwise(bounds):
        found = _MARK.match(lines[mark]) if named and mark >= 0 else None
        rest = lines[mark][1:] if mark >= 0 and lines[mark].startswith("\f") else ""
        yield Piece(found.group(1) if found else "", mark + 2, rest + "".join(lines[mark + 1 : stop]))


def _chapters(lines: Sequence[str], headings: Sequence[int]) -> Iterator[Piece]:
    """Each heading with what follows it; what stands before the first is a document of its own."""
    bounds = [0, *headings] if headings[0] else list(headings)
    for start, stop in zip(bounds, [*bounds[1:], len(lines)], strict=True):
        name = lines[start].strip().lstrip("# ") if start in headings else ""
        yield Piece(name, start + 1, "".join(lines[start:stop]))


def _kept(found: Iterator[Piece] | Sequence[Piece]) -> list[Piece]:
    """Those that hold anything, without the blank lines around them."""
    kept = []
    for piece in found:
        text = piece.text.strip("\n") if piece.text.strip() else ""
        lead = len(piece.text) - len(piece.text.lstrip("\n"))
        if text:
            kept.append(Piece(piece.name, piece.line + lead, text))
    return kept
