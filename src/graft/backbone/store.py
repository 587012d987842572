"""Extracted representations on disk: memory-mapped, written whole, bounded in size.

An entry is one .npy file whose name is a digest of everything that it depends on, so that a stale entry cannot be
found. Two writers of one entry write the same bytes; the last rename wins.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data.tokens import Tokens
from graft.errors import RecipeError
from graft.files import cache_root

FORMAT = 1  # raise when what is written for the same inputs changes
DEFAULT_BYTES = 20 * 2**30
ABANDONED = 86_400.0  # seconds after which an unfinished entry is a killed writer's


@dataclass(frozen=True, slots=True)
class Usage:
    """What the store holds."""

    folder: str
    entries: int
    bytes: int
    limit: int


def key(weights: str, tokens: Tokens, precision: str, device: str, kind: str) -> str:
    """The name of an entry: weights, token ids (so: tokenizer, texts, length limit), dtype, device, kind and format."""
    digest = hashlib.sha256(f"{FORMAT}|{weights}|{precision}|{device}|{kind}|".encode())
    digest.update(np.ascontiguousarray(tokens.starts).data)
    digest.update(np.ascontiguousarray(tokens.ids).data)
    return f"{kind}-{digest.hexdigest()[:40]}"


class Entry:
    """An entry being written: fill `values`, then `keep()`; leaving without keeping removes it."""

    def __init__(self, path: Path, dtype: str, shape: tuple[int, ...]) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=".npy")
        os.close(handle)
        self._temporary = Path(name)
        self.values: NDArray[Any] = np.lib.format.open_memmap(name, mode="w+", dtype=np.dtype(dtype), shape=shape)

    def keep(self) -> NDArray[Any]:
        """Give the entry its name; from now on others find it."""
        if isinstance(self.values, np.memmap):
            self.values.flush()
        os.replace(self._temporary, self.path)
        return self.values

    def drop(self) -> None:
        self._temporary.unlink(missing_ok=True)


class Store:
    """The folder of entries."""

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        self.folder = folder or cache_root() / "features"
        self.limit = limit if limit is not None else _default_limit()

    def find(self, name: str) -> NDArray[Any] | None:
        """An entry by key, memory-mapped for reading; None when it is missing or unreadable."""
        path = self.folder / f"{name}.npy"
        try:
            values = np.load(path, mmap_mode="c", allow_pickle=False)
            os.utime(path)  # the least recently used goes first
        except (OSError, ValueError, EOFError):
            return None
        return values  # type: ignore[no-any-return]

    def entry(self, name: str, dtype: str, shape: tuple[int, ...]) -> Entry:
        """Start writing an entry, after making room for it. `dtype` is numpy's name."""
        self._make_room(int(np.dtype(dtype).itemsize * np.prod(shape)))
        return Entry(self.folder / f"{name}.npy", dtype, shape)

    def fits(self, size: int) -> bool:
        """Whether an entry of `size` bytes may be written: within the limit and half of the free disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return size <= self.limit and size <= shutil.disk_usage(self.folder).free // 2

    def usage(self) -> Usage:
        sizes = [size for _, size, _ in self._entries()]
        return Usage(str(self.folder), len(sizes), sum(sizes), self.limit)

    def clear(self) -> Usage:
        """Remove every entry; returns what was held."""
        held = self.usage()
        for path, _, _ in self._entries(unfinished=True):
            path.unlink(missing_ok=True)
        return held

    def _entries(self, unfinished: bool = False) -> list[tuple[Path, int, float]]:
        """(path, bytes, time of last use), least recently used first."""
        found = []
        for path in self.folder.glob("*.npy") if self.folder.is_dir() else ():
            if path.name.startswith(".") and not unfinished:
                continue
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            found.append((path, status.st_size, status.st_mtime))
        return sorted(found, key=lambda entry: entry[2])

    def _make_room(self, size: int) -> None:
        """Remove the least recently used entries until `size` more bytes fit; those being written count, but stay."""
        entries = self._entries(unfinished=True)
        held = sum(entry[1] for entry in entries)
        for path, bytes_, used in entries:
            if held + size <= self.limit:
                return
            if path.name.startswith(".") and time.time() - used < ABANDONED:
                continue
            path.unlink(missing_ok=True)  # a reader that has it mapped keeps its pages
            held -= bytes_


def _default_limit() -> int:
    named = os.environ.get("GRAFT_CACHE_BYTES", "")
    if named and not named.isdigit():
        raise RecipeError(
            f"GRAFT_CACHE_BYTES is {named!r}, which is no number of bytes.", "set it to 20000000000, say."
        )
    return int(named) if named else DEFAULT_BYTES
