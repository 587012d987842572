"""Files written whole or not at all, digests, and records as JSON.

Knows about bytes and paths, nothing about what they mean.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from graft.errors import RunError

Record = TypeVar("Record")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to disk and rename it over `path`.

    On any error (Ctrl-C too) the temporary file goes and what stood at `path` stays as it was. A link stays a link,
    and what it names is replaced. A device or a pipe is yielded itself: it has no content to keep. Raises OSError,
    which names `path` and never the temporary file.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        yield path
        return
    target = Path(os.path.realpath(path))
    temporary = None
    try:
        temporary = _beside(target)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp's 0600 would hide the file from the person's group
        os.replace(temporary, target)
        _flush_directory(target.parent)
    except OSError as error:
        if os.path.basename(str(error.filename)).startswith(f".{target.name}."):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    return Path(name)


def _flush_directory(folder: Path) -> None:
    """Make a rename durable; file systems that cannot (Windows, some networks) are left alone."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def to_json(record: Any, indent: int = 2) -> str:
    """Any record as JSON. Numbers that are not finite become null."""
    return msgspec.json.format(msgspec.json.encode(record), indent=indent).decode()


def write_record(path: Path, record: Any) -> None:
    """Write one record as an indented JSON file, whole or not at all."""
    write_text(path, to_json(record) + "\n")


def read_record(path: Path, kind: type[Record]) -> Record:
    """Read back what `write_record` wrote.

    Raises RunError naming the file when it is missing, is not JSON or does not fit `kind`.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise RunError(
            f"{path} is missing.", "is this a folder that `graft run` made? Name a complete run folder."
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(
            f"{path} is damaged: {error}.", "restore it from a backup, or run again into a new folder."
        ) from None


def digest_file(path: Path) -> str:
    """sha256 of a file's bytes, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_root() -> Path:
    """Where graft keeps what can be made again: $GRAFT_CACHE, else $XDG_CACHE_HOME/graft, else ~/.cache/graft."""
    named = os.environ.get("GRAFT_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graft"
