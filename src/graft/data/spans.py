"""Stretches of characters in texts, row after row in flat arrays: words, names in text, answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int, int]  # first character, one past the last, code


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans of row i are those from bounds[i] to bounds[i + 1], in the order of the text.

    Characters are those of a Python string (Unicode code points), counted from 0; `ends` lie one past the last.
    """

    bounds: NDArray[np.int64]  # (rows + 1,)
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    codes: NDArray[np.int32]  # what each span is: a code into names that the holder knows; 0 where there are none

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Spans per row."""
        counts: NDArray[np.int64] = np.diff(self.bounds)
        return counts

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row of each span."""
        return np.repeat(np.arange(len(self)), self.counts)

    def of(self, row: int) -> list[Span]:
        """One row's spans."""
        part = slice(self.bounds[row], self.bounds[row + 1])
        return list(zip(self.starts[part].tolist(), self.ends[part].tolist(), self.codes[part].tolist(), strict=True))

    def take(self, rows: NDArray[np.int64]) -> Spans:
        """The spans of these rows, in this order."""
        bounds, places = taken(self.bounds, rows)
        return Spans(bounds, self.starts[places], self.ends[places], self.codes[places])

    def only(self, kept: NDArray[np.bool_]) -> Spans:
        """The spans that are kept, in the rows that they were in."""
        bounds = bounds_of(np.bincount(self.rows[kept], minlength=len(self)))
        return Spans(bounds, self.starts[kept], self.ends[kept], self.codes[kept])

    def coded(self, codes: NDArray[np.int32]) -> Spans:
        """The same stretches with other codes."""
        return Spans(self.bounds, self.starts, self.ends, codes)


def spans_of(rows: Iterable[Sequence[Span]]) -> Spans:
    """Spans from one list per row."""
    counts: list[int] = []
    flat: list[Span] = []
    for row in rows:
        counts.append(len(row))
        flat += row
    columns = np.asarray(flat, dtype=np.int32).reshape(-1, 3)
    return Spans(bounds_of(counts), columns[:, 0].copy(), columns[:, 1].copy(), columns[:, 2].copy())


def bounds_of(counts: Sequence[int] | NDArray[Any]) -> NDArray[np.int64]:
    """Where each row begins in a flat array, and where the last one ends."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(np.asarray(counts, dtype=np.int64))))


def taken(bounds: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(new bounds, places in the flat array) of these rows, in this order."""
    counts = np.diff(bounds)[rows]
    fresh = bounds_of(counts)
    places = np.arange(fresh[-1]) - np.repeat(fresh[:-1], counts) + np.repeat(bounds[rows], counts)
    return fresh, places
