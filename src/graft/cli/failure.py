"""The door out: every error as one message, as JSON where that was asked for, and as an exit code.

0 done · 1 a bug in graft · 2 something the person can mend · 130 Ctrl-C · 141 nobody reads on · 143 SIGTERM
"""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from contextlib import suppress
from typing import Any

from graft.cli.usage import UsageError
from graft.errors import EXIT_CODE, DataError, GraftError, refusal

BUG, CTRL_C, NO_READER, TERMINATED = 1, 130, 141, 143
BUG_WORDS = "This is a bug in graft. Please report it, with the lines below and the command that you gave."


class Terminated(BaseException):
    """SIGTERM, raised where the program stands, so that it leaves everything in order."""


class Stopped(BaseException):
    """A verb was interrupted, and says how to go on."""

    def __init__(self, code: int, hint: str) -> None:
        self.code = code
        super().__init__(hint)


def fail(error: BaseException, as_json: bool) -> int:
    """Tell an error on standard error (and, with `as_json`, on standard output); returns the exit code."""
    code, described = _described(error)
    if code == BUG:
        _tell(BUG_WORDS + "\n" + "".join(traceback.format_exception(error)).rstrip())
    else:
        _tell(described["message"])
    if as_json:
        print_json({"error": described})
    return code


def _described(error: BaseException) -> tuple[int, dict[str, Any]]:
    """(exit code, the error as plain values)."""
    from graft.machine import is_out_of_memory  # which loads more than --help may

    match error:
        case DataError():
            problems = [
                {"file": problem.file, "line": problem.line, "found": problem.found, "remedy": problem.remedy}
                for problem in error.problems
            ]
            return EXIT_CODE, {"kind": "DataError", "message": str(error), "problems": problems}
        case GraftError() | UsageError():
            described = {"kind": type(error).__name__, "message": str(error)}
            return EXIT_CODE, described | ({"remedy": error.remedy} if error.remedy else {})
        case OSError():
            return EXIT_CODE, {"kind": "OSError", "message": system_message(error)}
        case _ if is_out_of_memory(error):
            message = "There is not enough memory.\n  → close other programs, or choose a smaller model with --model."
            return EXIT_CODE, {"kind": "MemoryError", "message": message}
        case Stopped():
            return error.code, {"kind": "Interrupted", "message": str(error)}
        case KeyboardInterrupt() | Terminated():
            code = TERMINATED if isinstance(error, Terminated) else CTRL_C
            return code, {"kind": "Interrupted", "message": "Interrupted."}
    return BUG, {"kind": "bug", "message": f"{type(error).__name__}: {error}"}


def system_message(error: OSError) -> str:
    """What the system refused, where, and what to do."""
    from graft.files import cache_root

    reason, remedy = refusal(error)
    place = ", ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    with suppress(GraftError):  # there may be no place for a cache
        if place.startswith(str(cache_root())):
            remedy = "set GRAFT_CACHE to a folder that can be written, on a disk with room."
    found = f"{place}: {reason}" if place else f"{reason[:1].upper()}{reason[1:]}."
    return f"{found}\n  → {remedy}"


def _tell(message: str) -> None:
    from graft.report.words import visible  # a file's name may hold what a terminal obeys

    try:
        print(visible(message), file=sys.stderr, flush=True)
    except OSError:  # nobody reads standard error: the exit code still says it
        abandon(2)


def print_json(value: Any) -> None:
    """One JSON object as a line on standard output, in ASCII where the terminal knows no more."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(_finite(value), ensure_ascii=not is_utf8, allow_nan=False), flush=True)


def _finite(value: Any) -> Any:
    """The value with null for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def abandon(descriptor: int) -> None:
    """Nobody reads on: send what is still to come to nowhere, so that Python's own last flush stays quiet."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
