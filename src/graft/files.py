"""Files written whole or not at all, digests, and records as JSON.

Knows about bytes and paths, nothing about what they mean.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from graft.errors import RecipeError, RunError, refusal

Record = TypeVar("Record")
SEAL = '"seal": "'  # what stands before a record's own digest
NUMBERS = re.compile(rb"\[\n[-+.\deE,nul \n]++\]")  # and nulls; a line end within a string is written \n
_AGAIN = "restore it from a backup, or run again into a new folder."


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
        flush_directory(target.parent)
    except Exception as error:
        refused = system_error(error)
        if refused is None:
            raise
        named = refused.filename if refused is error else None  # a refused write names no file
        if named is not None and not os.path.basename(str(named)).startswith(f".{target.name}."):
            raise
        raise OSError(refused.errno, refused.strerror, str(path)) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def system_error(error: BaseException) -> OSError | None:
    """The OSError that an error is, or that a library in Rust has made a sentence of; None where it is neither."""
    if isinstance(error, OSError):
        return error
    number = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1]))) if number else None


def flush_tree(folder: Path) -> None:
    """Make every file in a folder and in the folders within it, and these themselves, outlast a loss of power."""
    for path in folder.iterdir():
        if path.is_dir():
            flush_tree(path)
            continue
        with open(path, "rb") as file:
            os.fsync(file.fileno())
    flush_directory(folder)


def sweep(folder: Path, names: Iterable[str]) -> None:
    """Remove what killed writers of these files left beside them. Only whoever holds the folder's lock may do so."""
    for name in names:
        for path in folder.glob(f".{name}.????????"):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _beside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    return Path(name)


def flush_directory(folder: Path) -> None:
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


def to_json(record: Any) -> str:
    """Any record as indented JSON, lists of numbers each in a line. Numbers that are not finite become null."""
    indented = msgspec.json.format(msgspec.json.encode(record), indent=2)
    return NUMBERS.sub(lambda found: found[0].translate(None, b" \n"), indented).decode()


def write_record(path: Path, record: Any) -> None:
    """Write one record as an indented JSON file, whole or not at all.

    Its last entry is a seal: the sha256 of all that stands before it, so that a changed bit is noticed on reading.
    """
    text = to_json(record).removesuffix("\n}")
    body = f"{text},\n  " if text != "{}" else "{\n  "
    write_text(path, f'{body}{SEAL}{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n')


def read_record(path: Path, kind: type[Record]) -> Record:
    """Read back what `write_record` wrote.

    Raises RunError naming the file when it is missing, is not JSON, does not fit `kind` or its seal.
    """
    try:
        content = path.read_bytes()
        record = msgspec.json.decode(content, type=kind)
    except FileNotFoundError:
        raise RunError(
            f"{path} is missing.", "is this a folder that `graft run` made? Name a complete run folder."
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path} is damaged: {error}.", _AGAIN) from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {refusal(error)[0]}.", _AGAIN) from None
    body, _, seal = content.rpartition(SEAL.encode())
    if seal != f'{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode():
        raise RunError(f"{path} is damaged: it is not as it was written.", _AGAIN)
    return record


def is_intact(path: Path, digest: str) -> bool:
    """Whether a file is there and has this sha256."""
    try:
        return path.is_file() and digest_file(path) == digest
    except OSError:
        return False


def digest_file(path: Path) -> str:
    """sha256 of a file's bytes, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def at_home(name: str) -> Path:
    """The path that a person wrote, `~` as their home folder; as it stands where nobody has that home."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def cache_root() -> Path:
    """Where graft keeps what can be made again: $GRAFT_CACHE, else $XDG_CACHE_HOME/graft, else ~/.cache/graft.

    Raises RecipeError where nothing is named and this user has no home folder.
    """
    named = os.environ.get("GRAFT_CACHE")
    if named:
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graft"
    except RuntimeError:
        raise RecipeError(
            "This user has no home folder that the cache could lie in.",
            "set GRAFT_CACHE to a folder that can be written.",
        ) from None
