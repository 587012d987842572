"""One file of the cache: a stream of values, a few arrays that describe it, and a checksum for every block.

    magic | values, block after block | arrays | table (JSON) | its length, its checksum, magic

Written whole or not at all: the file has a hidden name until its last byte is written, then it is renamed. It is not
forced to disk, since a cache may lose what a power cut takes, but must never lie: what a crash, a full disk or a
failing one leaves is noticed by size and checksum. CRC-32 was chosen because it runs at memory speed (3.6 GiB/s where
sha256 takes 1.7 and blake2b 0.8) and catches every single flipped bit, every burst of up to 32 bits and any other
damage but one in 2^32; it is no defence against a person who writes files into one's cache.

A reader holds a shared lock as long as it has the file mapped, a writer an exclusive one as long as it writes. Both
go with the process, so whoever makes room can tell what is in use and what was left behind.
"""

from __future__ import annotations

import mmap
import os
import secrets
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from graft.errors import refusal

MAGIC = b"graft shard 1\n\0\0"
TAIL = struct.Struct("<QI4s")  # length of the table, checksum of arrays and table, end mark
END = b"end\n"
BLOCK = 1 << 20  # bytes under one checksum
SUFFIX = ".shard"
WRITING = ".writing-"


class Damaged(Exception):
    """The file is not what was written."""


UNREADABLE = (Damaged, OSError, ValueError, KeyError, TypeError)  # what comes of reading a shard that cannot serve


@dataclass(frozen=True, slots=True)
class Table:
    """What a shard holds, at its end."""

    fields: dict[str, str]  # everything that the values depend on, by name
    label: str  # of which model, for people: not a part of the key
    seconds: float = 0.0  # that computing the values took
    tokens: int = 0  # that this computed
    bytes: int = 0  # of values
    arrays: dict[str, tuple[str, int]] = field(default_factory=dict)  # name → numpy's dtype, entries; behind the values


class Shard:
    """A file of the cache, mapped for reading. Changes of what is read stay in this process."""

    def __init__(self, path: Path, handle: int) -> None:
        """Takes over an open file. Raises Damaged when its end, or its size, is not what a writer left."""
        self.path = path
        lock(handle, shared=True)
        size = os.fstat(handle).st_size
        if size < len(MAGIC) + TAIL.size:
            raise Damaged(f"{path} is cut short")
        self._map = mmap.mmap(handle, 0, access=mmap.ACCESS_COPY)  # keeps the lock as long as it lives
        self.bytes = size
        self.table, self._arrays = self._read_end(size)
        self._checked = np.zeros(len(self._arrays["checksums"]), dtype=bool)

    def _read_end(self, size: int) -> tuple[Table, dict[str, NDArray[Any]]]:
        length, checksum, end = TAIL.unpack_from(self._map, size - TAIL.size)
        start = size - TAIL.size - length
        if end != END or self._map[: len(MAGIC)] != MAGIC or start < len(MAGIC):
            raise Damaged(f"{self.path} is cut short or is no shard")
        try:
            table = msgspec.json.decode(self._map[start : start + length], type=Table)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Damaged(f"{self.path} has a damaged table") from None
        behind = len(MAGIC) + table.bytes
        if zlib.crc32(memoryview(self._map)[behind : start + length]) != checksum:
            raise Damaged(f"{self.path} has a damaged table")
        arrays: dict[str, NDArray[Any]] = {}
        for name, (dtype, count) in table.arrays.items():
            arrays[name] = np.frombuffer(self._map, np.dtype(dtype), count, behind)
            behind += arrays[name].nbytes
        if behind != start:
            raise Damaged(f"{self.path} has another size than its table says")
        return table, arrays

    def array(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def values(self, dtype: str, width: int) -> NDArray[Any]:
        """The values as rows of `width`, mapped."""
        flat = np.frombuffer(self._map, np.dtype(dtype), self.table.bytes // np.dtype(dtype).itemsize, len(MAGIC))
        return flat.reshape(-1, width)

    def check(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> int:
        """Verify the blocks that hold these ranges of bytes, each once; the bytes that this read. Raises Damaged."""
        read = 0
        edges = np.zeros(len(self._checked) + 1, dtype=np.int64)
        real = stops > starts
        np.add.at(edges, starts[real] // BLOCK, 1)
        np.add.at(edges, (stops[real] - 1) // BLOCK + 1, -1)
        whole = memoryview(self._map)[len(MAGIC) : len(MAGIC) + self.table.bytes]
        for block in np.flatnonzero((np.cumsum(edges)[:-1] > 0) & ~self._checked).tolist():
            if zlib.crc32(whole[block * BLOCK : (block + 1) * BLOCK]) != self._arrays["checksums"][block]:
                raise Damaged(f"{self.path} has a damaged block")
            self._checked[block] = True
            read += min(BLOCK, self.table.bytes - block * BLOCK)
        return read

    def checked(self) -> Shard:
        """The same, taken as verified: this process has just written it."""
        self._checked[:] = True
        return self


def open_shard(path: Path) -> Shard:
    """Raises Damaged, or OSError (FileNotFoundError where it was evicted meanwhile)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return Shard(path, handle)
    finally:
        os.close(handle)


class Writer:
    """A shard under way. `append` values, then `commit`; without, it is as if nothing had been written."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError where the folder cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(8)}{SUFFIX}"  # unique: two writers never meet
        self._path, self._temporary = folder / name, folder / f"{WRITING}{name}"
        self._handle = os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        lock(self._handle, shared=False)
        self.bytes = 0
        self._checksums: list[int] = []
        try:
            self._write(MAGIC)
        except OSError:
            self.drop()
            raise

    def append(self, values: NDArray[Any]) -> None:
        """Add values to the stream, as their bytes are."""
        view = np.ascontiguousarray(values).data.cast("B") if values.size else memoryview(b"")
        self._write(view)
        for piece in _pieces(view, self.bytes % BLOCK):
            if self.bytes % BLOCK == 0:
                self._checksums.append(0)
            self._checksums[-1] = zlib.crc32(piece, self._checksums[-1])
            self.bytes += len(piece)

    def read_back(self, start: int, cold: bool) -> int:
        """Read the values from byte `start` on, `cold` from the disk itself; returns how many bytes these are."""
        place, size = len(MAGIC) + start, self.bytes - start
        if cold and hasattr(os, "posix_fadvise"):
            os.fdatasync(self._handle)
            os.posix_fadvise(self._handle, place, size, os.POSIX_FADV_DONTNEED)
        return len(os.pread(self._handle, size, place))

    def commit(self, table: Table, arrays: dict[str, NDArray[Any]]) -> Shard:
        """Finish the file and give it its name; others find it from now on."""
        arrays = arrays | {"checksums": np.asarray(self._checksums, dtype=np.uint32)}
        shapes = {name: (array.dtype.str, array.size) for name, array in arrays.items()}
        end = msgspec.json.encode(replace(table, bytes=self.bytes, arrays=shapes))
        behind = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays.values()) + end
        self._write(behind + TAIL.pack(len(end), zlib.crc32(behind), END))
        shard = Shard(self._path, self._handle).checked()
        os.replace(self._temporary, self._path)
        os.close(self._handle)
        self._handle = -1
        return shard

    def drop(self) -> None:
        """Give up what was not committed."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
            self._temporary.unlink(missing_ok=True)

    def _write(self, data: memoryview | bytes) -> None:
        view = memoryview(data)
        while len(view):
            view = view[os.write(self._handle, view) :]


def shards_in(folder: Path, notes: list[str]) -> list[Path]:
    """The whole shards in a folder. One that may not be looked into holds none, and the notes say so."""
    try:
        found = listed(folder)
    except OSError as error:
        _note(notes, f"{folder} cannot be read: {refusal(error)[0]}. What it holds is computed again.")
        return []
    return [path for path in found if path.name.endswith(SUFFIX) and not path.name.startswith(WRITING)]


def listed(folder: Path) -> list[Path]:
    """What lies in a folder; nothing where it is not there. Raises OSError where it may not be looked into."""
    try:
        return [folder / name for name in sorted(os.listdir(folder))]
    except (FileNotFoundError, NotADirectoryError):
        return []


def discard(path: Path, error: Exception, notes: list[str]) -> None:
    """Note why a shard does not serve, and remove it where it is damaged. What only could not be read (no permission,
    no handle or memory left) stays; one that was evicted meanwhile is a miss like any other."""
    if isinstance(error, FileNotFoundError):
        return
    if isinstance(error, OSError):
        _note(notes, f"files of {path.parent} cannot be read: {refusal(error)[0]}. What they hold is computed again.")
        return
    try:
        path.unlink(missing_ok=True)
        became = "It was removed"
    except OSError as refused:
        became = f"It cannot be removed ({refusal(refused)[0]})"
    _note(notes, f"{error}. {became}, and what it held is computed again.")


def _note(notes: list[str], sentence: str) -> None:
    """Once, however many files it is true of."""
    if f"Cache: {sentence}" not in notes:
        notes.append(f"Cache: {sentence}")


def _pieces(view: memoryview, within: int) -> Iterable[memoryview]:
    """A view in parts that end where blocks end; `within`: how far into a block it begins."""
    start, stop = 0, BLOCK - within
    while start < len(view):
        yield view[start:stop]
        start, stop = stop, stop + BLOCK


def lock(handle: int, shared: bool) -> bool:
    """Lock an open file without waiting; False where another process has it. Always True where there are no locks."""
    try:
        import fcntl
    except ImportError:  # Windows: it removes no open file, which is lock enough
        return True
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
