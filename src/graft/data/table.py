"""Rows as every other room sees them: texts, targets, and each row's place in its file.

Knows nothing of file formats (`read.py`) nor of how rows are divided (`split.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graft.data.targets import Codes, Targets
from graft.records import Columns, DataSummary, Input, Source, SplitName


class Texts(Sequence[str]):
    """A sequence of texts over an Arrow column, which may be memory-mapped: rows cost no memory until they are read."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            texts: list[str] = self._column.slice(start, max(0, stop - start)).to_pylist()
            return texts if step == 1 else texts[::step]
        return str(self._column[index].as_py())

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), 4096):
            yield from self[start : start + 4096]

    def take(self, rows: NDArray[np.int64]) -> Texts:
        """The texts at these positions, in this order."""
        return Texts(self._column.take(pa.array(rows)))


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of one split. All fields have one entry per row."""

    texts: Texts
    targets: Targets
    lines: NDArray[np.int64]  # 1-based line on which the row starts in its file; position + 1 for objects in memory
    file: str
    seconds: Texts | None = None  # of pairs: the second texts

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def inputs(self) -> Iterable[Input]:
        """What a model reads row by row: a text, or a pair of them."""
        return self.texts if self.seconds is None else zip(self.texts, self.seconds, strict=True)

    def shown(self, row: int) -> str:
        """One row's text for a reader; of a pair both, each on its line."""
        return self.texts[row] if self.seconds is None else f"{self.texts[row]}\n{self.seconds[row]}"

    def take(self, rows: NDArray[np.int64]) -> Rows:
        seconds = None if self.seconds is None else self.seconds.take(rows)
        return Rows(self.texts.take(rows), self.targets.take(rows), self.lines[rows], self.file, seconds)

    @property
    def codes(self) -> NDArray[np.int32]:
        """Each row's class as a code into `classes`. Raises TypeError for targets of another kind."""
        if not isinstance(self.targets, Codes):
            raise TypeError(f"these rows have {type(self.targets).__name__} as targets, not one class each")
        return self.targets.values

    def places(self, rows: Sequence[int], shown: int = 5) -> str:
        """Where rows stand, by their positions in this split, for a message: `reviews.csv, lines 5, 12, 31, …`."""
        lines = ", ".join(str(line) for line in self.lines[np.asarray(rows[:shown], np.int64)].tolist())
        kind = "row" if self.file.startswith("<") else "line"  # objects in memory have no lines
        return f"{self.file}, {kind}{'' if len(rows) == 1 else 's'} {lines}{', …' if len(rows) > shown else ''}"


@dataclass(frozen=True, slots=True)
class Dataset:
    """What was read, before any splitting. `parts` holds "train" always, the others where they were given."""

    name: str
    task: str  # what the targets ask for, by its name in `tasks/`
    classes: tuple[str, ...]  # names, sorted (numerically where all are integers)
    columns: Columns
    parts: dict[SplitName, Rows]
    sources: tuple[Source, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Splits:
    """Train, validation and test rows; `summary` is what goes to `splits.json`."""

    train: Rows
    validation: Rows
    test: Rows
    summary: DataSummary

    @property
    def classes(self) -> tuple[str, ...]:
        return self.summary.classes


def as_splits(given: object) -> Splits:
    """The same. Raises TypeError for anything else, such as a dataset that was not divided yet."""
    if not isinstance(given, Splits):
        raise TypeError(f"graft.split(dataset) makes the Splits that are wanted here, not a {type(given).__name__}")
    return given
