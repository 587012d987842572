"""Points at which a process can be struck while it writes: before each change of a file system under some folders.

Counted are files opened for writing or made, renames, removals, folders made and removed, flushes to disk, and tensor
files half written. `strike` acts at the n-th: by SIGKILL, by SIGTERM, or by refusing this and every later write with an
error of the system, as a full disk does.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
REMOVALS = ("os.remove", "os.rmdir")
CHANGES = ("os.rename", "os.mkdir", "os.chmod", *REMOVALS)


class Points:
    """Counts the points under `folders`, and calls `act(what, path)` at each."""

    def __init__(self, folders: Sequence[str], act: Callable[[str, str], None]) -> None:
        self._folders = tuple(folders)
        self._act = act
        self._inside = False
        self.met: list[str] = []

    def install(self) -> None:
        sys.addaudithook(self._hear)
        _wrap(os, "fsync", self._flushed)
        import safetensors.torch as tensors

        original = tensors.serialize_file

        def torn(values: Any, path: Any, *more: Any, **named: Any) -> None:
            original(values, path, *more, **named)
            whole = Path(path).read_bytes()
            Path(path).write_bytes(whole[: len(whole) // 2])
            self._point("half", str(path))
            Path(path).write_bytes(whole)

        tensors.serialize_file = torn

    def _flushed(self, handle: int) -> None:
        self._point("fsync", os.readlink(f"/proc/self/fd/{handle}"))

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[0], str) and args[2] & WRITING:
            self._point("open", args[0])
        elif event in CHANGES:
            place = str(args[0])
            holder = args[-1]
            if event in REMOVALS and isinstance(holder, int) and holder >= 0:
                place = os.path.join(os.readlink(f"/proc/self/fd/{holder}"), place)
            self._point(event.removeprefix("os."), place)

    def _point(self, what: str, path: str) -> None:
        if self._inside or not path.startswith(self._folders):
            return
        self._inside = True
        try:
            self.met.append(f"{what} {path}")
            self._act(what, path)
        finally:
            self._inside = False


def _wrap(module: Any, name: str, before: Callable[..., None]) -> None:
    original = getattr(module, name)

    def wrapped(*args: Any) -> Any:
        before(*args)
        return original(*args)

    setattr(module, name, wrapped)


def strike(folders: Sequence[str], at: int, how: str) -> Points:
    """Install points that strike at the `at`-th (from 1; 0: never). `how`: kill, term, or an errno's number."""

    def act(what: str, path: str) -> None:
        if not at or len(points.met) < at:
            return
        if how in ("kill", "term"):
            if len(points.met) == at:
                os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGTERM)
        elif what not in ("remove", "rmdir", "chmod"):  # a full disk lets files go
            raise OSError(int(how), os.strerror(int(how)), path)

    points = Points(folders, act)
    points.install()
    return points


class Sockets:
    """Refuses every socket, and remembers that one was asked for."""

    def __init__(self) -> None:
        self.met: list[str] = []

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        if event.startswith("socket.") and event != "socket.gethostname":
            self.met.append(f"{event} {args[1:]}")
            raise OSError(101, os.strerror(101))


def no_network() -> Sockets:
    """From now on no socket can be made, no name be looked up."""
    sockets = Sockets()
    sys.addaudithook(sockets.hear)
    return sockets
