"""What is kept of a head's answers about a whole split: one array, whatever the head reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.readout import Ints
from graft.data.spans import taken


@dataclass(frozen=True, slots=True)
class Kept:
    """`values`: rows × classes in fp32; words × classes where `words` (rows + 1,) says which are those of a row."""

    values: NDArray[np.float32]
    words: Ints | None

    def put(self, logits: Tensor, rows: Ints) -> None:
        """Keep what `readout.said` gave of these rows."""
        places = rows if self.words is None else taken(self.words, rows)[1]
        self.values[places] = logits.float().cpu().numpy()


def room(rows: int, words: Ints | None, classes: int) -> Kept:
    """Room for the answers about a split of so many rows."""
    count = rows if words is None else int(words[-1])
    return Kept(np.zeros((count, classes), np.float32), words)
