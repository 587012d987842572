"""What a row is to be answered with, as one value per split: a class, several labels, a number.

Knows how a split of such targets is cut, counted, shown and compared; nothing of metrics or of losses (`tasks/`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
UNLABELLED = -1
JOINT = "|"  # between the labels of a row, where they are written in one cell


class Targets(Protocol):
    """The targets of some rows, in order. `names` below are the dataset's classes (or labels, tags, the score)."""

    def __len__(self) -> int: ...

    def take(self, rows: Positions) -> Self:
        """The targets of the rows at these positions, in this order."""
        ...

    def strata(self) -> NDArray[np.int32]:
        """One code per row: what a stratified cut keeps in its share."""
        ...

    def counts(self, names: Sequence[str]) -> dict[str, int]:
        """Rows of each name; empty where targets have no names to count by."""
        ...

    def shown(self, names: Sequence[str], start: int, stop: int) -> list[str]:
        """The targets of the rows start to stop as text: equal texts are equal targets."""
        ...


@dataclass(frozen=True, slots=True)
class Codes:
    """One class per row, as a code into the classes; UNLABELLED where a row has none."""

    values: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Positions) -> Codes:
        return Codes(self.values[rows])

    def strata(self) -> NDArray[np.int32]:
        return self.values

    def counts(self, names: Sequence[str]) -> dict[str, int]:
        return dict(zip(names, np.bincount(self.values, minlength=len(names)).tolist(), strict=True))

    def shown(self, names: Sequence[str], start: int, stop: int) -> list[str]:
        return [names[code] for code in self.values[start:stop].tolist()]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A number per row. A head learns them standardised, as (value - mean) / deviation."""

    values: NDArray[np.float64]
    mean: float = 0.0
    deviation: float = 1.0

    def __len__(self) -> int:
        return len(self.values)

    @property
    def standard(self) -> NDArray[np.float64]:
        """The numbers as a head learns them."""
        return (self.values - self.mean) / self.deviation

    def take(self, rows: Positions) -> Numbers:
        return Numbers(self.values[rows], self.mean, self.deviation)

    def strata(self) -> NDArray[np.int32]:
        """The tenth that a number lies in; fewer parts where values repeat or rows are few."""
        parts = max(1, min(10, len(self) // 10))
        edges = np.unique(np.quantile(self.values, np.arange(1, parts) / parts)) if len(self) else np.zeros(0)
        return np.searchsorted(edges, self.values, side="right").astype(np.int32)

    def counts(self, names: Sequence[str]) -> dict[str, int]:
        return {}

    def shown(self, names: Sequence[str], start: int, stop: int) -> list[str]:
        return [f"{value:.15g}" for value in self.values[start:stop].tolist()]


@dataclass(frozen=True, slots=True)
class Flags:
    """Any number of labels per row, none included: rows × labels."""

    values: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Positions) -> Flags:
        return Flags(self.values[rows])

    def strata(self) -> NDArray[np.int32]:
        """A row's rarest label (after Sechidis et al. 2011: rare labels are what a cut can lose); none is one more."""
        rows, labels = self.values.shape
        order = np.argsort(self.values.sum(axis=0), kind="stable")
        first = self.values[:, order].argmax(axis=1) if labels else np.zeros(rows, np.int64)
        return np.where(self.values.any(axis=1), order[first] if labels else 0, labels).astype(np.int32)

    def counts(self, names: Sequence[str]) -> dict[str, int]:
        return dict(zip(names, self.values.sum(axis=0).tolist(), strict=True))

    def shown(self, names: Sequence[str], start: int, stop: int) -> list[str]:
        return [JOINT.join(names[code] for code in np.flatnonzero(row).tolist()) for row in self.values[start:stop]]


def unlabelled(rows: int) -> Codes:
    """The targets of rows that are to be answered, not learnt from."""
    return Codes(np.full(rows, UNLABELLED, np.int32))


def kinds(parts: Iterable[Targets], names: Sequence[str], block: int = 4096) -> NDArray[np.int32]:
    """One code per row over all parts: rows with equal targets have equal codes."""
    known: dict[str, int] = {}
    codes: list[NDArray[np.int32]] = []
    for part in parts:
        for start in range(0, len(part), block):
            found = [known.setdefault(shown, len(known)) for shown in part.shown(names, start, start + block)]
            codes.append(np.array(found, np.int32))
    return np.concatenate(codes) if codes else np.zeros(0, np.int32)
