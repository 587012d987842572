"""What is kept of a head's answers about a whole split: one array, whatever the head reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.readout import Ints
from graft.backbone.spans import COLUMNS, best_answers
from graft.data.layout import Layout
from graft.data.spans import taken
from graft.tasks.task import Reads

Values = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """`values`: rows × classes in fp32, words × classes for a head that reads tokens, rows × COLUMNS of `spans.py` for
    one that reads spans."""

    values: Values
    places: Callable[[Ints], Ints]  # where rows are in `values`
    answer: Callable[[Tensor, Ints], Values]  # what is kept of what a head said of rows

    def put(self, logits: Tensor, rows: Ints) -> None:
        """Keep what `readout.said` gave of these rows."""
        self.values[self.places(rows)] = self.answer(logits, rows)


def keeper(reads: Reads, layout: Layout | None, rows: int, classes: int) -> Kept:
    """Room for the answers about a split of so many rows."""
    if layout is None or reads == "row":
        return Kept(np.zeros((rows, classes), np.float32), lambda chosen: chosen, _plain)
    if reads == "span":
        return Kept(
            np.zeros((rows, COLUMNS)),
            lambda chosen: chosen,
            lambda logits_BL2, chosen: best_answers(logits_BL2, layout, chosen),
        )
    words = layout.words
    assert words is not None, "a head that reads tokens needs words"
    return Kept(np.zeros((int(words[-1]), classes), np.float32), lambda chosen: taken(words, chosen)[1], _plain)


def _plain(logits: Tensor, _: Ints) -> Values:
    return logits.float().cpu().numpy()
