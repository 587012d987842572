"""Regression: every number that follows from predicted and true numbers.

scipy's and scikit-learn's conventions (ties share their mean rank; R² of a constant truth is 1 for perfect answers,
else 0), with one departure: a correlation with a constant is 0 here, since an answer that never varies orders nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.tasks.task import Floats, Ints, Scores, ratio

METRICS = ("spearman", "pearson", "rmse", "mae", "r2")
VALIDATION_METRICS = ("spearman", "pearson", "rmse", "mae")
FEWEST = 10  # rows that can tell of one


class AnsweredNumbers:
    """Predicted numbers beside the true ones.

    Raises ValueError for shapes that do not fit, no rows, or numbers that are not finite.
    """

    def __init__(self, predicted: NDArray[Any], truth: NDArray[Any]) -> None:
        predicted = np.asarray(predicted, np.float64)
        if predicted.ndim == 2 and predicted.shape[1] == 1:
            predicted = predicted[:, 0]
        self.truth = np.asarray(truth, np.float64)
        if predicted.shape != self.truth.shape or predicted.ndim != 1 or not len(predicted):
            raise ValueError(f"predicted {predicted.shape} and true {self.truth.shape} are not one number per row.")
        if not (np.isfinite(predicted).all() and np.isfinite(self.truth).all()):
            raise ValueError("a predicted or true number is not finite.")
        self.predicted = predicted
        self._ranked = [_Ranked(values) for values in (self.truth, self.predicted)]
        self._whole = self._scores(np.arange(len(self.truth))[None], None)

    def __len__(self) -> int:
        return len(self.truth)

    def score(self, drawn_RB: Ints | None = None) -> Scores:
        return self._whole if drawn_RB is None else self._scores(drawn_RB, self._whole)

    def _scores(self, drawn_RB: Ints, whole: Scores | None) -> Scores:
        """A value that a resample leaves undefined (it drew one number only) is the whole split's."""
        truth, predicted = self.truth[drawn_RB], self.predicted[drawn_RB]
        otherwise = whole.metrics if whole else dict.fromkeys(METRICS, np.zeros(1))
        misses = predicted - truth
        squares = (misses**2).mean(axis=1)
        spread = ((truth - truth.mean(axis=1, keepdims=True)) ** 2).mean(axis=1)
        constant = np.where(squares == 0, 1.0, 0.0) if whole is None else otherwise["r2"]
        ranks = [ranked(drawn_RB) for ranked in self._ranked]
        return Scores(
            {
                "spearman": _correlation(ranks[0], ranks[1], otherwise["spearman"]),
                "pearson": _correlation(truth, predicted, otherwise["pearson"]),
                "rmse": np.sqrt(squares),
                "mae": np.abs(misses).mean(axis=1),
                "r2": 1 - ratio(squares, spread, 1 - constant),
            }
        )


class _Ranked:
    """Mean ranks of the values that a draw holds, all draws at once: by counting, since the order never changes."""

    def __init__(self, values: Floats) -> None:
        known, self._places = np.unique(values, return_inverse=True)
        self._kinds = len(known)

    def __call__(self, drawn_RB: Ints) -> Floats:
        places_RB = self._places[drawn_RB]
        lines = np.arange(len(drawn_RB))[:, None]
        flat = (places_RB + self._kinds * lines).ravel()
        counts = np.bincount(flat, minlength=len(drawn_RB) * self._kinds).reshape(-1, self._kinds)
        means = counts.cumsum(axis=1) - (counts - 1) / 2
        ranks: Floats = means[lines, places_RB]
        return ranks


def _correlation(a_RB: Floats, b_RB: Floats, otherwise: Floats) -> Floats:
    """Pearson's correlation line by line."""
    a, b = (values - values.mean(axis=1, keepdims=True) for values in (a_RB, b_RB))
    below = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    scale = np.abs(a_RB).max(axis=1) * np.abs(b_RB).max(axis=1) * a_RB.shape[1]
    below = np.where(below > 1e-14 * scale, below, 0.0)  # equal values differ from their mean by rounding
    return ratio((a * b).sum(axis=1), below, otherwise).clip(-1, 1)


def metrics(predicted: NDArray[Any], truth: NDArray[Any]) -> dict[str, float]:
    """Every metric of METRICS. `predicted`: rows, or rows × 1; both in the target's own units."""
    return {name: float(values[0]) for name, values in AnsweredNumbers(predicted, truth).score().metrics.items()}


def line(predicted: NDArray[Any], truth: NDArray[Any]) -> tuple[float, float]:
    """(factor, shift) by which answers lie nearest to the truth (least squares); (1, 0) where that line does not rise,
    or gains less than its two numbers may by chance (Schwarz 1978, the BIC).

    Weights are kept for how they order rows, which says nothing of how far off their answers lie.
    """
    predicted, truth = np.asarray(predicted, np.float64).ravel(), np.asarray(truth, np.float64)
    spread = float(predicted.var())
    if len(truth) < FEWEST or spread <= 0:
        return 1.0, 0.0
    factor = float(((predicted - predicted.mean()) * (truth - truth.mean())).mean()) / spread
    shift = float(truth.mean() - factor * predicted.mean())
    before, after = (float(((made - truth) ** 2).mean()) for made in (predicted, factor * predicted + shift))
    gains = len(truth) * np.log(before / after) > 2 * np.log(len(truth)) if after > 0 else before > 0
    return (factor, shift) if factor > 0 and gains else (1.0, 0.0)
