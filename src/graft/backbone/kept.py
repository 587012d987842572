"""What is kept of a head's answers about a whole split: one array, whatever the head reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone import spans
from graft.backbone.readout import Ints
from graft.data.spans import taken
from graft.data.tokens.layout import Layout
from graft.tasks.candidates import COLUMNS


@dataclass(frozen=True, slots=True)
class Kept:
    """`values`: rows × classes in fp32; words × classes where a head reads words; rows × candidates where answers are
    looked for."""

    values: NDArray[np.float32]
    layout: Layout | None

    def put(self, logits: Tensor, rows: Ints) -> None:
        """Keep what `readout.said` gave of these rows."""
        if self.layout is not None and self.layout.chars is not None:
            self.values[rows] = spans.best(logits, self.layout, rows)
            return
        words = None if self.layout is None else self.layout.words
        places = rows if words is None else taken(words, rows)[1]
        self.values[places] = logits.float().cpu().numpy()


def room(rows: int, layout: Layout | None, classes: int) -> Kept:
    """Room for the answers about a split of so many rows."""
    if layout is not None and layout.chars is not None:
        return Kept(np.zeros((rows, COLUMNS), np.float32), layout)
    count = rows if layout is None or layout.words is None else int(layout.words[-1])
    return Kept(np.zeros((count, classes), np.float32), layout)
