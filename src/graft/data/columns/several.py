"""A column of several labels per row: lists, or names joined in one cell (`joy|anger`)."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graft.data.columns.cells import (
    FORM,
    JOINTS,
    Cell,
    Form,
    Held,
    Refused,
    cell_of,
    decimal_among,
    decimal_comma,
    form_of,
    labels_of,
    with_point,
)
from graft.data.columns.labels import MOST_LABELS, Label
from graft.data.options import ReadOptions
from graft.data.stream import Problems
from graft.data.targets import JOINT, Flags
from graft.data.wording import count_of


class SeveralColumn:
    """Labels of each row. Cells of text are kept whole until all are seen: only then is their form known.

    `train`: the train part's column, for a held-out part's.
    """

    def __init__(self, train: SeveralColumn | None = None) -> None:
        self._train = train
        self._codes = array("i")  # of cells, each a distinct combination as it was written
        self._cells: dict[Cell, int] = {}
        self._first: list[int] = []  # line of each combination's first row
        self._read: list[Held] | None = None  # the labels of each cell, once asked for

    def add(self, value: object, line: int) -> bool:
        """Append one row's labels; a blank cell or an empty list is a row with none. False where they are missing."""
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return False
        cell = cell_of(value)
        code = self._cells.get(cell)
        if code is None:
            code = self._cells[cell] = len(self._cells)
            self._first.append(line)
        self._codes.append(code)
        self._read = None
        return True

    def _rows(self) -> list[int]:
        """How many rows have each distinct cell."""
        rows: list[int] = np.bincount(np.array(self._codes, np.int32), minlength=len(self._cells)).tolist()
        return rows

    def _held(self) -> list[Held]:
        """The labels of each distinct cell, or why it has none."""
        if self._read is None:
            self._read = labels_of(list(self._cells), self._form())
        return self._read

    def _form(self) -> Form:
        """Names are joined as train joins them: a file of a few rows may hold only a sign that is part of a name."""
        return form_of(list(self._cells), self._rows(), JOINTS if self._train is None else self._train._signs())

    def _signs(self) -> Sequence[str]:
        """What may join names in held-out parts: the sign that does here, else those that stand in no name."""
        if joint := self._form().joint:
            return (joint,)
        return [sign for sign in JOINTS if not any(sign in label.name for label in self.labels())]

    def _combinations(self) -> list[tuple[str, ...]]:
        """The labels of each distinct cell."""
        return [() if isinstance(held, Refused) else held for held in self._held()]

    def check(self, column: str, options: ReadOptions, problems: Problems, notes: list[str]) -> None:
        """Add a problem where cells hold no labels, too many or only one; note rows with none, and labels one by
        one."""
        exact = options.labels == "exact"
        if not len(self._codes):  # told row by row, or as an empty file
            return
        if self._refuse(column, problems) or (not exact and self._are_numbers(column, problems, notes)):
            return
        found, combinations = self.labels(), self._combinations()
        blank = sum(rows for held, rows in zip(combinations, self._rows(), strict=True) if not held)
        if len(found) > MOST_LABELS // 10:
            said = f"{column!r} holds {len(found):,} different labels: these do not look like labels"
            problems.add("unique", None, said, "name the column that holds the labels with --label")
        elif len(found) < 2:
            shown = f"only the label {found[0].name!r}" if found else "no label"
            remedy = "add rows with other labels, or name another column with --label"
            problems.add("single", None, f"{column!r} holds {shown}", remedy)
        elif max(map(len, combinations)) < 2 and not blank:
            notes.append(f"{problems.file}: every row has exactly one label; --task classification would fit better.")
        _look_joined(found, exact, problems, notes)
        if blank:
            notes.append(f"{problems.file}: {count_of(blank, 'row')} without any label; kept as rows with none.")

    def check_like(self, column: str, problems: Problems) -> None:
        """Held-out rows may hold any labels that train knows."""
        self._refuse(column, problems)

    def _refuse(self, column: str, problems: Problems) -> bool:
        """Add a problem for each cell that holds no labels."""
        refused = 0
        for held, rows, line in zip(self._held(), self._rows(), self._first, strict=True):
            if isinstance(held, Refused):
                often = f", in {rows:,} rows" if rows > 1 else ""
                problems.add("labels", line, f"in {column!r} {held.found}{often}", held.remedy)
                refused += 1
        return refused > 0

    def _are_numbers(self, column: str, problems: Problems, notes: list[str]) -> bool:
        """Whether the cells are decimals, with a point or a comma, which is a problem; ids of labels that commas join
        look like the latter, where few different ones stand on both sides."""
        lines = dict(zip(self._cells, self._first, strict=True))
        texts = [(cell, rows) for cell, rows in zip(self._cells, self._rows(), strict=True) if isinstance(cell, str)]
        comma = decimal_comma([(cell, rows) for cell, rows in texts if cell])
        if comma is not None and _are_ids([cell for cell, _ in texts if cell]):
            said = f"cells of {column!r} such as {comma} were read as labels that a comma joins"
            notes.append(f"{problems.file}: {said}.")
            return False
        if comma is not None:
            found = f"{column!r} holds numbers with a decimal comma, such as {comma}"
            remedy = f"write {with_point(comma)}, and add --task regression; where commas join labels, join them by "
            problems.add("regression", lines[comma], found, f"{remedy}{JOINT}, or add --labels exact")
            return True
        labels = self.labels()
        decimal = decimal_among((label.name, label.rows) for label in labels)
        if decimal is None:
            return False
        line = next(label.line for label in labels if label.name == decimal)
        several = sum(len(held) > 1 for held in self._combinations()) * 2 > len(self._cells)
        remedy = f"list the names of the labels that apply, such as {FORM}" if several else "add --task regression"
        found = f"{column!r} holds decimal numbers such as {decimal}, which do not look like labels"
        problems.add("regression", line, found, f"{remedy}; --labels exact makes every value a label")
        return True

    def labels(self) -> tuple[Label, ...]:
        """The distinct labels in order of appearance."""
        rows: dict[str, int] = {}
        first: dict[str, int] = {}
        for names, count, line in zip(self._combinations(), self._rows(), self._first, strict=True):
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


def _look_joined(labels: tuple[Label, ...], exact: bool, problems: Problems, notes: list[str]) -> None:
    """Names that hold what joins labels wherever graft writes several in one cell, so that they would read as two."""
    for label in labels:
        if JOINT not in label.name:
            continue
        found = f"the label {label.name!r} holds {JOINT!r}, which joins labels in predictions and in the report"
        if exact:
            notes.append(f"{problems.file}: {found}.")
        else:
            remedy = f"write it as {label.name.replace(JOINT, '/')!r}, or keep it with --labels exact"
            problems.add("joint", label.line, found, remedy)


def _are_ids(cells: Sequence[str]) -> bool:
    """Whether whole numbers with commas are ids of labels: the same few stand before and behind the comma, written as
    ids are, without zeros in front."""
    pairs = [cell.split(",") for cell in cells if "," in cell]
    before, behind = ({pair[side].strip() for pair in pairs} for side in (0, -1))
    plain = all(part == "0" or not part.startswith("0") for part in behind)
    return plain and len(behind & (before | {cell for cell in cells if "," not in cell})) * 2 > len(behind)
