"""Rows on their way to a shelf, committed every so often."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.cache.shard import Table, Writer
from graft.cache.shelf import Digests, Numbers, Shelf
from graft.errors import refusal

COMMIT_BYTES = 256 << 20
COMMIT_SECONDS = 20.0  # at first; later a tenth of all that was spent, so that shards stay few
TRIALS = 3  # batches that are read back


class Filling:
    """Rows being added to a shelf: committed every so often, so that what was done before an interruption is kept.

    Where they cannot be written (no room, no permission) nothing more is kept, and the shelf's notes say so once.
    """

    def __init__(self, shelf: Shelf, keep: bool = True, cold: bool = False) -> None:
        """`cold`: there will be more than the memory holds, so what is read comes from the disk."""
        self._shelf, self._cold, self._tried = shelf, cold, 0
        self._began = self._last = time.perf_counter()
        self._writer: Writer | None = None
        if keep:
            self._begin()

    def _begin(self) -> None:
        self._digests: list[Digests] = []
        self._counts: list[Numbers] = []
        self._took = (0.0, 0)
        try:
            self._writer = Writer(self._shelf.folder)
        except OSError as error:
            self._fail(error)

    @property
    def keeps(self) -> bool:
        return self._writer is not None

    def add(self, digests: Digests, counts: Numbers, values: NDArray[Any], took: tuple[float, int]) -> None:
        """Append rows: their digests, how many vectors each has, and the vectors one row after the other.

        `took`: the seconds and tokens that computing them took.
        """
        if self._writer is None:
            return
        try:
            self._append(self._writer, values)
        except OSError as error:
            self._fail(error)
            return
        self._digests.append(digests)
        self._counts.append(counts)
        self._took = (self._took[0] + took[0], self._took[1] + took[1])
        now = time.perf_counter()
        if self._writer.bytes >= COMMIT_BYTES or now - self._last >= max(COMMIT_SECONDS, (now - self._began) / 10):
            if self.commit():
                self._begin()
            self._last = now

    def _append(self, writer: Writer, values: NDArray[Any]) -> None:
        before = writer.bytes
        with self._shelf.pace_of_writing.of() as written:
            writer.append(values)
            written.bytes = values.nbytes
        if self._tried < TRIALS:  # what was written is read back, for what it tells of the disk
            self._tried += 1
            with self._shelf.pace_of_reading.of() as read:
                read.bytes = writer.read_back(before, self._cold)

    def drop(self) -> None:
        """Give up what was not committed, and keep nothing more."""
        if self._writer is not None:
            self._writer.drop()
            self._writer = None

    def commit(self) -> bool:
        """Let what was added be found. Nothing more is added. Returns whether it could be written."""
        if self._writer is None:
            return False
        writer, self._writer = self._writer, None
        counts = np.concatenate([np.zeros(0, np.int64), *self._counts])
        if not len(counts) or int(counts.sum()) * self._shelf.layout.bytes != writer.bytes:
            writer.drop()  # empty, or interrupted within a row
            return True
        arrays: dict[str, NDArray[Any]] = {
            "digests": np.concatenate(self._digests).ravel(),
            "counts": counts.astype(np.uint32),
        }
        table = Table(self._shelf.fields, self._shelf.label, *self._took)
        try:
            self._shelf.add(writer.commit(table, arrays))
        except OSError as error:
            self._writer = writer
            self._fail(error)
            return False
        return True

    def _fail(self, error: OSError) -> None:
        why = refusal(error)[0]
        self._shelf.notes.append(f"Cache: {self._shelf.folder} cannot be written: {why}. The run goes on without it.")
        if self._writer is not None:
            self._writer.drop()
            self._writer = None
