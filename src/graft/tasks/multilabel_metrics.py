"""Several labels per text: every number that follows from logits, true labels and thresholds.

A label is given where its probability (the sigmoid of its logit) reaches its threshold. The conventions are
scikit-learn's with `zero_division=0`; ranking precision is its label ranking average precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.tasks.task import Floats, Ints, Scores, ratio

Flagged = NDArray[np.bool_]
METRICS = ("macro_f1", "micro_f1", "subset_accuracy", "ranking_precision", "label_loss")
VALIDATION_METRICS = ("macro_f1", "micro_f1", "ranking_precision", "label_loss")
LABEL_METRICS = ("precision", "recall", "f1")
HALF = 0.5
AT_ONCE = 1_000_000  # logits compared at a time


def probabilities(logits: NDArray[Any]) -> Floats:
    """Each label's probability (rows x labels), independent of the others'."""
    wide = np.asarray(logits, np.float64)
    shares: Floats = np.exp(-np.logaddexp(0, -wide))
    return shares


def losses(logits: NDArray[Any], truth: Flagged) -> Floats:
    """Per row, the mean over labels of minus the log-probability (nats) of having or not having it."""
    wide = np.asarray(logits, np.float64)
    per_row: Floats = np.logaddexp(0, np.where(truth, -wide, wide)).mean(axis=1)
    return per_row


def best_thresholds(shares: Floats, truth: Flagged) -> Floats:
    """Per label the probability from which giving it has the best F1 on these rows; 0.5 for a label without rows.

    Between two rows the threshold lies halfway (Lipton et al. 2014 show that the best one depends on the label's
    rate; a fixed 0.5 loses the rare ones).
    """
    order = np.argsort(-shares, axis=0, kind="stable")
    ranked = np.take_along_axis(shares, order, axis=0)
    hits = np.take_along_axis(truth, order, axis=0).cumsum(axis=0)
    support = truth.sum(axis=0)
    given = np.arange(1, len(shares) + 1)[:, None]
    scores = 2 * hits / (given + support)
    below = np.vstack([ranked[1:], np.zeros((1, shares.shape[1]))])
    scores[ranked == below] = -1.0  # equal probabilities are given together or not at all
    best = scores.argmax(axis=0)
    columns = np.arange(shares.shape[1])
    found: Floats = np.where(support > 0, (ranked[best, columns] + below[best, columns]) / 2, HALF)
    return found


@dataclass(frozen=True, slots=True)
class _Rows:
    """What each row adds to the sums from which the metrics follow."""

    given: Flagged  # rows x labels
    truth: Flagged
    right: Floats  # whether the row's labels are all right
    ranking: Floats
    loss: Floats


class AnsweredLabels:
    """Labels given by thresholds beside the true ones.

    Raises ValueError for shapes that do not fit, no rows, or logits that are not finite.
    """

    def __init__(self, logits: NDArray[Any], truth: Flagged, thresholds: Floats) -> None:
        if logits.shape != truth.shape or logits.ndim != 2 or not logits.size:
            raise ValueError(f"logits {logits.shape} and labels {truth.shape} are not (rows, labels) both.")
        if not np.isfinite(logits).all():
            raise ValueError("logits are not finite.")
        given = probabilities(logits) >= thresholds
        right = (given == truth).all(axis=1).astype(np.float64)
        ranking = ranking_precision(logits, truth)
        self.rows = _Rows(given, truth, right, ranking, losses(logits, truth))
        self._sums = tuple(map(_sparse, (given & truth, given, truth)))
        self._whole = self._scores(np.ones((1, len(truth))), None)

    def __len__(self) -> int:
        return len(self.rows.truth)

    def score(self, drawn_RB: Ints | None = None) -> Scores:
        if drawn_RB is None:
            return self._whole
        lines = np.arange(len(drawn_RB))[:, None] * len(self)
        times = np.bincount((drawn_RB + lines).ravel(), minlength=len(drawn_RB) * len(self))
        return self._scores(times.reshape(len(drawn_RB), len(self)).astype(np.float64), self._whole)

    def _scores(self, times_RN: Floats, whole: Scores | None) -> Scores:
        """A label that a resample leaves undefined keeps its score on the whole split."""
        rows, count = self.rows, times_RN.sum(axis=1)
        hits, given, truth = (times_RN @ flags for flags in self._sums)
        otherwise = whole.per_name if whole else dict.fromkeys(LABEL_METRICS, np.zeros(1))
        per_label = {
            "precision": ratio(hits, given, otherwise["precision"]),
            "recall": ratio(hits, truth, otherwise["recall"]),
            "f1": ratio(2 * hits, given + truth, otherwise["f1"]),
        }
        metrics = {
            "macro_f1": per_label["f1"].mean(axis=1),
            "micro_f1": ratio(2 * hits.sum(axis=1), (given + truth).sum(axis=1), np.zeros(1)),
            "subset_accuracy": times_RN @ rows.right / count,
            "ranking_precision": times_RN @ rows.ranking / count,
            "label_loss": times_RN @ rows.loss / count,
        }
        return Scores(metrics, per_label)


def ranking_precision(logits: NDArray[Any], truth: Flagged) -> Floats:
    """Per row: the mean over its true labels of the share of true ones among those ranked at least as high; 1 for a row
    without labels, or with all (scikit-learn's label_ranking_average_precision_score)."""
    rows, places = np.nonzero(truth)
    shares = np.empty(len(rows))
    for start in range(0, len(rows), block := max(1, AT_ONCE // truth.shape[1])):
        row, place = rows[start : start + block], places[start : start + block]
        above = logits[row] >= logits[row, place][:, None]  # true label, other: the other ranks at least as high
        both = np.count_nonzero(above & truth[row], axis=1)
        shares[start : start + block] = both / np.count_nonzero(above, axis=1)
    count = truth.sum(axis=1)
    sums = np.bincount(rows, shares, minlength=len(truth))
    return np.where(count > 0, sums / np.maximum(count, 1), 1.0)


def _sparse(flags: Flagged) -> Any:
    """The same as numbers to multiply by: of many labels a row has few."""
    from scipy.sparse import csr_array

    return csr_array(flags, dtype=np.float64)


def metrics(logits: NDArray[Any], truth: Flagged, thresholds: Floats) -> dict[str, float]:
    """Every metric of METRICS. thresholds: one probability per label."""
    found = AnsweredLabels(logits, truth, thresholds).score().metrics
    return {name: float(values[0]) for name, values in found.items()}
