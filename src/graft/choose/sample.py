"""Which rows of train a ranking looks at: every prefix of one order is a stratified sample."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graft.choose import units
from graft.data.columns.marked import Marks
from graft.data.table import Rows
from graft.tasks.classification import CLASSIFICATION
from graft.tasks.task import Task

ENOUGH, OF_A_CLASS, MOST = 1000, 30, 6000  # rows (or words) that are read; docs/choosing.md says what more would give


@dataclass(frozen=True, slots=True)
class Sample:
    """What every candidate reads: rows of train in an order of which every prefix is a sample, and the time for it."""

    train: Rows
    classes: tuple[str, ...]
    limit: int  # tokens of a text, as the recipe cuts them
    deadline: float | None = None  # time.perf_counter() at which all must be scored; None: no hurry
    most: int | None = None  # rows; None: as many as tell enough
    task: Task = CLASSIFICATION
    budget: float = 0.0  # seconds that were given for everything
    share: float = 1.0  # of a further second of it, what would be for reading

    @property
    def order(self) -> NDArray[np.int64]:
        """The rows, by their places in train."""
        order = stratified_order(self.train.targets.strata())
        return order[: self.most or self._enough(order)]

    def _enough(self, order: NDArray[np.int64]) -> int:
        targets = self.train.targets
        if isinstance(targets, Marks):
            words = np.cumsum(np.diff(targets.words.bounds)[order])
            return max(1, int(np.searchsorted(words, MOST, side="right")))
        return min(max(ENOUGH, OF_A_CLASS * len(self.classes)), MOST)

    def answers(self, order: NDArray[np.int64]) -> Tensor:
        """What the units of these rows are to be answered with."""
        return units.answers(self.train.targets.take(order), self.classes)

    @property
    def left(self) -> float:
        return np.inf if self.deadline is None else self.deadline - time.perf_counter()


def stratified_order(strata: NDArray[np.int32], seed: int = 0) -> NDArray[np.int64]:
    """All positions in an order of which every prefix holds each stratum in about its share.

    Within a stratum the order is random. Row i of n within a stratum comes where a share of (i + ½) / n of all rows
    has gone by (systematic sampling, Cochran 1977, chapter 8), so a larger sample holds a smaller one.
    """
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(strata))
    by_stratum = shuffled[np.argsort(strata[shuffled], kind="stable")]
    counts = np.unique(strata, return_counts=True)[1]
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    within = np.arange(len(strata)) - starts
    place = (within + 0.5) / np.repeat(counts, counts)
    return by_stratum[np.argsort(place + 1e-9 * generator.random(len(place)), kind="stable")].astype(np.int64)
