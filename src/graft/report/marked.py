"""Texts in which stretches are marked: what is there and was found, what was missed, what was invented."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from graft.report.passages import Mark, Marked, MarkedTexts, Passage, SideBySide, Strip
from graft.report.words import escape

_SAID = {"right": "", "missed": " missed", "wrong": " found"}
_SHORT = 240  # characters that surely fit a column without scrolling
_KEY = (
    '<p class="key"><span><mark class="right">{0}</mark> found as it is</span> '
    '<span><mark class="missed">{0}</mark> missed</span> '
    '<span><mark class="wrong">{0}</mark> found, but not there like that</span></p>'
)


def marked_texts(block: MarkedTexts) -> str:
    """The block as HTML: the first texts open, the others behind a heading."""
    return _figure(
        block.caption, _KEY.format(escape(block.what)), [_passage(passage) for passage in block.passages], block.page
    )


def side_by_side(block: SideBySide) -> str:
    """The same of sources, references and outputs in columns."""
    return _figure(block.caption, "", [_strip(strip) for strip in block.strips], block.page)


def _figure(caption: str, key: str, bodies: Sequence[str], page: int) -> str:
    folded = bodies[page:]
    more = ""
    if folded:
        more = f'<details><summary>{len(folded)} more</summary><div class="inside">{"".join(folded)}</div></details>'
    body = "".join(bodies[:page])
    return f'<figure class="marked"><figcaption>{escape(caption)}</figcaption>{key}{body}{more}</figure>'


def _strip(strip: Strip) -> str:
    columns = (("Source", (strip.source, ())), ("Reference", strip.reference), ("Output", strip.output))
    cells = "".join(_column(name, marked) for name, marked in columns)
    return (
        f'<div class="passage"><span class="place">{escape(strip.place)}</span><div class="columns">{cells}</div></div>'
    )


def _column(name: str, marked: Marked) -> str:
    text = "".join(_pieces(*marked, named=False)) or "–"
    reached = ' tabindex="0"' if len(marked[0]) > _SHORT else ""  # by keyboard, to be scrolled
    return f'<div><span class="place">{name}</span><p dir="auto"{reached}>{text}</p></div>'


def _passage(passage: Passage) -> str:
    text = "".join(_pieces(passage.text, passage.marks))
    place = f'<span class="place">{escape(passage.place)}</span>'
    heading = f'<p dir="auto"><b>{escape(passage.heading)}</b></p>' if passage.heading else ""
    return f'<div class="passage">{place}{heading}<p dir="auto">{text}</p></div>'


def _pieces(text: str, marks: Sequence[Mark], named: bool = True) -> Iterator[str]:
    """The text cut where any mark begins or ends; each piece in the colour of what covers it."""
    edges = sorted({0, len(text), *(mark.start for mark in marks), *(mark.end for mark in marks)})
    for start, end in pairwise(edges):
        over = [mark for mark in marks if mark.start <= start and end <= mark.end]
        piece = escape(text[start:end])
        if not over:
            yield piece
            continue
        kinds = " ".join(sorted({mark.kind for mark in over}))
        ended = [mark for mark in over if mark.end == end and named]
        names = "".join(f"<small>{escape(mark.label)}{_SAID[mark.kind]}</small>" for mark in ended)
        yield f'<mark class="{kinds}">{piece}{names}</mark>'
