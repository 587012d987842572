"""Rows that are already in Python: lists, dicts, pandas and polars frames, and `datasets` objects.

None of these libraries is imported here: an object of theirs is known by the module of its type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from graft.data.files.parquet import named_codes
from graft.data.stream import BATCH_ROWS, Batch, Problems, Stream, refuse
from graft.records import SplitName

SPLIT_NAMES: dict[str, SplitName] = {
    "train": "train", "training": "train",
    "validation": "validation", "dev": "validation", "valid": "validation", "val": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
Columns = Mapping[str, Sequence[object]]
Slicer = Callable[[int, int], Columns]


def is_splits(data: object) -> bool:
    """Whether the object holds several tables by split: a DatasetDict, or a dict such as {"train": …, "test": …}."""
    if not isinstance(data, dict) or not data or not all(str(name) in SPLIT_NAMES for name in data):
        return False
    return not all(_is_column(value) for value in data.values())


def _is_column(value: object) -> bool:
    """A list of plain cells, as in a dict of lists, rather than a table."""
    if _library(value) in ("pandas", "polars", "datasets"):
        return type(value).__name__ == "Series"
    return isinstance(value, list) and all(isinstance(cell, str | int | float | None) for cell in value[:5])


def memory_stream(data: object, name: str) -> Stream:
    """One table in memory as a stream; `name` is what problems call it. Raises TypeError for an unknown kind."""
    columns, rows = _table(data, name)
    problems = Problems(name)
    if not rows:
        problems.add("empty", None, "there are no rows", "give texts with labels")
    return Stream(name, type(data).__name__, _batches(columns, rows), problems)


def _batches(columns: Slicer, rows: int) -> Iterator[Batch]:
    for start in range(0, rows, BATCH_ROWS):
        stop = min(rows, start + BATCH_ROWS)
        yield Batch(range(start + 1, stop + 1), columns(start, stop))


def _library(data: object) -> str:
    return type(data).__module__.split(".")[0]


def _table(data: Any, name: str) -> tuple[Slicer, int]:
    """(the columns of rows start to stop, number of rows)."""
    library, kind = _library(data), type(data).__name__
    if library == "pandas" and kind == "DataFrame":
        return _pandas(data, name), len(data)
    if library == "polars" and kind == "DataFrame":
        return (lambda start, stop: data[start:stop].to_dict(as_series=False)), len(data)
    if library == "datasets" and kind == "Dataset":
        return _datasets(data), len(data)
    if isinstance(data, tuple) and len(data) == 2:
        return _column_lists({"text": data[0], "label": data[1]}, name)
    if isinstance(data, Mapping):
        return _column_lists(data, name)
    if isinstance(data, list):
        return _records(data, name), len(data)
    raise TypeError(
        f"graft cannot read a {library}.{kind}: give a path, a list of (text, label) pairs or of dicts, "
        "a dict of lists, a pair (texts, labels), a pandas or polars DataFrame, or a datasets.Dataset"
    )


def _pandas(frame: Any, name: str) -> Slicer:
    twice = [str(column) for column, count in Counter(frame.columns).items() if count > 1]
    if twice:
        raise refuse(name, f"the columns {', '.join(twice)} occur more than once", "give every column its own name")

    def columns(start: int, stop: int) -> Columns:
        part = frame.iloc[start:stop].astype(object)
        return {str(column): part[column].where(part[column].notna(), None).tolist() for column in part.columns}

    return columns


def _datasets(dataset: Any) -> Slicer:
    names = {column: feature.names for column, feature in dataset.features.items() if hasattr(feature, "int2str")}
    plain = dataset.with_format(None)  # a dataset may be set to give tensors

    def columns(start: int, stop: int) -> Columns:
        part: dict[str, list[object]] = plain[start:stop]
        return part | {column: named_codes(part[column], tuple(known)) for column, known in names.items()}

    return columns


def _column_lists(data: Mapping[Any, Any], name: str) -> tuple[Slicer, int]:
    lists = {str(column): _listed(values) for column, values in data.items()}
    lengths = {column: len(values) for column, values in lists.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{column!r} has {length:,}" for column, length in lengths.items())
        raise refuse(name, f"the columns differ in length: {shown}", "give one label for each text")
    return _slices(lists), max(lengths.values(), default=0)


def _slices(lists: Mapping[str, list[object]]) -> Slicer:
    return lambda start, stop: {column: values[start:stop] for column, values in lists.items()}


def _listed(values: Any) -> list[object]:
    """A list, a numpy array or a frame's series as plain Python values."""
    if isinstance(values, str):
        raise TypeError("a column must be a list of values, not one string")
    if _library(values) == "pandas":
        values = values.astype(object).where(values.notna(), None)
    convert = getattr(values, "to_list", None) or getattr(values, "tolist", None)
    return [_plain(value) for value in (convert() if convert else values)]


def _plain(value: Any) -> object:
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") and not value.shape else value


def _records(rows: list[Any], name: str) -> Slicer:
    """Dicts, (text, label) pairs, or texts alone; the first row says which."""
    kind = type(rows[0]) if rows else dict
    if kind not in (dict, tuple, list, str):
        raise TypeError(f"a list of {kind.__name__} is not rows: give (text, label) pairs or dicts")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, kind) or (kind in (tuple, list) and len(row) != 2):
            wanted = {"dict": "a dict", "str": "a text"}.get(kind.__name__, "a (text, label) pair")
            raise refuse(
                name, f"the row is not {wanted} as the first one is: {row!r:.60}", "make all rows alike", number
            )

    def columns(start: int, stop: int) -> Columns:
        part = rows[start:stop]
        if kind is str:
            return {"text": part}
        if kind is not dict:
            return {"text": [row[0] for row in part], "label": [_plain(row[1]) for row in part]}
        keys = dict.fromkeys(key for row in part for key in row)
        return {str(key): [_plain(row.get(key)) for row in part] for key in keys}

    return columns
