"""What a recipe is cut to: the size of the data and of the backbone, so that "fast" can mean fast on five hundred rows
and on fifty thousand."""

from __future__ import annotations

from dataclasses import dataclass

from graft.records import Batches
from graft.tasks.classification import CLASSIFICATION
from graft.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Scale:
    """What a recipe is cut to: rows and tokens of the train split, classes, the backbone's blocks and width, task, and
    whether the rows are pairs of which a sentence embedder reads each text apart."""

    rows: int
    tokens: int
    classes: int
    blocks: int
    width: int
    shared: bool = False  # one block, called again and again: it trains whole or not at all
    task: Task = CLASSIFICATION
    by_embedder: bool = False

    @property
    def metric(self) -> str:
        """What the best is kept by, where nothing else is asked for."""
        return self.task.validation[0]

    @property
    def lr(self) -> float:
        """A peak rate for steps of 32 rows: it falls with the square of the width.

        2e-4 at 384 (MiniLM), 5e-5 at 768 (BERT-base), 2.8e-5 at 1024: what these sizes are commonly tuned to.
        """
        return float(f"{min(5e-4, 2e-4 * (384 / self.width) ** 2):.1e}")

    @property
    def batches(self) -> Batches:
        """Short texts go by 64, so that a step holds enough tokens to keep the processor busy; where there are many, so
        do texts that are not quite as short, since enough steps are left."""
        short = 30 if self.rows >= 6000 else 20
        return Batches(rows=64 if self.tokens < short * self.rows else 32)
