"""Answers in bf16 for the bulk of the texts, in fp32 wherever bf16 could change the label.

The two precisions are compared on a sample of the first texts. A text whose two best classes lie closer together than
twice the largest difference seen there is answered in fp32 as well, and that answer counts; so does that of a text that
bf16 has no numbers for.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.records import Progress

Logits = NDArray[np.float32]
SAMPLE = 64  # texts on which the precisions are compared
FEWEST = 4 * SAMPLE  # fewer texts than this are answered in fp32 throughout
SAFETY = 2.0


class MixedPath:
    """Two working copies of one model, an exact and a quick one."""

    def __init__(self, exact: ModelPath, quick: ModelPath) -> None:
        self.exact = exact
        self._quick = quick
        self.tolerance: float | None = None  # of the difference between two logits of a text, once measured

    def logits(self, feed: Feed, classes: int, phase: str) -> Iterator[Progress | Logits]:
        """logits (rows × classes, fp32); the last value yielded is the array."""
        if len(feed) < FEWEST:
            yield from predict_logits(self.exact, feed, classes, phase)
            return
        found = np.zeros((len(feed), classes), dtype=np.float32)
        for event in predict_logits(self._quick, feed, classes, phase):
            if isinstance(event, Progress):
                yield event
            else:
                found = event
        if self.tolerance is None:
            rows = np.linspace(0, len(feed) - 1, SAMPLE).astype(np.int64)
            exact = self._answers(feed, rows, classes)
            apart = np.ptp(found[rows] - exact, axis=1)
            self.tolerance = SAFETY * float(apart[np.isfinite(apart)].max(initial=0.0))
        close = np.flatnonzero(~((margins(found) > self.tolerance) & np.isfinite(found).all(axis=1)))
        found[close] = self._answers(feed, close, classes)
        yield found

    def _answers(self, feed: Feed, rows: NDArray[np.int64], classes: int) -> Logits:
        logits = np.zeros((0, classes), dtype=np.float32)
        for event in predict_logits(self.exact, feed.take(rows), classes, ""):
            if not isinstance(event, Progress):
                logits = event
        return logits


def margins(logits: Logits) -> NDArray[np.float32]:
    """How far the best class lies above the second, per row; infinite where there is only one."""
    if logits.shape[1] < 2:
        return np.full(len(logits), np.inf, dtype=np.float32)
    best = np.partition(logits, -2, axis=1)
    gap: NDArray[np.float32] = best[:, -1] - best[:, -2]
    return gap
