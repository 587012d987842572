"""Targets of documents: there is nothing to answer but the text itself; each has a title to be called by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Titles:
    """What each document is called, and the file that it stands in."""

    names: tuple[str, ...]
    files: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: Positions) -> Titles:
        chosen = rows.tolist()
        return Titles(tuple(self.names[row] for row in chosen), tuple(self.files[row] for row in chosen))

    def strata(self) -> NDArray[np.int32]:
        """Documents are all of one kind."""
        return np.zeros(len(self), np.int32)

    def counts(self, _: Sequence[str]) -> dict[str, int]:
        return {}

    def shown(self, _: Sequence[str], start: int, stop: int) -> list[str]:
        return list(self.names[start:stop])
