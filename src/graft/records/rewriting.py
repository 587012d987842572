"""A text that was written for another, and what an evaluation records of such texts."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from graft.records.material import Interval


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One answer: a source and what it was turned into."""

    text: str
    output: str


@dataclass(frozen=True, slots=True)
class Sideways:
    """A source, its references and what was written, with the row's place in its file."""

    file: str
    line: int
    source: str
    references: tuple[str, ...]
    output: str
    chrf: float


@dataclass(frozen=True, slots=True)
class OfLength:
    """The rows whose sources have from `low` to `high` words."""

    low: int
    high: int
    rows: int
    chrf: float
    interval: Interval


class RewriteDetails(msgspec.Struct, frozen=True, tag_field="task", tag="rewrite"):
    """What the report shows of texts that were written for others."""

    length_ratio: float = 0.0  # words of all outputs to words of their first references
    copied: float = 0.0  # share of the outputs' words that stand in runs of three or more of their source
    copied_references: float = 0.0  # the same of the first references
    unchanged: float = 0.0  # share of outputs that are the source
    empty: int = 0  # outputs without a character
    looped: float = 0.0  # share of the outputs' characters in what is said again and again
    looped_references: float = 0.0  # the same of the first references
    loop: str = ""  # the longest loop of an output
    by_length: tuple[OfLength, ...] = ()
    worst: tuple[Sideways, ...] = ()  # the lowest chrF first
    drawn: tuple[Sideways, ...] = ()  # some rows, drawn at random
