"""What can be computed again, kept on disk: extracted states and token ids, by everything that they depend on.

Bounded in size; the least recently used shard goes first, and never one that a process has mapped or is writing. No
lock is held while anything is computed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from graft import machine
from graft.cache.filling import Filling
from graft.cache.shard import SUFFIX, WRITING, Damaged, listed, lock, open_shard
from graft.cache.shelf import Layout, Shelf
from graft.errors import RecipeError, refusal
from graft.files import cache_root

FORMAT = 3  # raise when what is written for the same inputs changes
DEFAULT_BYTES = 20 * 2**30
ABANDONED = 86_400.0  # seconds after which an unfinished file is a killed writer's, where there are no locks


@dataclass(frozen=True, slots=True)
class Entry:
    """What the cache holds of one model and kind."""

    model: str
    kind: str
    rows: int
    bytes: int
    used: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Usage:
    """What the cache holds."""

    folder: str
    entries: tuple[Entry, ...]
    bytes: int
    limit: int
    unread: tuple[str, ...] = ()  # what may not be looked into, each with the reason: it is not counted


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    bytes: int
    used: float

    @property
    def is_unfinished(self) -> bool:
        return self.path.name.startswith(WRITING)


class Store:
    """The folder of shelves, one for each key."""

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        self.folder = folder or cache_root() / "shards"
        self.limit = limit if limit is not None else _default_limit()

    def shelf(self, fields: dict[str, str], layout: Layout, label: str) -> Shelf:
        """The rows under a key. `fields`: everything that the values depend on besides the row itself, by name;
        `label`: the model's name, for people."""
        return Shelf(self.folder / key(fields), fields | {"format": str(FORMAT)}, layout, label)

    def filling(self, shelf: Shelf, size: int, reserved: int = 0) -> Filling:
        """Start adding `size` bytes of rows to a shelf, room made for them beside `reserved` bytes of other shelves."""
        keep = size > 0 and self.make_room(reserved + size)
        if size and not keep:
            shelf.notes.append(f"Cache: {self.folder} has no room for {size:,} bytes more, so they are not kept.")
        return Filling(shelf, keep, cold=0 < machine.free_memory() < 2 * (reserved + size))

    def fits(self, size: int) -> bool:
        """Whether `size` bytes may be written: within the limit and half of the free disk."""
        there = next(place for place in (self.folder, *self.folder.absolute().parents) if os.path.exists(place))
        return size <= self.limit and size <= shutil.disk_usage(there).free // 2

    def make_room(self, size: int) -> bool:
        """Remove the least recently used shards until `size` more bytes fit, and what killed writers left; False where
        they cannot fit, since the rest is in use."""
        files = list(self._files([]))
        held = 0
        for file in files:
            held += 0 if file.is_unfinished and _remove(file) else file.bytes
        for file in sorted(files, key=lambda file: file.used):
            if held + size <= self.limit:
                break
            if not file.is_unfinished and _remove(file):
                held -= file.bytes
        return held + size <= self.limit

    def touch(self, path: Path) -> None:
        """Note that a shard was used: the least recently used goes first."""
        with suppress(OSError):  # evicted, or not ours to touch: what is mapped stays readable
            os.utime(path)

    def usage(self) -> Usage:
        """What is held, the most recently used first."""
        found: dict[tuple[str, str], Entry] = {}
        total = 0
        unread: list[str] = []
        for file in self._files(unread):
            total += file.bytes
            try:
                table = open_shard(file.path).table
            except (Damaged, OSError, ValueError):
                continue
            named = table.label, table.fields.get("kind", "")
            known = found.get(named, Entry(*named, 0, 0, 0.0))
            rows = known.rows + table.arrays["counts"][1] if "counts" in table.arrays else known.rows
            found[named] = Entry(*named, rows, known.bytes + file.bytes, max(known.used, file.used))
        entries = sorted(found.values(), key=lambda entry: -entry.used)
        return Usage(str(self.folder), tuple(entries), total, self.limit, tuple(unread))

    def clear(self, older_than: float = 0.0) -> int:
        """Remove what was not used for so many seconds, in use or not; returns the bytes that were freed."""
        freed = 0
        for file in list(self._files([])):
            if max(0.0, time.time() - file.used) >= older_than:  # a clock that was wrong has dated some in the future
                file.path.unlink(missing_ok=True)
                freed += file.bytes
        for folder in _looked_into(self.folder, []):
            with suppress(OSError):  # it is not empty
                folder.rmdir()
        return freed

    def _files(self, unread: list[str]) -> Iterator[_File]:
        """Every shard, the unfinished ones too; adds to `unread` what may not be looked into."""
        for folder in _looked_into(self.folder, unread):
            for path in _looked_into(folder, unread):
                if path.name.endswith(SUFFIX):
                    try:
                        status = path.stat()
                    except FileNotFoundError:
                        continue
                    except OSError as error:
                        unread.append(f"{path}: {refusal(error)[0]}")
                        continue
                    yield _File(path, status.st_size, status.st_mtime)


def _looked_into(folder: Path, unread: list[str]) -> list[Path]:
    """What lies in a folder of the cache; adds it to `unread` where it may not be looked into."""
    try:
        return listed(folder)
    except OSError as error:
        unread.append(f"{folder}: {refusal(error)[0]}")
        return []


def _remove(file: _File) -> bool:
    """Remove a file that nobody has open; whether it is gone."""
    if file.is_unfinished and os.name == "nt" and time.time() - file.used < ABANDONED:
        return False
    try:
        handle = os.open(file.path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        if not lock(handle, shared=False):
            return False
        file.path.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def key(fields: dict[str, str]) -> str:
    """The folder of a shelf: a digest of everything that its values depend on, and of the format."""
    made = json.dumps([FORMAT, fields], sort_keys=True)
    return hashlib.sha256(made.encode()).hexdigest()[:40]


def _default_limit() -> int:
    named = os.environ.get("GRAFT_CACHE_BYTES", "")
    if named and not re.fullmatch(r"[0-9]{1,18}", named):
        raise RecipeError(
            f"GRAFT_CACHE_BYTES is {named!r:.60}, which is no number of bytes.", "set it to 20000000000, say."
        )
    return int(named) if named else DEFAULT_BYTES
