"""Texts with stretches marked in them, as records of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a text, in characters: there and found, there and missed, or found and not there."""

    start: int
    end: int
    label: str
    kind: Literal["right", "missed", "wrong"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with its marks, and where it stands."""

    place: str
    text: str
    marks: tuple[Mark, ...]
    heading: str = ""  # stands above the text: the question that it answers


@dataclass(frozen=True, slots=True)
class MarkedTexts:
    """Texts with stretches marked in them; the first `page` are shown, the others behind a heading."""

    caption: str
    passages: tuple[Passage, ...]
    page: int = 10
    what: str = "a name"  # that is marked


Marked = tuple[str, tuple[Mark, ...]]


@dataclass(frozen=True, slots=True)
class Strip:
    """A source beside what it should become and what it became, the differences marked."""

    place: str
    source: str
    reference: Marked
    output: Marked


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Sources, references and outputs in columns; the first `page` are shown, the others behind a heading."""

    caption: str
    strips: tuple[Strip, ...]
    page: int = 5
