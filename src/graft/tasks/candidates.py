"""What a model says of questions, row by row: how likely no answer is, and the likeliest stretches of the context.

A row is 1 + 3 × KEPT numbers: the log-probability (nats) of no answer; then for each candidate, the likeliest first,
its first character, the one after its last, and its log-probability, -inf where there are fewer candidates. It depends
on no tokenizer, so that a yardstick can answer in the same form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

KEPT = 20  # candidates per question, as in the field's own scripts
COLUMNS = 1 + 3 * KEPT
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def of_columns(none: Floats, starts: Ints, ends: Ints, scores: Floats) -> Floats:
    """Rows × COLUMNS. none: (rows,); the others rows × candidates."""
    rows, given = scores.shape
    each = np.zeros((rows, KEPT, 3))
    each[:, :, 2] = -np.inf
    each[:, :given] = np.stack((starts, ends, scores), axis=2)
    return np.concatenate((none[:, None], each.reshape(rows, -1)), axis=1)


class Candidates:
    """Such rows, read back. Raises ValueError for another shape, and for numbers that are none."""

    def __init__(self, columns: NDArray[np.floating]) -> None:
        if columns.ndim != 2 or columns.shape[1] != COLUMNS:
            raise ValueError(f"answers {columns.shape} do not have {COLUMNS} columns")
        if np.isnan(columns).any():
            raise ValueError("answers are not finite")
        each = columns[:, 1:].reshape(len(columns), KEPT, 3)
        self.none: Floats = columns[:, 0].astype(np.float64)  # log-probability of no answer
        self.starts: Ints = each[:, :, 0].astype(np.int64)
        self.ends: Ints = each[:, :, 1].astype(np.int64)
        self.scores: Floats = each[:, :, 2].astype(np.float64)

    def __len__(self) -> int:
        return len(self.none)

    @property
    def doubt(self) -> Floats:
        """How much likelier no answer is than the best candidate, in nats: the score that a threshold is set on."""
        best = np.maximum(self.scores[:, 0], -1e9)
        difference: Floats = np.maximum(self.none, -1e9) - best
        return difference
