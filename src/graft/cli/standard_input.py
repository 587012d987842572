"""Texts from standard input, one a line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft.errors import Problem


def lines(quiet: bool, otherwise: str = "") -> Iterator[str]:
    """Standard input, one text per line; an empty line is an empty text, so that answers keep their place.

    A byte order mark is left out. Raises DataError for what is not UTF-8, with its line and a remedy, to which
    `otherwise` adds one of the verb's own.
    """
    from graft.errors import DataError

    if sys.stdin.isatty() and not quiet:
        print("Reading texts from the terminal, one per line; end with Ctrl-D.", file=sys.stderr, flush=True)
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError([_undecodable(number, line, error.start + 1, otherwise)]) from None


def _undecodable(number: int, line: bytes, byte: int, otherwise: str) -> Problem:
    """What to say of a line of standard input that is not UTF-8: another encoding, or no text at all."""
    from graft.data.files.signature import SAMPLE, binary, known
    from graft.data.texts import STANDARD_INPUT
    from graft.errors import Problem

    start = line if sys.stdin.isatty() else line + sys.stdin.buffer.read1(SAMPLE)  # type: ignore[union-attr]
    if met := (known(start) if number == 1 else None) or binary(start[:SAMPLE]):
        return Problem(STANDARD_INPUT, None, f"this is {met.kind}, not text", met.remedy)
    remedy = f"convert it: iconv -f latin1 -t utf-8{otherwise}"
    return Problem(STANDARD_INPUT, number, f"byte {byte} of the line is not UTF-8", remedy)
