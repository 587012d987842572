"""A column of labels as codes and names, and the ways in which such a column is not what a classifier needs."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.data.columns.cells import FORM, JOINTS, decimal_comma, is_list, with_point
from graft.data.columns.profile import NUMBER
from graft.data.options import ReadOptions
from graft.data.stream import Problems
from graft.data.targets import Codes

MOST_LABELS = 20_000  # distinct labels that are kept apart; a column with more holds something else
INTEGER = re.compile(r"-?\d+")
PROSE = 25  # characters on average, from which different values are texts rather than names
# Labels that cannot be learnt.
UNSOUND = frozenset({"several", "mixed", "regression", "unique", "single", "number", "labels"})


@dataclass(frozen=True, slots=True)
class Label:
    """One distinct label of one part."""

    name: str
    rows: int
    line: int  # where it first stands


class LabelColumn:
    """Labels row by row. Strings stay as they are, character by character; whole numbers become their decimal form."""

    def __init__(self) -> None:
        self._codes = array("i")
        self._known: dict[str, int] = {}
        self._first: list[int] = []  # line of each label's first row
        self._kinds: dict[str, tuple[int, int]] = {}  # kind → (rows, first line); strings that repeat are not counted

    def add(self, value: object, line: int) -> bool:
        """Append one label; False, and nothing is appended, when the cell is missing or blank."""
        if type(value) is str:
            code = self._known.get(value)
            if code is None or "string" not in self._kinds:
                if not value.strip():
                    return False
                code = self._code("string", value, line)
            self._codes.append(code)
            return True
        kind, name = _kind_and_name(value)
        if kind == "missing":
            return False
        self._codes.append(self._code(kind, name, line))
        return True

    def _code(self, kind: str, name: str, line: int) -> int:
        rows, first = self._kinds.get(kind, (0, line))
        self._kinds[kind] = (rows + 1, first)
        code = self._known.get(name)
        if code is None:
            if len(self._known) >= MOST_LABELS:
                return 0  # `check_labels` refuses the column, so which code it is does not matter
            code = self._known[name] = len(self._known)
            self._first.append(line)
        return code

    @property
    def kinds(self) -> dict[str, tuple[int, int]]:
        """Kinds of value met ("string", "integer", "decimal", "boolean", "list", "object")
        with the first line of each."""
        return self._kinds

    def codes(self) -> NDArray[np.int32]:
        return np.frombuffer(self._codes, dtype=np.int32) if self._codes else np.zeros(0, np.int32)

    def labels(self) -> tuple[Label, ...]:
        """The distinct labels in order of code."""
        counts = np.bincount(self.codes(), minlength=len(self._known))
        return tuple(Label(name, int(counts[code]), self._first[code]) for name, code in self._known.items())

    def check(self, column: str, options: ReadOptions, problems: Problems, notes: list[str]) -> None:
        """Add a problem when the train part's labels cannot be classes, naming the first reason that applies."""
        check_labels(column, self, options, problems, notes)

    def check_like(self, column: str, problems: Problems) -> None:
        """Add a problem when labels of a held-out part are lists or of different types."""
        _wrong_kinds(column, self.kinds, problems)

    def targets(self, codes: NDArray[np.int32], _names: int) -> Codes:
        """`codes`: the place of each of `labels` among the classes."""
        return Codes(codes[self.codes()])


def _kind_and_name(value: object) -> tuple[str, str]:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "missing", ""
    if isinstance(value, bool):
        return "boolean", "true" if value else "false"
    if isinstance(value, int):
        return "integer", str(value)
    if isinstance(value, float):
        return "decimal", str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, str):
        return ("string", str(value)) if value.strip() else ("missing", "")
    if isinstance(value, Mapping):
        return "object", str(value)
    if isinstance(value, Sequence | set):
        return "list", str(value)
    return "string", str(value)  # a date, a decimal: by what it shows


def check_labels(column: str, labels: LabelColumn, options: ReadOptions, problems: Problems, notes: list[str]) -> None:
    """Add a problem when the train part's labels cannot be classes, naming the first reason that applies."""
    found = labels.labels()
    if not found:
        return
    exact = options.labels == "exact"
    if _wrong_kinds(column, labels.kinds, problems) or (not exact and _is_regression(column, found, problems)):
        return
    if not exact and (_is_listed(column, found, problems) or _is_joined(column, found, problems)):
        return
    if _is_unique(column, found, problems) or _is_single(column, found, problems):
        return
    if "decimal" in labels.kinds:
        notes.append(f"{problems.file}: whole numbers with a decimal point in {column!r} were read as integers.")
    if options.labels != "fold" and any(label.name != label.name.strip() for label in found):
        notes.append(f"{problems.file}: labels in {column!r} begin or end with a space; it is part of the class name.")


def _wrong_kinds(column: str, kinds: dict[str, tuple[int, int]], problems: Problems) -> bool:
    if "list" in kinds:
        found = f"the label {column!r} is a list"
        remedy = "add --task multi-label where a text may have several labels, or give one label per text"
        problems.add("several", kinds["list"][1], found, remedy)
        return True
    if "object" in kinds:
        found = f"the label {column!r} is an object"
        remedy = f"give one label per text, or a list of the names that apply, such as {FORM}, with --task multi-label"
        problems.add("several", kinds["object"][1], found, remedy)
        return True
    groups = {"number" if kind in ("integer", "decimal") else kind for kind in kinds}
    if len(groups) < 2:
        return False
    places = ", ".join(f"{kind} (first on line {line})" for kind, (_, line) in kinds.items())
    line = max(line for _, line in kinds.values())
    problems.add(
        "mixed", line, f"labels in {column!r} are of different types: {places}", "write all of them as strings"
    )
    return True


def _is_regression(column: str, labels: Sequence[Label], problems: Problems) -> bool:
    comma = decimal_comma([(label.name, label.rows) for label in labels])
    if comma is not None:
        line = next(label.line for label in labels if label.name == comma)
        found = f"{column!r} holds numbers with a decimal comma, such as {comma}: this looks like a score to predict"
        remedy = f"write {with_point(comma)}, and add --task regression; where commas join labels: --task multi-label"
        problems.add("regression", line, found, remedy)
        return True
    if not all(NUMBER.fullmatch(label.name) for label in labels):
        return False
    rows = sum(label.rows for label in labels)
    decimals = [label for label in labels if not INTEGER.fullmatch(label.name.strip()) and not _is_whole(label.name)]
    remedy = "add --task regression to predict the number; --labels exact makes every value a class"
    if decimals:
        found = f"{column!r} holds decimal numbers such as {decimals[0].name}: this looks like a score to predict"
        problems.add("regression", decimals[0].line, found, remedy)
        return True
    if len(labels) > 20 and (len(labels) > 200 or rows < 3 * len(labels)):
        found = (
            f"{column!r} holds {len(labels):,} different numbers in {rows:,} rows: this looks like a score to predict"
        )
        problems.add("regression", None, found, remedy)
        return True
    return False


def _is_whole(name: str) -> bool:
    return float(name).is_integer()


def _is_listed(column: str, labels: Sequence[Label], problems: Problems) -> bool:
    """Whether most names are lists written as text."""
    listed = [label for label in labels if is_list(label.name)]
    if sum(label.rows for label in listed) * 2 <= sum(label.rows for label in labels):
        return False
    found = f"labels in {column!r} are lists written as text, such as {listed[0].name!r:.60}"
    remedy = "add --task multi-label where a text may have several labels, or give one label per text"
    problems.add("several", listed[0].line, found, f"{remedy}; --labels exact takes lists as classes")
    return True


def _is_joined(column: str, labels: Sequence[Label], problems: Problems) -> bool:
    """Whether names such as `joy|anger` join names that occur apart, too."""
    for joint in JOINTS:
        parts = [{part.strip() for part in label.name.split(joint)} for label in labels]
        names = Counter(part for each in parts for part in each)  # in how many names a part stands
        for label, each in zip(labels, parts, strict=True):
            if joint in label.name and all(part and names[part] > 1 for part in each):
                found = f"{column!r} looks multi-label: {label.name!r} joins labels that also occur apart"
                remedy = "add --task multi-label to learn them apart; --labels exact takes combinations as classes"
                problems.add("several", label.line, found, remedy)
                return True
    return False


def _is_unique(column: str, labels: Sequence[Label], problems: Problems) -> bool:
    rows = sum(label.rows for label in labels)
    if len(labels) < MOST_LABELS and (rows < 10 or rows >= 1.5 * len(labels)):
        return False
    more = "at least " if len(labels) >= MOST_LABELS else ""
    found = f"{column!r} has {more}{len(labels):,} different values in {rows:,} rows: it does not look like classes"
    remedy = "name the column that holds the classes with --label"
    if sum(len(label.name) * label.rows for label in labels) >= PROSE * rows:
        remedy += "; to learn to write these texts from the others: --task rewrite"
    problems.add("unique", None, found, remedy)
    return True


def _is_single(column: str, labels: Sequence[Label], problems: Problems) -> bool:
    if len(labels) > 1:
        return False
    found = f"all {labels[0].rows:,} rows have the same label, {labels[0].name!r}"
    problems.add(
        "single", None, found, f"add rows of another class, or name another column than {column!r} with --label"
    )
    return True
