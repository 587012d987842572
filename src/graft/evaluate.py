"""Numbers on one split, each with a bootstrap interval, and differences between two models on the same rows.

Percentile bootstrap over rows (Efron and Tibshirani 1993, chapter 13): each resample draws as many rows as there are,
with replacement, and every metric is computed on the same draws. Two departures, both needed for honest small splits:

- a score that a resample leaves undefined (it drew no row of a rare class) keeps its value on the whole split;
- an interval is widened where needed to hold the value itself. Calibration error is a sum of absolute values, so
  resampling biases it upwards, and the plain percentiles may lie wholly above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from graft.data.table import Rows
from graft.data.targets import Targets
from graft.records import Baseline, Evaluation, Interval, SplitName
from graft.tasks.task import Floats, Ints, Logits, Measured, Outputs, Scorer, Scores, Task, Yardstick

CHUNK = 1_000_000  # draws held at once
MOST_DRAWS = (
    200_000_000  # on splits over 200,000 rows fewer resamples are drawn, at least FEWEST: intervals are tiny there
)
FEWEST = 200


def evaluate(
    task: Task,
    logits: Logits,
    rows: Rows,
    outputs: Outputs,
    *,
    split: SplitName = "test",
    baselines: Sequence[Baseline] = (),
    seconds: float = 0.0,
    resamples: int = 1000,
) -> Evaluation:
    """Everything that is said about a model on one split; intervals are 95% (for another level see `measure`).

    logits: rows x outputs. seconds: what the predictions took. The same rows and logits give the same intervals.
    Raises ValueError for logits that are not finite, shapes that do not fit, and rows without targets.
    """
    measured = measure(task.scorer(logits, rows.targets, outputs), resamples=resamples)
    return Evaluation(
        split=split,
        n=len(rows),
        metrics=measured.metrics,
        intervals=measured.intervals,
        baselines={baseline.name: baseline for baseline in baselines},
        seconds=seconds,
        details=task.details(logits, rows, outputs, measured),
    )


def baseline(task: Task, yardstick: Yardstick, targets: Targets, outputs: Outputs) -> Baseline:
    """A yardstick's metrics on the rows of these targets, with bootstrap intervals."""
    own = replace(outputs, settled=yardstick.settled)
    found = measure(task.scorer(yardstick.logits, targets, own))
    return Baseline(yardstick.name, yardstick.what, found.metrics, found.intervals, yardstick.seconds)


def measure(scorer: Scorer, *, seed: int = 0, resamples: int = 1000, level: float = 0.95) -> Measured:
    """Every metric with its interval at `level`."""
    whole = scorer.score()
    drawn = _joined([scorer.score(rows_RB) for rows_RB in _draws(len(scorer), resamples, seed)])
    bounds = {name: _bounds(drawn.per_name[name], values[0], level) for name, values in whole.per_name.items()}
    outputs = max((values.shape[1] for values in whole.per_name.values()), default=0)
    return Measured(
        metrics={name: float(values[0]) for name, values in whole.metrics.items()},
        intervals={name: _interval(drawn.metrics[name], values, level) for name, values in whole.metrics.items()},
        per_name=tuple(
            {name: (float(low[place]), float(high[place])) for name, (low, high) in bounds.items()}
            for place in range(outputs)
        ),
    )


def difference(
    metric: str, a: Scorer, b: Scorer, *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> tuple[float, Interval]:
    """`metric` of a minus that of b on the same rows, with its paired bootstrap interval.

    Both are scored on the same draws, so that what makes a row hard for both does not widen the interval.
    An interval on one side of 0 says that the two differ. Raises ValueError for a metric that they do not have, and
    for scorers of different numbers of rows.
    """
    known = a.score().metrics
    if metric not in known:
        raise ValueError(f"{metric!r} is not one of {', '.join(known)}.")
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} rows cannot be compared row by row.")
    value = known[metric] - b.score().metrics[metric]
    drawn = [
        a.score(rows_RB).metrics[metric] - b.score(rows_RB).metrics[metric]
        for rows_RB in _draws(len(a), resamples, seed)
    ]
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


def _joined(parts: Sequence[Scores]) -> Scores:
    first = parts[0]
    return Scores(
        {name: np.concatenate([part.metrics[name] for part in parts]) for name in first.metrics},
        {name: np.concatenate([part.per_name[name] for part in parts]) for name in first.per_name},
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
