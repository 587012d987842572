"""Every error that a person can meet, in one tree.

    GraftError                  something the person can mend; exit code 2
    ├── DataError               the data: one or more problems, each with file, line and remedy
    ├── ModelError              a backbone that cannot be found, trusted or used
    ├── RecipeError             a recipe or a setting that cannot be obeyed
    ├── RunError                a run folder that is missing, in use, damaged or of other data
    │   └── NotFinite           training met a loss or a gradient that is no number
    └── MissingExtra            an optional package is needed; names the exact install command

Anything else that escapes is a bug in graft. Programming mistakes raise AssertionError or TypeError, never these.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from dataclasses import dataclass

EXIT_CODE = 2


_ROOM = "free some space on that disk, or choose another folder with --out; "
_ROOM += "`graft cache clear` frees what graft can make again."
_RIGHTS = "check its permissions, or choose another folder with --out."
_REFUSALS = {
    errno.ENOENT: ("there is no such file or folder", "check the path."),
    errno.ENOTDIR: ("a part of this path is a file, not a folder", "check the path."),
    errno.EEXIST: ("a file lies where a folder is needed", "choose another path."),
    errno.EISDIR: ("this is a folder, not a file", "name a file."),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one."),
    errno.ELOOP: ("its links lead in a circle", "name the file or folder itself."),
    errno.EACCES: ("the permission is missing", _RIGHTS),
    errno.EPERM: ("it is not permitted", _RIGHTS),
    errno.EROFS: ("that disk can only be read", "choose another folder with --out."),
    errno.ENOMEM: ("there is not enough memory", "close other programs, or choose a smaller model with --model."),
    errno.EFBIG: (
        "a file may not grow so large here",
        "raise the limit (ulimit -f), or choose another folder with --out.",
    ),
    errno.ENOSPC: ("the disk is full", _ROOM),
    errno.EDQUOT: ("your share of the disk is used up", _ROOM),
}


def refusal(error: OSError) -> tuple[str, str]:
    """What the system refused, and what to do, in words of people where there are some."""
    otherwise = error.strerror or str(error) or type(error).__name__
    return _REFUSALS.get(error.errno or 0, (otherwise, "check the path and the disk."))


def first_line(error: BaseException, longest: int = 200) -> str:
    """The first line of an error of another library, without its number; its type's name where it says nothing."""
    lines = str(error).strip().splitlines()
    return re.sub(r"^\[Errno -?\d+\] ", "", lines[0])[:longest].rstrip(".") if lines else type(error).__name__


class GraftError(Exception):
    """A problem that the person can mend: what was found, and what to do about it."""

    def __init__(self, found: str, remedy: str = "") -> None:
        self.found = found
        self.remedy = remedy
        super().__init__(f"{found}\n  → {remedy}" if remedy else found)


class ModelError(GraftError):
    """A backbone that cannot be found, trusted or used."""


class RecipeError(GraftError):
    """A recipe or a setting that cannot be obeyed."""


class RunError(GraftError):
    """A run folder that is missing, in use, damaged, or made from other data."""


class NotFinite(RunError):
    """Training met a number that is none.

    `rows`: positions in the train split of the texts at fault, where they are known, out of the `of` texts of a step.
    `skipping`: such steps were to be left out, and are too many.
    """

    def __init__(
        self, stage: str, rows: Sequence[int] = (), place: str = "", of: int = 0, skipping: bool = False
    ) -> None:
        self.stage = stage
        self.skipping = skipping
        self.rows = tuple(rows)
        self.of = of
        known = place or f"train rows {', '.join(map(str, self.rows[:5]))}, …, counted from 0"
        at_fault = f", because of {len(self.rows)} of the {of} texts of a step ({known})"
        together = f", in a step of {len(self.rows)} texts ({known})"
        where = (at_fault if len(self.rows) < of else together) if self.rows else ""
        many = "; too many steps were left out for that" if skipping else ""
        remedy = "start a new run (--out) with a lower rate (--lr) or with --precision fp32"
        onward = "." if skipping else "; or go on without such steps: --resume --on-nonfinite skip."
        super().__init__(f"The loss or a gradient is not finite in stage {stage}{where}{many}.", remedy + onward)

    def at(self, place: str) -> NotFinite:
        """The same, said of a place in the person's data."""
        return NotFinite(self.stage, self.rows, place, self.of, self.skipping)


class MissingExtra(GraftError):
    """An optional package is needed for what was asked."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed.", f"pip install 'graft-ml[{extra}]'"
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the data: where (1-based line; None: the file as a whole), what was found, what to do."""

    file: str
    line: int | None
    found: str
    remedy: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.found}\n  → {self.remedy}"


class DataError(GraftError):
    """The data cannot be used as it is: all problems found in one pass."""

    SHOWN = 20

    def __init__(self, problems: Sequence[Problem]) -> None:
        assert problems, "a DataError names at least one problem"
        self.problems = tuple(problems)
        shown = "\n".join(str(problem) for problem in self.problems[: self.SHOWN])
        more = len(self.problems) - self.SHOWN
        super().__init__(shown + (f"\n… and {more} more problems of these kinds." if more > 0 else ""))
