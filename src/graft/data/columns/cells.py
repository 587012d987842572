"""What a cell may hold besides one name: several labels, as a list or joined by a sign, or a decimal with a comma."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graft.data.columns.profile import NUMBER

JOINTS = ("|", ";", ",")
NEARLY_ALL = 0.9  # share of rows from which the others are mistakes
FORM = '["a", "b"]'
COMMA = re.compile(r"\s*[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+\s*")
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
WHOLE = re.compile(r"\s*[-+]?\d+\s*")
_ESCAPE = r"\\[\\'\"nrtxuU]"  # those that Python itself writes; it warns of others
_STRING = rf"'(?:[^'\\]|{_ESCAPE})*+'|\"(?:[^\"\\]|{_ESCAPE})*+\""
_ITEM = rf"(?:{_STRING}|[-+]?\d[\d.]*+(?:[eE][-+]?\d+)?|True|False)"
# What Python writes for a list of names or numbers. Checked first: two strings side by side, as numpy writes them
# (`['a' 'b']`), are one string to Python.
_LITERAL = re.compile(rf"\[\s*+(?:{_ITEM}\s*+(?:,\s*+{_ITEM}\s*+)*+,?\s*+)?+\]", re.DOTALL)
_OBJECT = re.compile(r"\{\s*(['\"].*)?\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a cell holds no labels: what was found, and what to do."""

    found: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Form:
    """How a column's texts hold several labels."""

    listed: bool  # as lists
    joint: str  # the sign that joins names; empty where they are lists, or no cell holds a sign


Cell = str | tuple[str, ...] | Refused
Held = tuple[str, ...] | Refused


def cell_of(value: object) -> Cell:
    """A cell as it is kept until its column is known: a text as it is written, a list as its labels."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return _names(value)
    if isinstance(value, Mapping):
        return _no_list("an object")
    if isinstance(value, set | frozenset):
        return _names(sorted(value, key=str))
    if isinstance(value, Sequence):
        return _names(value)
    convert = getattr(value, "tolist", None)  # of other libraries' arrays
    return cell_of(convert()) if convert else str(value)


def form_of(cells: Sequence[Cell], rows: Sequence[int], signs: Sequence[str] = JOINTS) -> Form:
    """How the texts of a column are written: as lists where most of them look so, and otherwise as names joined by the
    first of `signs` that any of them holds. All cells are given, each once, with how many rows have it."""
    written = [(cell, count) for cell, count in zip(cells, rows, strict=True) if isinstance(cell, str) and cell]
    bracketed = [(cell, count) for cell, count in written if _bracketed(cell)]
    lists = sum(count for _, count in bracketed)
    readable = sum(count for cell, count in bracketed if _items(cell) is not None)
    listed = lists * 2 > sum(count for _, count in written) and readable * 2 > lists
    joint = "" if listed else next((sign for sign in signs if any(sign in cell for cell, _ in written)), "")
    return Form(listed, joint)


def labels_of(cells: Sequence[Cell], form: Form) -> list[Held]:
    """The labels of each cell of a column whose texts are written in this form."""
    return [_labels(cell, form) if isinstance(cell, str) else cell for cell in cells]


def is_list(text: str) -> bool:
    """Whether a text is a list of names or numbers as JSON or Python writes it."""
    return _bracketed(text) and isinstance(_items(text.strip()), list)


def decimal_comma(cells: Iterable[tuple[str, int]]) -> str | None:
    """A number with a decimal comma, where such make up nearly all cells, whole numbers beside them. `cells`: each
    with its rows."""
    commas = wholes = rows = 0
    first: str | None = None
    for text, count in cells:
        rows += count
        if COMMA.fullmatch(text):
            commas += count
            first = text if first is None else first
        elif WHOLE.fullmatch(text):
            wholes += count
    return first if commas * 2 >= rows and commas + wholes >= NEARLY_ALL * rows else None


def decimal_among(cells: Iterable[tuple[str, int]]) -> str | None:
    """A decimal number, where nearly all cells are numbers. `cells`: each with its rows."""
    numbers = rows = 0
    first: str | None = None
    for text, count in cells:
        rows += count
        if NUMBER.fullmatch(text):
            numbers += count
            first = text if first is None and not float(text).is_integer() else first
    return first if numbers >= NEARLY_ALL * rows else None


def with_point(number: str) -> str:
    """`1.234,5` as 1234.5; of `1,234` both numbers that it may be."""
    number = number.strip()
    point = number.replace(".", "").replace(",", ".")
    thousands = number.replace(",", "")
    return f"{point} (or {thousands}, if the comma sets off thousands)" if THOUSANDS.fullmatch(number) else point


def _labels(text: str, form: Form) -> Held:
    """The labels in a cell of text."""
    if _OBJECT.fullmatch(text):
        return _no_list("an object or a set")
    items = _items(text) if _bracketed(text) else None
    if form.listed and text:
        if items is not None:
            return _names(items)
        found = f"the cell {text!r:.60} cannot be read as a list, which most cells look like"
        return Refused(found, f"write {FORM}, or names without brackets, joined by {JOINTS[0]}")
    if items is not None:
        return Refused(f"the cell {text!r:.60} is a list, where most cells are names", "write all cells in one form")
    parts = text.split(form.joint) if form.joint else [text]
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _names(items: Sequence[object]) -> Held:
    """The labels in a list, each once."""
    if all(type(item) is str for item in items) and "" not in map(str.strip, items):  # type: ignore[arg-type]
        return tuple(dict.fromkeys(items))  # type: ignore[arg-type]  # just checked
    for item in items:
        if isinstance(item, Mapping | set | frozenset) or (isinstance(item, Sequence) and not isinstance(item, str)):
            return Refused(f"a label in a list is {item!r:.60}, not a name", f"write one flat list, such as {FORM}")
        if item is None or (isinstance(item, float) and math.isnan(item)) or not str(item).strip():
            found = f"a label in a list is {'missing' if item is None else 'blank'}"
            return Refused(found, "leave it out; an empty list is a text without any label")
    return tuple(dict.fromkeys(map(str, items)))


def _no_list(what: str) -> Refused:
    return Refused(f"the labels are {what}, not a list", f"list the names of those that apply, such as {FORM}")


def _bracketed(text: str) -> bool:
    text = text.strip()
    return text.startswith("[") and text.endswith("]")


def _items(text: str) -> list[object] | None:
    """The items of a list that is written as JSON or Python would; None where it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        if not _LITERAL.fullmatch(text):
            return None
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return None
    return found if isinstance(found, list) else None
