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
