"""The shards of one key, and in them rows by the digest of their content.

There is no index file that two writers could spoil: each shard tells at its end which rows it holds, and the index is
made from these when a shelf is opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.cache.pace import Pace
from graft.cache.shard import UNREADABLE, Damaged, Shard, discard, open_shard, shards_in

Digests = NDArray[np.uint64]  # rows × 2: 128 bits of each row's content
Numbers = NDArray[np.int64]
MISSING = -1


@dataclass(frozen=True, slots=True)
class Layout:
    """How a shelf's values lie on disk: `width` numbers of numpy's `dtype` make one vector."""

    dtype: str
    width: int

    @property
    def bytes(self) -> int:
        return np.dtype(self.dtype).itemsize * self.width


@dataclass(frozen=True, slots=True)
class Places:
    """Where rows lie: the number of their shard (MISSING where there is none), first vector and vectors."""

    shard: Numbers
    start: Numbers
    count: Numbers

    @property
    def found(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.shard != MISSING
        return found

    def take(self, rows: Numbers) -> Places:
        return Places(self.shard[rows], self.start[rows], self.count[rows])


@dataclass
class _Held:
    """A shard's rows, and its values while they are mapped: what is not read is not held, so that it can be evicted."""

    path: Path
    digests: Digests
    counts: Numbers
    took: tuple[float, int]
    shard: Shard | None = None
    values: NDArray[Any] | None = None


class Shelf:
    """Rows of one key. Made by `Store.shelf`."""

    def __init__(self, folder: Path, fields: dict[str, str], layout: Layout, label: str = "") -> None:
        self.folder = folder
        self.fields = fields
        self.label = label
        self.layout = layout
        self.notes: list[str] = []  # what was damaged, or could not be read or written, in sentences
        self._shards: list[_Held] = []  # numbered for good: a damaged one keeps its number
        self._gone: set[int] = set()
        self.pace_of_writing = Pace()
        self.pace_of_reading = Pace()
        self._index: tuple[Digests, Places, Numbers] | None = None
        for path in shards_in(folder, self.notes):
            try:
                self.add(open_shard(path), hold=False)
            except UNREADABLE as error:
                discard(path, error, self.notes)

    def add(self, shard: Shard, hold: bool = True) -> None:
        """Take in a shard's rows. Raises Damaged when they do not fit its values or the shelf."""
        digests, counts = shard.array("digests").reshape(-1, 2).copy(), shard.array("counts").astype(np.int64)
        values = shard.values(self.layout.dtype, self.layout.width)
        if shard.table.fields != self.fields or len(digests) != len(counts) or counts.sum() != len(values):
            raise Damaged(f"{shard.path} does not hold what its place says")
        held = _Held(shard.path, digests, counts, (shard.table.seconds, shard.table.tokens))
        if hold:
            held.shard, held.values = shard, values
        self._shards.append(held)
        self._index = None

    @property
    def rate(self) -> float:
        """Tokens per second at which the values were computed; 0 where no shard tells."""
        seconds = sum(held.took[0] for held in self._shards)
        return sum(held.took[1] for held in self._shards) / seconds if seconds else 0.0

    def find(self, digests: Digests) -> Places:
        """Where these rows lie, every block that is to be read verified and mapped; the rows of a shard that does
        not serve are missing."""
        while True:
            places = self._look_up(digests)
            read = np.unique(places.shard[places.found]).tolist()
            gone = {number for number in read if not self._hold(places, number)}
            if not gone:
                return places
            self._gone |= gone
            self._index = None

    def _hold(self, places: Places, number: int) -> bool:
        """Map a shard and verify what these places say of it; whether it is intact."""
        held, chosen = self._shards[number], places.shard == number
        starts = places.start[chosen] * self.layout.bytes
        try:
            if held.shard is None:
                held.shard = open_shard(held.path)
                held.values = held.shard.values(self.layout.dtype, self.layout.width)
            with self.pace_of_reading.of() as read:
                read.bytes = held.shard.check(starts, starts + places.count[chosen] * self.layout.bytes)
        except UNREADABLE as error:
            discard(held.path, error, self.notes)
            return False
        with suppress(OSError):  # evicted, or not ours to touch: what is mapped stays readable
            os.utime(held.path)  # the least recently used goes first
        return True

    def _look_up(self, digests: Digests) -> Places:
        known, places, order = self._indexed()
        if not len(known) or not len(digests):
            missing = np.full(len(digests), MISSING, dtype=np.int64)
            return Places(missing, missing, missing)
        at = np.minimum(np.searchsorted(known[order, 0], digests[:, 0]), len(order) - 1)
        rows = order[at]
        found = (known[rows] == digests).all(axis=1)
        return Places(*(np.where(found, part[rows], MISSING) for part in (places.shard, places.start, places.count)))

    def _indexed(self) -> tuple[Digests, Places, Numbers]:
        if self._index is None:
            intact = [number for number in range(len(self._shards)) if number not in self._gone]
            held = [self._shards[number] for number in intact]
            counts = [shard.counts for shard in held]
            starts = [np.cumsum(part) - part for part in counts]
            known = np.concatenate([np.zeros((0, 2), np.uint64), *(shard.digests for shard in held)])
            numbers = np.repeat(np.asarray(intact, np.int64), [len(part) for part in counts])
            none = np.zeros(0, np.int64)
            places = Places(numbers, np.concatenate([none, *starts]), np.concatenate([none, *counts]))
            self._index = known, places, np.argsort(known[:, 0], kind="stable")
        return self._index

    def copy(self, places: Places, rows: Numbers, into: NDArray[Any], at: Numbers) -> None:
        """Copy these rows, of one vector each, to the rows of `into` that `at` names for them."""
        for number in np.unique(places.shard[rows]).tolist():
            chosen = rows[places.shard[rows] == number]
            into[at[chosen]] = self._mapped(number)[places.start[chosen]]

    def _mapped(self, number: int) -> NDArray[Any]:
        values = self._shards[number].values
        assert values is not None, "find maps what it finds"
        return values

    def rows(self, places: Places) -> Iterable[NDArray[Any]]:
        """Each row's vectors (count × width), as views of what is mapped."""
        every = (part.tolist() for part in (places.shard, places.start, places.count))
        for shard, start, count in zip(*every, strict=True):
            yield self._mapped(shard)[start : start + count]
