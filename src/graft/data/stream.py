"""What every reader yields: batches of rows by column, and the problems met on the way.

A reader never raises for what is wrong in a file: it adds a problem and goes on while the rest still makes sense.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from graft.data.wording import count_of
from graft.errors import DataError, Problem

BATCH_ROWS = 2048
BATCH_CHARACTERS = 32 << 20  # long rows go in smaller batches, so that memory stays flat
Item = TypeVar("Item")


class Problems:
    """The problems of one file, grouped by kind; of each kind the first few are kept and the rest counted."""

    KEPT = 5

    def __init__(self, file: str) -> None:
        self.file = file
        self._kept: dict[str, list[Problem]] = {}
        self._counts: dict[str, int] = {}
        self._last: dict[str, int | None] = {}

    def add(self, kind: str, line: int | None, found: str, remedy: str) -> None:
        kept = self._kept.setdefault(kind, [])
        if len(kept) < self.KEPT:
            kept.append(Problem(self.file, line, found, remedy))
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._last[kind] = line

    def __len__(self) -> int:
        return sum(self._counts.values())

    def only(self, kind: str) -> bool:
        """Whether there are problems, all of this kind."""
        return list(self._counts) == [kind]

    def some(self, kinds: frozenset[str]) -> bool:
        """Whether there is a problem of one of these kinds."""
        return not kinds.isdisjoint(self._counts)

    def listed(self) -> list[Problem]:
        """All kept problems; where more of a kind were met, one more that counts them and names the last line."""
        problems: list[Problem] = []
        for kind, kept in self._kept.items():
            problems += kept
            more = self._counts[kind] - len(kept)
            if more:
                found = f"{count_of(more, 'more problem')} of this kind, the last one here"
                problems.append(Problem(self.file, self._last[kind], found, kept[0].remedy))
        return problems


def blocks(
    items: Iterable[Item], size_of: Callable[[Item], int], rows: int = BATCH_ROWS, characters: int = BATCH_CHARACTERS
) -> Iterator[list[Item]]:
    """Items in lists of at most `rows`, and of about so many characters by what `size_of` says of each."""
    block: list[Item] = []
    size = 0
    for item in items:
        block.append(item)
        size += size_of(item)
        if len(block) == rows or size >= characters:
            yield block
            block, size = [], 0
    if block:
        yield block


def refuse(file: str, found: str, remedy: str, line: int | None = None) -> DataError:
    """A DataError with one problem, for the caller to raise."""
    return DataError([Problem(file, line, found, remedy)])


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows by column. `lines` holds each row's 1-based line, or its position + 1 where there are no lines."""

    lines: Sequence[int]
    columns: Mapping[str, Sequence[object] | pa.Array]

    def values(self, name: str) -> list[object]:
        """One column as Python values, None where a cell is missing."""
        column = self.columns.get(name)
        if column is None:
            return [None] * len(self.lines)
        if isinstance(column, pa.Array):
            values: list[object] = column.to_pylist()
            return values
        return list(column)


@dataclass(frozen=True, slots=True)
class Stream:
    """One opened source. `problems` and `notes` grow while `batches` is consumed."""

    file: str  # as shown to the person
    format: str
    batches: Iterator[Batch]
    problems: Problems
    notes: list[str] = field(default_factory=list)
    path: Path | None = None  # None: an object in memory
