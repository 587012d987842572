"""A column of numbers to predict, and the ways in which such a column is none."""

from __future__ import annotations

import math
from array import array

import numpy as np
from numpy.typing import NDArray

from graft.data.columns.cells import COMMA, with_point
from graft.data.columns.labels import Label
from graft.data.columns.profile import is_number
from graft.data.options import ReadOptions
from graft.data.stream import Problems
from graft.data.targets import Numbers

LARGEST = 1e30  # a model answers in 32 bits, whose numbers end at 3.4e38
NEAREST = 1e-6  # parts of the largest number that lie between all of them: 32 bits tell seven digits apart


class NumberColumn:
    """Numbers row by row, written as such or as text ("3.5", "1e-3")."""

    def __init__(self) -> None:
        self._values = array("d")
        self._strange: dict[str, list[int]] = {}  # what is no number: the lines where it stands
        self._commas: list[tuple[str, int]] = []  # numbers with a decimal comma, and their lines
        self._large: dict[str, list[int]] = {}  # the same of numbers that no model could answer with

    def add(self, value: object, line: int) -> bool:
        """Append one number; False, and nothing is appended, when the cell is missing or blank."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return False
        if isinstance(value, str) and not value.strip():
            return False
        if isinstance(value, str) and COMMA.fullmatch(value):
            self._commas.append((value, line))
            number = 0.0  # only so that later problems are found too; the file is refused
        elif not is_number(value) or not math.isfinite(number := float(value)):  # type: ignore[arg-type]
            self._strange.setdefault(f"{value!r:.60}", []).append(line)
            number = 0.0
        elif abs(number) > LARGEST:
            self._large.setdefault(f"{number:g}", []).append(line)
        self._values.append(number)
        return True

    def check(self, column: str, _options: ReadOptions, problems: Problems, _notes: list[str]) -> None:
        """Add a problem for each cell that is no number, and where all numbers are the same or all but the same."""
        self.check_like(column, problems)
        values = self._numbers()
        if not len(values) or self._strange or self._commas or self._large:
            return
        least, most = float(values.min()), float(values.max())
        if least == most:
            found = f"all {len(values):,} rows have the same number, {values[0]:g}"
            problems.add("single", None, found, f"name another column than {column!r} with --label")
        elif most - least < max(NEAREST * max(abs(least), abs(most)), 1 / LARGEST):
            found = f"the numbers lie between {least!r} and {most!r}, nearer together than a model tells apart"
            problems.add("near", None, found, "take off what they have in common, or write them in another unit")

    def check_like(self, column: str, problems: Problems) -> None:
        if self._commas:
            first, line = self._commas[0]
            found = f"{column!r} holds {first!r}, a number with a decimal comma"
            often = f", as {len(self._commas):,} rows do" if len(self._commas) > 1 else ""
            problems.add("number", line, found + often, f"write such numbers with a point: {with_point(first)}")
        for shown, lines in self._strange.items():
            remedy = "write a number; where the column holds classes: --task classification, or --labels exact"
            often = f", in {len(lines):,} rows" if len(lines) > 1 else ""
            problems.add("number", lines[0], f"{column!r} holds {shown}, which is not a number{often}", remedy)
        for shown, lines in self._large.items():
            found = f"{column!r} holds {shown}, beyond the {LARGEST:g} that a model can answer with"
            problems.add("number", lines[0], found, "write the column in another unit, or as logarithms")

    def labels(self) -> tuple[Label, ...]:
        """Numbers have no names."""
        return ()

    def targets(self, _codes: NDArray[np.int32], _names: int) -> Numbers:
        return Numbers(self._numbers())

    def _numbers(self) -> NDArray[np.float64]:
        return np.frombuffer(self._values, dtype=np.float64) if self._values else np.zeros(0, np.float64)
