"""From a path to lines of text: compression, encoding and size caps."""

from __future__ import annotations

import dataclasses
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from graft.data.files import signature
from graft.data.options import CELL_LIMIT, ReadOptions
from graft.data.stream import Problems
from graft.errors import first_line, refusal

UTF16 = (b"\xff\xfe", b"\xfe\xff")
UTF32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")  # the first begins as UTF-16 does
PACKING = 200  # times that texts pack at most (3 to 30 as a rule); one row again and again packs 1,000 times
ALWAYS = 256 << 20  # bytes that a file of any size may unpack to


class Unreadable(Exception):
    """The rest of a file cannot be read; the reason has been added to the problems."""


def is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


@contextmanager
def opened_bytes(path: Path, problems: Problems) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked where it ends in .gz. Raises Unreadable when it cannot be opened or unpacked."""
    try:
        with gzip.open(path, "rb") if is_gzip(path) else open(path, "rb") as file:
            yield cast(BinaryIO, file)
    except gzip.BadGzipFile as error:
        problems.add("gzip", None, f"it is named .gz but is not gzip: {error}", "unpack or rename the file")
        raise Unreadable from None
    except (EOFError, zlib.error) as error:
        problems.add("gzip", None, f"the compressed file is damaged or cut off: {error}", "copy or download it again")
        raise Unreadable from None
    except OSError as error:
        problems.add("open", None, f"it cannot be read: {refusal(error)[0]}", "check the file and its permissions")
        raise Unreadable from None


def text_lines(path: Path, options: ReadOptions, problems: Problems) -> Iterator[str]:
    """Each line with its line end, decoded strictly.

    Raises Unreadable, with the reason added to `problems`, where the rest of the file cannot be trusted.
    """
    options = bounded(path, options)
    with opened_bytes(path, problems) as file:
        check_magic(file, options, problems)
        encoding = "utf-8-sig" if options.is_utf8 else options.encoding
        text = io.TextIOWrapper(file, encoding=encoding, errors="strict", newline="")
        number, packed = 0, is_gzip(path)
        try:
            while line := text.readline(CELL_LIMIT + 1):
                number += 1
                if len(line) > CELL_LIMIT:
                    _too_long(number, problems)
                if "\0" in line:
                    problems.add("nul", number, "the line holds a NUL byte", "remove it: tr -d '\\000' < FILE > FIXED")
                    line = line.replace("\0", "")  # only so that later problems are found too; the file is refused
                yield line
                if packed and file.tell() > options.max_bytes:
                    too_big(options, problems)
            if not number:  # nothing but a byte order mark
                problems.add("empty", None, "the file is empty", "give a file with rows")
        except UnicodeDecodeError as error:
            _explain_decoding(path, options, error, problems)
            raise Unreadable from None
        except UnicodeError as error:  # UTF-16 without its mark, and the like
            found = f"the file is not {options.encoding.upper()}: {first_line(error)}"
            problems.add("encoding", None, found, "leave --encoding out, or name another")
            raise Unreadable from None


def check_magic(file: BinaryIO, options: ReadOptions, problems: Problems) -> None:
    """Refuse an empty file, and a binary file under a text file's name; leaves the position at the start."""
    start = file.read(signature.SAMPLE)
    file.seek(0)
    found = remedy = ""
    if not start:
        found, remedy = "the file is empty", "give a file with rows: to learn from, ten labelled ones at least"
    elif start.startswith(signature.GZIP) and is_gzip(Path(str(file.name))):
        found, remedy = "the file is compressed twice", "unpack it once with gunzip"
    elif start.startswith(signature.GZIP):
        found, remedy = "the file is compressed by gzip, but its name does not say so", "let its name end in .gz"
    elif start.startswith(UTF32) and options.is_utf8:
        found = "the file is UTF-32, not UTF-8"
        remedy = "convert it: iconv -f utf-32 -t utf-8 FILE > FIXED, or add --encoding utf-32"
    elif start.startswith(UTF16) and options.is_utf8:
        found = "the file is UTF-16, not UTF-8"
        remedy = "convert it: iconv -f utf-16 -t utf-8 FILE > FIXED, or add --encoding utf-16"
    elif met := signature.known(start) or (signature.binary(start) if options.is_utf8 else None):
        found, remedy = f"the file is {met.kind}, not text", met.remedy
    if found:
        problems.add("magic", None, found, remedy)
        raise Unreadable


def first_bytes(path: Path) -> bytes:
    """The start of a file, unpacked where it is gzip by whatever name; empty where it cannot be read."""
    try:
        with open(path, "rb") as file:
            start = file.read(signature.SAMPLE)
        if start.startswith(signature.GZIP):
            return zlib.decompressobj(wbits=31).decompress(start, signature.SAMPLE)
        return start
    except (OSError, zlib.error):
        return b""


def bounded(path: Path, options: ReadOptions) -> ReadOptions:
    """The options with no more bytes to unpack to than a file of this size would, if it held texts."""
    try:
        size = path.stat().st_size
    except OSError:  # which is told where it is opened
        return options
    return dataclasses.replace(options, max_bytes=min(options.max_bytes, max(ALWAYS, PACKING * size)))


def too_big(options: ReadOptions, problems: Problems) -> None:
    found = f"the file unpacks to more than {options.max_bytes:,} bytes, the most that is accepted of one of its size"
    problems.add("size", None, found, "if it is right, unpack it with gunzip first, or raise options.max_bytes")
    raise Unreadable


def _too_long(line: int, problems: Problems) -> None:
    found = f"the line has more than {CELL_LIMIT:,} characters, the most that is accepted in one cell"
    problems.add("long", line, found, "check that the file is a table with one row per line")
    raise Unreadable


def _explain_decoding(path: Path, options: ReadOptions, error: UnicodeDecodeError, problems: Problems) -> None:
    """Find the first line that does not decode, by a second look at the bytes, and say what to do."""
    line, column, byte = _first_bad_byte(path, options)
    shown = options.encoding.upper()
    if line is None:
        problems.add("encoding", None, f"the file is not {shown}: {error.reason}", "name its --encoding")
        return
    found = f"byte {column} of the line is 0x{byte:02X}, which is not {shown}"
    guess = "cp1252" if 0x80 <= byte < 0xA0 else "latin-1"
    codec = guess.replace("latin-1", "latin1")
    remedy = f"convert it: iconv -f {codec} -t utf-8 {path.name} > fixed-{path.name}, or add --encoding {guess}"
    problems.add("encoding", line, found, remedy)


def _first_bad_byte(path: Path, options: ReadOptions) -> tuple[int | None, int, int]:
    """(line, 1-based byte in the line, its value) of the first byte that does not decode; line None if not found."""
    with gzip.open(path, "rb") if is_gzip(path) else open(path, "rb") as file:
        for number, line in enumerate(cast(BinaryIO, file), start=1):
            try:
                line.decode(options.encoding)
            except UnicodeDecodeError as error:
                return number, error.start + 1, line[error.start]
            except UnicodeError:
                break
    return None, 0, 0
