"""Texts in which stretches are marked: what is there and was found, what was missed, what was invented."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from graft.report.passages import Mark, MarkedTexts, Passage
from graft.report.words import escape

_SAID = {"right": "", "missed": " missed", "wrong": " found"}
_KEY = (
    '<p class="key"><mark class="right">{0}</mark> found as it is · <mark class="missed">{0}</mark> missed · '
    '<mark class="wrong">{0}</mark> found, but not there like that</p>'
)


def marked_texts(block: MarkedTexts) -> str:
    """The block as HTML: the first texts open, the others behind a heading."""
    shown, folded = block.passages[: block.page], block.passages[block.page :]
    more = ""
    if folded:
        more = (
            f"<details><summary>{len(folded)} more</summary>"
            f'<div class="inside">{"".join(map(_passage, folded))}</div></details>'
        )
    body, key = "".join(map(_passage, shown)), _KEY.format(escape(block.what))
    return f'<figure class="marked"><figcaption>{escape(block.caption)}</figcaption>{key}{body}{more}</figure>'


def _passage(passage: Passage) -> str:
    text = "".join(_pieces(passage.text, passage.marks))
    place = f'<span class="place">{escape(passage.place)}</span>'
    heading = f'<p dir="auto"><b>{escape(passage.heading)}</b></p>' if passage.heading else ""
    return f'<div class="passage">{place}{heading}<p dir="auto">{text}</p></div>'


def _pieces(text: str, marks: Sequence[Mark]) -> Iterator[str]:
    """The text cut where any mark begins or ends; each piece in the colour of what covers it."""
    edges = sorted({0, len(text), *(mark.start for mark in marks), *(mark.end for mark in marks)})
    for start, end in pairwise(edges):
        over = [mark for mark in marks if mark.start <= start and end <= mark.end]
        piece = escape(text[start:end])
        if not over:
            yield piece
            continue
        kinds = " ".join(sorted({mark.kind for mark in over}))
        names = "".join(f"<small>{escape(mark.label)}{_SAID[mark.kind]}</small>" for mark in over if mark.end == end)
        yield f'<mark class="{kinds}">{piece}{names}</mark>'
