"""Texts as an Arrow column that stays small in memory: beyond a limit they go to a memory-mapped temporary file."""

from __future__ import annotations

import os
import tempfile
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from graft.errors import GraftError, refusal
from graft.files import cache_root

SPOOL_LIMIT = 64 << 20  # bytes of text held in memory
STALE_SECONDS = 86_400  # a spool file this old was left behind by a process that was killed
SCHEMA = pa.schema([("text", pa.large_string())])  # large: offsets of 64 bits, so no part is too long for a column


def spool_folder() -> Path:
    folder = cache_root() / "spool"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_room(folder, error) from None
    return folder


class TextSpool:
    """Add texts in order, then `finish` once. The temporary file, if there is one, is gone when the column is."""

    def __init__(self, limit: int = SPOOL_LIMIT) -> None:
        self._limit = limit
        self._held: list[pa.RecordBatch] = []
        self._bytes = 0
        self._path: Path | None = None
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    def add(self, texts: Sequence[str]) -> None:
        """Append texts. Raises UnicodeEncodeError for one with half a surrogate pair, and then adds none of them."""
        batch = pa.record_batch([pa.array(texts, type=pa.large_string())], schema=SCHEMA)
        self._bytes += batch.nbytes
        if self._writer is not None:
            self._write(batch)
            return
        self._held.append(batch)
        if self._bytes > self._limit:
            self._spill()

    def finish(self) -> pa.ChunkedArray:
        """All texts as one column, memory-mapped when they were spooled."""
        if self._writer is None or self._path is None:
            return pa.Table.from_batches(self._held, schema=SCHEMA).column("text")
        try:
            self._writer.close()
            column = pa.ipc.open_file(pa.memory_map(str(self._path))).read_all().column("text")
        except OSError as error:
            raise _no_room(self._path.parent, error) from None
        with suppress(OSError):  # Windows cannot remove a mapped file; it is swept when it is stale
            self._path.unlink()
        return column

    def _spill(self) -> None:
        folder = spool_folder()
        _sweep(folder)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".arrow")
        os.close(handle)
        self._path = Path(name)
        weakref.finalize(self, _remove, name)
        self._writer = pa.ipc.new_file(name, SCHEMA)
        for batch in self._held:
            self._write(batch)
        self._held = []
        pa.default_memory_pool().release_unused()  # otherwise the allocator keeps what the held texts took

    def _write(self, batch: pa.RecordBatch) -> None:
        assert self._writer is not None
        assert self._path is not None
        try:
            self._writer.write_batch(batch)
        except OSError as error:
            raise _no_room(self._path.parent, error) from None


def _remove(name: str) -> None:
    with suppress(OSError):
        os.unlink(name)


def _sweep(folder: Path) -> None:
    for path in folder.glob("*.arrow"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()


def _no_room(folder: Path, error: OSError) -> GraftError:
    return GraftError(
        f"Texts cannot be kept in {folder}: {refusal(error)[0]}.",
        "make room there, or set GRAFT_CACHE to a folder on a disk with room.",
    )
