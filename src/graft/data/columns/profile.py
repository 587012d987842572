"""What a sample of a column looks like: words, numbers or lists, how long, how many distinct."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from graft.data.stream import Batch

_BLANK = r"[^\S\x1c-\x1f]*"  # the separators among control characters are space to a regex, but not to float()
NUMBER = re.compile(_BLANK + r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?" + _BLANK)
LARGEST = 10**308  # a whole number beyond it has no float
Kind = Literal["words", "numbers", "lists", "empty"]


@dataclass(frozen=True, slots=True)
class Profile:
    """One column of a sample."""

    name: str
    kind: Kind
    filled: int  # cells with something in them
    distinct: int  # distinct values among these
    length: float  # mean characters
    words: float  # mean words

    @property
    def is_prose(self) -> bool:
        """Texts rather than names or codes: several words, mostly different from row to row."""
        return self.kind == "words" and (self.words >= 2.5 or self.length >= 25) and self.distinct > 0.5 * self.filled

    @property
    def is_classes(self) -> bool:
        """Short values that repeat: three rows per value on average."""
        few = 1 < self.distinct <= max(2, self.filled / 3)
        return self.kind in ("words", "numbers") and few and self.length <= 60


def profile_columns(sample: Sequence[Batch]) -> list[Profile]:
    """A profile of each column, in the order in which the columns first appear."""
    names = dict.fromkeys(name for batch in sample for name in batch.columns)
    return [_profile(name, (value for batch in sample for value in batch.values(name))) for name in names]


def _profile(name: str, values: Iterable[object]) -> Profile:
    cells = [value for value in values if not _is_missing(value)]
    if not cells:
        return Profile(name, "empty", 0, 0, 0.0, 0.0)
    shown = [str(cell) for cell in cells]
    length = sum(map(len, shown)) / len(shown)
    words = sum(len(cell.split()) for cell in shown) / len(shown)
    return Profile(name, _kind(cells), len(cells), len(set(shown)), length, words)


def _kind(cells: Sequence[object]) -> Kind:
    """By the most frequent kind: a column of texts may hold a few numbers, each of which is then a problem itself."""
    lists = sum(not isinstance(cell, str | int | float) for cell in cells)
    numbers = sum(is_number(cell) for cell in cells)
    if lists * 2 > len(cells):
        return "lists"
    return "numbers" if numbers * 20 >= len(cells) * 19 else "words"


def is_number(cell: object) -> bool:
    if isinstance(cell, str):
        return NUMBER.fullmatch(cell) is not None
    if isinstance(cell, int):
        return not isinstance(cell, bool) and abs(cell) <= LARGEST
    return isinstance(cell, float)


def _is_missing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))
