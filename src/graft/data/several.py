"""A column of several labels per row: lists, or names joined in one cell (`joy|anger`)."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graft.data.labels import JOINTS, MOST_LABELS, Label
from graft.data.options import ReadOptions
from graft.data.stream import Problems
from graft.data.targets import Flags
from graft.data.wording import count_of


class SeveralColumn:
    """Labels of each row. Cells of text are kept whole until all are seen: only then is the joint known."""

    def __init__(self) -> None:
        self._codes = array("i")  # of cells, each a distinct combination as it was written
        self._cells: dict[str | tuple[str, ...], int] = {}
        self._first: list[int] = []  # line of each combination's first row
        self._blank = 0
        self._missing = 0

    def add(self, value: object, line: int) -> bool:
        """Append one row's labels; a blank cell or an empty list is a row with none. False where they are missing."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return False
        cell = _cell(value)
        self._blank += not cell
        code = self._cells.get(cell)
        if code is None:
            code = self._cells[cell] = len(self._cells)
            self._first.append(line)
        self._codes.append(code)
        return True

    @property
    def _joint(self) -> str:
        """What joins labels in a cell: the first of JOINTS that any cell holds."""
        written = [cell for cell in self._cells if isinstance(cell, str)]
        return next((joint for joint in JOINTS if any(joint in cell for cell in written)), JOINTS[0])

    def _combinations(self) -> list[tuple[str, ...]]:
        """The labels of each distinct cell."""
        joint = self._joint
        return [cell if isinstance(cell, tuple) else _parted(cell, joint) for cell in self._cells]

    def check(self, column: str, _options: ReadOptions, problems: Problems, notes: list[str]) -> None:
        """Add a problem where there are too many labels or only one; note rows with none, and labels one by one."""
        found = self.labels()
        if len(found) > MOST_LABELS // 10:
            said = f"{column!r} holds {len(found):,} different labels: these do not look like labels"
            problems.add("unique", None, said, "name the column that holds the labels with --label")
        elif len(found) < 2 and len(self._codes):
            shown = f"only the label {found[0].name!r}" if found else "no label"
            remedy = "add rows with other labels, or name another column with --label"
            problems.add("single", None, f"{column!r} holds {shown}", remedy)
        elif max(map(len, self._combinations())) < 2 and not self._blank:
            notes.append(f"{problems.file}: every row has exactly one label; --task classification would fit better.")
        if self._blank:
            notes.append(f"{problems.file}: {count_of(self._blank, 'row')} without any label; kept as rows with none.")

    def check_like(self, column: str, problems: Problems) -> None:
        """Held-out rows may hold any labels that train knows."""

    def labels(self) -> tuple[Label, ...]:
        """The distinct labels in order of appearance."""
        counts = np.bincount(np.array(self._codes, np.int32), minlength=len(self._cells)).tolist()
        rows: dict[str, int] = {}
        first: dict[str, int] = {}
        for names, count, line in zip(self._combinations(), counts, self._first, strict=True):
            for name in names:
                rows[name] = rows.get(name, 0) + count
                first.setdefault(name, line)
        return tuple(Label(name, count, first[name]) for name, count in rows.items())

    def targets(self, codes: NDArray[np.int32], names: int) -> Flags:
        """`codes`: the place of each of `labels` among the dataset's names, of which there are so many."""
        place = {label.name: int(code) for label, code in zip(self.labels(), codes, strict=False)}
        table = np.zeros((len(self._cells), names), np.bool_)
        for row, held in zip(table, self._combinations(), strict=True):
            row[[place[name] for name in held if place[name] >= 0]] = True
        return Flags(table[np.array(self._codes, np.int32)])


def _cell(value: object) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, set | frozenset):
        return tuple(sorted(map(str, value)))
    if isinstance(value, Sequence):
        return tuple(dict.fromkeys(map(str, value)))
    return str(value)


def _parted(cell: str, joint: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in cell.split(joint) if part.strip()))
