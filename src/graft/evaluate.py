"""Numbers on one split, each with a bootstrap interval, and differences between two models on the same rows.

Percentile bootstrap over rows (Efron and Tibshirani 1993, chapter 13): each resample draws as many rows as there are,
with replacement, and every metric is computed on the same draws. Two departures, both needed for honest small splits:

- a score that a resample leaves undefined (it drew no row of a rare class) keeps its value on the whole split;
- an interval is widened where needed to hold the value itself. Calibration error is a sum of absolute values, so
  resampling biases it upwards, and the plain percentiles may lie wholly above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data.table import Rows
from graft.records import Baseline, ClassScores, Evaluation, Interval, SplitName
from graft.tasks import classification
from graft.tasks.classification import CLASS_METRICS, METRICS, Floats, Ints, Outcomes, Scores

CHUNK = 1_000_000  # draws held at once
MOST_DRAWS = (
    200_000_000  # on splits over 200,000 rows fewer resamples are drawn, at least FEWEST: intervals are tiny there
)
FEWEST = 200


@dataclass(frozen=True, slots=True)
class Measured:
    """Metrics and their intervals on one split."""

    metrics: dict[str, float]
    intervals: dict[str, Interval]
    class_intervals: tuple[dict[str, Interval], ...]  # per class: precision, recall, f1


def evaluate(
    logits: NDArray[Any],
    rows: Rows,
    classes: Sequence[str],
    *,
    split: SplitName = "test",
    seed: int = 0,
    resamples: int = 1000,
    baselines: Sequence[Baseline] = (),
    seconds: float = 0.0,
) -> Evaluation:
    """Everything that is said about a model on one split; intervals are 95% (for another level see `measure`).

    logits: rows x classes. seconds: what the predictions took. The same seed gives the same intervals.
    Raises ValueError for logits that are not finite, shapes that do not fit, and rows without labels.
    """
    measured = measure(logits, rows.labels, seed=seed, resamples=resamples)
    scores = classification.per_class(logits, rows.labels, classes)
    return Evaluation(
        split=split,
        n=len(rows),
        metrics=measured.metrics,
        intervals=measured.intervals,
        baselines={baseline.name: baseline for baseline in baselines},
        seconds=seconds,
        per_class=_with_intervals(scores, measured),
        confusion=tuple(tuple(line) for line in classification.confusion(logits, rows.labels).tolist()),
        reliability=classification.reliability(logits, rows.labels),
        mistakes=classification.mistakes(logits, rows, classes),
    )


def _with_intervals(scores: Sequence[ClassScores], measured: Measured) -> tuple[ClassScores, ...]:
    pairs = zip(scores, measured.class_intervals, strict=True)
    return tuple(replace(score, intervals=intervals) for score, intervals in pairs)


def measure(
    logits: NDArray[Any], labels: NDArray[Any], *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> Measured:
    """Every metric with its interval at `level`, from logits (rows x classes) and label codes."""
    seen = classification.outcomes(logits, labels)
    whole = classification.score(classification.tally(seen))
    drawn = _joined([_scores(seen, rows_RB, whole) for rows_RB in _draws(len(seen), resamples, seed)])
    bounds = {name: _bounds(drawn.per_class[name], whole.per_class[name][0], level) for name in CLASS_METRICS}
    return Measured(
        metrics={name: float(whole.metrics[name][0]) for name in METRICS},
        intervals={name: _interval(drawn.metrics[name], whole.metrics[name], level) for name in METRICS},
        class_intervals=tuple(
            {name: (float(low[code]), float(high[code])) for name, (low, high) in bounds.items()}
            for code in range(seen.classes)
        ),
    )


def difference(
    metric: str,
    logits_a: NDArray[Any],
    logits_b: NDArray[Any],
    labels: NDArray[Any],
    *,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> tuple[float, Interval]:
    """`metric` of a minus that of b on the same rows, with its paired bootstrap interval.

    Both models are scored on the same draws, so that what makes a row hard for both does not widen the interval.
    An interval on one side of 0 says that the two differ. Raises ValueError for a metric outside METRICS.
    """
    if metric not in METRICS:
        raise ValueError(f"{metric!r} is not one of {', '.join(METRICS)}.")
    pair = [classification.outcomes(logits, labels) for logits in (logits_a, logits_b)]
    wholes = [classification.score(classification.tally(seen)) for seen in pair]
    value = wholes[0].metrics[metric] - wholes[1].metrics[metric]
    drawn = []
    for rows_RB in _draws(len(labels), resamples, seed):
        a, b = (_scores(seen, rows_RB, whole).metrics[metric] for seen, whole in zip(pair, wholes, strict=True))
        drawn.append(a - b)
    return float(value[0]), _interval(np.concatenate(drawn), value, level)


def _draws(rows: int, resamples: int, seed: int) -> Iterator[Ints]:
    """Positions drawn with replacement, R x rows, in chunks that fit in memory."""
    if resamples < 1:
        raise ValueError(f"{resamples} resamples give no interval.")
    generator = np.random.default_rng(seed)
    left = min(resamples, max(FEWEST, MOST_DRAWS // rows))
    at_once = max(1, CHUNK // rows)
    while left > 0:
        yield generator.integers(0, rows, size=(min(at_once, left), rows))
        left -= at_once


def _scores(seen: Outcomes, rows_RB: Ints, whole: Scores) -> Scores:
    return classification.score(classification.tally(seen, rows_RB), whole)


def _joined(parts: Sequence[Scores]) -> Scores:
    return Scores(
        {name: np.concatenate([part.metrics[name] for part in parts]) for name in METRICS},
        {name: np.concatenate([part.per_class[name] for part in parts]) for name in CLASS_METRICS},
    )


def _bounds(values: Floats, value: Floats, level: float) -> tuple[Floats, Floats]:
    """Percentiles over the first axis, widened to hold `value`."""
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not between 0 and 1.")
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=0)
    return np.minimum(low, value), np.maximum(high, value)


def _interval(values: Floats, value: Floats, level: float) -> Interval:
    low, high = _bounds(values[:, None], value, level)
    return float(low[0]), float(high[0])
