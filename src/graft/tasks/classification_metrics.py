"""Single-label classification: every number that follows from logits and labels.

Knows logits (float arrays, rows x classes: `logits_BC`) and label codes; nothing of models, files or resampling,
except that a `Tally` may hold many resamples at once, so that a bootstrap computes all of them with the same formulas.

The conventions are scikit-learn's with `labels=range(C)` and `zero_division=0`: macro averages go over all classes
given, also those that the rows lack, and a score whose denominator is zero is 0. Probabilities are not clipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data.table import Rows
from graft.records import ClassScores, Mistake, ReliabilityBin
from graft.report.words import shorten
from graft.tasks.task import Floats, Ints, Scores, ratio

METRICS = ("accuracy", "macro_f1", "macro_precision", "macro_recall", "mcc", "log_loss", "calibration_error")
VALIDATION_METRICS = ("accuracy", "macro_f1", "mcc", "log_loss")  # computed at every epoch
CLASS_METRICS = ("precision", "recall", "f1")
CALIBRATION_BINS = 15
LONGEST_TEXT = 500  # characters of a text that a mistake shows
AT_ONCE = 1_000_000  # logits widened to float64 at a time
FURTHEST = 1e9  # nats below the best logit; keeps the loss of absurd logits finite


# ------------------------------------------------------------------------------------------------------ rows to sums


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Each row's prediction against its truth. All arrays have one entry per row."""

    classes: int
    truth: Ints
    predicted: Ints  # the first of the highest logits
    confidence: Floats  # probability of the predicted class
    loss: Floats  # minus the log-probability (nats) of the true class

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def correct(self) -> NDArray[np.bool_]:
        return np.equal(self.truth, self.predicted)


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over `rows` rows from which every metric follows.

    The first axis R counts resamples; the rows themselves are one resample.
    """

    rows: int
    truth: Ints  # R x C: rows of each class
    predicted: Ints  # R x C
    hits: Ints  # R x C: rows of each class that were predicted right
    loss: Floats  # R
    gaps: Floats  # R x bins: confidence minus correctness, summed per bin of confidence


def outcomes(logits: NDArray[Any], labels: NDArray[Any]) -> Outcomes:
    """Predictions, confidences and losses from logits (rows x classes) and label codes (rows).

    Raises ValueError for shapes that do not fit, no rows, codes outside the classes, or logits that are not finite.
    """
    truth = np.asarray(labels).astype(np.int64)
    _check(logits, truth)
    block = max(1, AT_ONCE // logits.shape[1])
    parts = [
        _log_shares(logits[start : start + block], truth[start : start + block])
        for start in range(0, len(truth), block)
    ]
    best, right = (np.concatenate(found) for found in zip(*parts, strict=True))
    return Outcomes(logits.shape[1], truth, np.asarray(logits).argmax(axis=1), np.exp(best), -right)


def _log_shares(logits: NDArray[Any], truth: Ints) -> tuple[Floats, Floats]:
    """Per row the log-probability (nats) of the best class, and of the true one."""
    scores_BC = np.asarray(logits, dtype=np.float64)
    with np.errstate(over="ignore"):
        shifted_BC = np.maximum(scores_BC - scores_BC.max(axis=1, keepdims=True), -FURTHEST)
    log_total = np.log(np.exp(shifted_BC).sum(axis=1))
    return -log_total, shifted_BC[np.arange(len(truth)), truth] - log_total


def probabilities(logits: NDArray[Any]) -> Iterator[Floats]:
    """Each row's probabilities (classes)."""
    block = max(1, AT_ONCE // logits.shape[1])
    for start in range(0, len(logits), block):
        scores_BC = logits[start : start + block].astype(np.float64)
        shares_BC = np.exp(scores_BC - scores_BC.max(axis=1, keepdims=True))
        yield from shares_BC / shares_BC.sum(axis=1, keepdims=True)


def _check(logits: NDArray[Any], truth: Ints) -> None:
    if logits.ndim != 2 or truth.ndim != 1 or len(logits) != len(truth):
        raise ValueError(f"logits {logits.shape} and labels {truth.shape} are not (rows, classes) and (rows,).")
    if not logits.size:
        raise ValueError(f"there is nothing to score: logits have shape {logits.shape}.")
    wrong = np.flatnonzero((truth < 0) | (truth >= logits.shape[1]))
    if len(wrong):
        raise ValueError(f"labels outside 0 … {logits.shape[1] - 1} at {_named(wrong)} (counted from 0).")
    wrong = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(wrong):
        raise ValueError(f"logits are not finite at {_named(wrong)} (counted from 0).")


def _named(rows: Ints, shown: int = 5) -> str:
    names = ", ".join(str(row) for row in rows[:shown])
    more = f" and {len(rows) - shown} more" if len(rows) > shown else ""
    return f"row{'s' if len(rows) > 1 else ''} {names}{more}"


def tally(seen: Outcomes, drawn_RB: Ints | None = None) -> Tally:
    """Sum the outcomes of the drawn rows: R x B positions, one line per resample; None: every row once."""
    if drawn_RB is None:
        drawn_RB = np.arange(len(seen))[None]
    hit_or_none = np.where(seen.correct, seen.truth, seen.classes)
    gap = seen.confidence - seen.correct
    return Tally(
        rows=drawn_RB.shape[1],
        truth=_counted(seen.truth[drawn_RB], seen.classes),
        predicted=_counted(seen.predicted[drawn_RB], seen.classes),
        hits=_counted(hit_or_none[drawn_RB], seen.classes + 1)[:, :-1],
        loss=seen.loss[drawn_RB].sum(axis=1),
        gaps=_summed(_bins(seen.confidence, CALIBRATION_BINS)[drawn_RB], gap[drawn_RB], CALIBRATION_BINS),
    )


def _flat(codes_RB: Ints, size: int) -> Ints:
    return (codes_RB + size * np.arange(len(codes_RB))[:, None]).ravel()


def _counted(codes_RB: Ints, size: int) -> Ints:
    return np.bincount(_flat(codes_RB, size), minlength=len(codes_RB) * size).reshape(-1, size)


def _summed(codes_RB: Ints, values_RB: Floats, size: int) -> Floats:
    sums = np.bincount(_flat(codes_RB, size), values_RB.ravel(), minlength=len(codes_RB) * size)
    return np.asarray(sums, dtype=np.float64).reshape(-1, size)


def _bins(confidence: Floats, bins: int) -> Ints:
    """Equal-width bins [low, high); the last holds 1 too."""
    return np.minimum((confidence * bins).astype(np.int64), bins - 1)


# --------------------------------------------------------------------------------------------------- sums to metrics


def score(sums: Tally, whole: Scores | None = None) -> Scores:
    """Every metric of every resample.

    A score whose denominator is zero is 0; with `whole` (the scores of all rows once) it keeps the whole's value
    instead, so that a resample that misses a rare class says nothing about it.

    Calibration error: Guo et al. 2017, section 2 (expected calibration error, 15 equal-width bins).
    MCC for many classes: Gorodkin 2004.
    """
    fallback = whole.per_name if whole else dict.fromkeys(CLASS_METRICS, np.zeros(1))
    hits = sums.hits.astype(np.float64)
    per_class = {
        "precision": ratio(hits, sums.predicted, fallback["precision"]),
        "recall": ratio(hits, sums.truth, fallback["recall"]),
        "f1": ratio(2 * hits, sums.truth + sums.predicted, fallback["f1"]),
    }
    metrics = {
        "accuracy": hits.sum(axis=1) / sums.rows,
        "macro_f1": per_class["f1"].mean(axis=1),
        "macro_precision": per_class["precision"].mean(axis=1),
        "macro_recall": per_class["recall"].mean(axis=1),
        "mcc": _mcc(sums, whole.metrics["mcc"] if whole else np.zeros(1)),
        "log_loss": sums.loss / sums.rows,
        "calibration_error": np.abs(sums.gaps).sum(axis=1) / sums.rows,
    }
    return Scores(metrics, per_class)


def _mcc(sums: Tally, otherwise: Floats) -> Floats:
    n, truth, predicted = float(sums.rows), sums.truth.astype(np.float64), sums.predicted.astype(np.float64)
    covariance = n * sums.hits.sum(axis=1) - (truth * predicted).sum(axis=1)
    spread = (n * n - (truth * truth).sum(axis=1)) * (n * n - (predicted * predicted).sum(axis=1))
    return ratio(covariance, np.sqrt(spread), otherwise)


# ------------------------------------------------------------------------------------------------------- public face


def metrics(logits: NDArray[Any], labels: NDArray[Any], classes: Sequence[str]) -> dict[str, float]:
    """Every metric of METRICS on these rows.

    logits: rows x classes, float32 or float64. labels: codes 0 … classes - 1. `log_loss` is in nats.
    Raises ValueError as `outcomes` does, or when the classes are not as many as the logits' columns.
    """
    _check_classes(logits, classes)
    scores = score(tally(outcomes(logits, labels)))
    return {name: float(values[0]) for name, values in scores.metrics.items()}


def validation_metrics(logits: NDArray[Any], labels: NDArray[Any], classes: Sequence[str]) -> dict[str, float]:
    """The metrics that every epoch is judged by: VALIDATION_METRICS of `metrics`."""
    found = metrics(logits, labels, classes)
    return {name: found[name] for name in VALIDATION_METRICS}


def per_class(seen: Outcomes, classes: Sequence[str]) -> tuple[ClassScores, ...]:
    """Support, precision, recall and F1 of each class, in the classes' order, without intervals."""
    sums = tally(seen)
    values = score(sums).per_name
    return tuple(
        ClassScores(
            name=name,
            support=int(sums.truth[0, code]),
            precision=float(values["precision"][0, code]),
            recall=float(values["recall"][0, code]),
            f1=float(values["f1"][0, code]),
            intervals={},
        )
        for code, name in enumerate(classes)
    )


def confusion(seen: Outcomes) -> Ints:
    """Counts, classes x classes: rows are the truth, columns what was predicted."""
    cells = seen.truth * seen.classes + seen.predicted
    return np.bincount(cells, minlength=seen.classes**2).reshape(seen.classes, seen.classes)


def reliability(seen: Outcomes, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Mean confidence and accuracy per equal-width bin of confidence; an empty bin has count 0 and zeros."""
    codes = _bins(seen.confidence, bins)
    counts = np.bincount(codes, minlength=bins)
    filled = np.maximum(counts, 1)
    confidence = np.bincount(codes, seen.confidence, minlength=bins) / filled
    accuracy = np.bincount(codes, seen.correct, minlength=bins) / filled
    return tuple(
        ReliabilityBin(i / bins, (i + 1) / bins, int(counts[i]), float(confidence[i]), float(accuracy[i]))
        for i in range(bins)
    )


def mistakes(seen: Outcomes, rows: Rows, classes: Sequence[str], limit: int = 200) -> tuple[Mistake, ...]:
    """The wrong predictions with the highest confidence, most confident first, each with its place in the file."""
    wrong = np.flatnonzero(~seen.correct)
    worst = wrong[np.argsort(-seen.confidence[wrong], kind="stable")][:limit]
    return tuple(
        Mistake(
            file=rows.file,
            line=int(rows.lines[row]),
            text=shorten(rows.shown(int(row)), LONGEST_TEXT),
            truth=classes[seen.truth[row]],
            predicted=classes[seen.predicted[row]],
            confidence=float(seen.confidence[row]),
        )
        for row in worst
    )


def _check_classes(logits: NDArray[Any], classes: Sequence[str]) -> None:
    if logits.ndim == 2 and logits.shape[1] != len(classes):
        raise ValueError(f"logits have {logits.shape[1]} columns, but there are {len(classes)} classes.")
