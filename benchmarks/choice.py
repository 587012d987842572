"""The forecast's weights and its record: real fine-tunings (truth.jsonl) beside scores of frozen states (scores.jsonl).

    python benchmarks/choice.py

Fits the weights of `graft/choose/forecast.py` by ridge regression on the log-odds of accuracy on test, and prints how
far off the forecast is for data sets that were left out of the fit, how wide its interval must be, and what picking by
it would have cost over every subset of three candidates. Nothing is trained; it takes seconds.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from given import COSTS
from numpy.typing import NDArray
from scipy.stats import weightedtau

from graft.choose.forecast import around, best_view, features, log_odds, odds, stretch
from graft.records import View

RESULTS = Path(__file__).parent / "results"
RIDGE = 0.3  # in rows: with so few truths the weights must not follow each of them
COVERED = 0.8
NEAR = 0.01  # of accuracy


@dataclass(frozen=True, slots=True)
class Case:
    """One real fine-tuning, and what was known before it."""

    candidate: str
    data: str
    learnt: int  # rows of train
    truth: float  # accuracy on test
    size: float  # log10 of millions of parameters
    cost: float  # arithmetic per token, which tells the time on any machine
    sampled: int  # rows that were scored
    features: tuple[float, ...]  # as the forecast takes them
    h_score: float  # of the mean over tokens and all blocks, which transformer-ranker's defaults order models by

    @property
    def where(self) -> tuple[str, int, int]:
        """Cases of one place are candidates for the same choice."""
        return self.data, self.learnt, self.sampled


def cases() -> list[Case]:
    """Every truth that has scores, once for each number of rows scored; several seeds are one truth, their mean."""
    scored = [json.loads(line) for line in (RESULTS / "scores.jsonl").read_text().splitlines()]
    runs = [json.loads(line) for line in (RESULTS / "truth.jsonl").read_text().splitlines()]
    together: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for run in runs:
        if "metrics" in run:
            together.setdefault((run["data"], run["candidate"], run["rows"]["train"]), []).append(run)
    found = []
    for (data, candidate, learnt), truths in together.items():
        for one in scored:
            if (one["model"], one["data"]) == (candidate.partition("@")[0], data) and one["rows"] <= learnt:
                found.append(_case(truths, one))
    return found


def _case(truths: Sequence[dict[str, Any]], scored: dict[str, Any]) -> Case:
    truth, learnt = truths[0], truths[0]["rows"]["train"]
    views = [View(**view) for view in scored["views"]]
    depth = int(truth["candidate"].partition("@")[2] or truth["blocks"])
    known = features(best_view(views, depth).probe, depth, learnt / scored["rows"], truth["classes"])
    h_score = next(
        view.h_score for view in views if (view.pooling, view.depth) == ("layers" if depth > 1 else "mean", depth)
    )
    accuracy = float(np.mean([run["metrics"]["accuracy"] for run in truths]))
    size, name = math.log10(truth["parameters"] / 1e6), truth["candidate"]
    return Case(name, truth["data"], learnt, accuracy, size, COSTS[name], scored["rows"], known, h_score or 0.0)


def fitted(inputs: NDArray[np.float64], outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights with a constant in front, which alone is not held small."""
    inputs = np.column_stack([np.ones(len(inputs)), inputs])
    penalty = RIDGE * np.eye(inputs.shape[1])
    penalty[0, 0] = 0
    return np.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ outputs).astype(np.float64)


def left_out(found: Sequence[Case], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds forecast for each case by weights that saw no truth of its data set."""
    outputs = np.array([log_odds(case.truth) for case in found])
    names = np.array([case.data for case in found])
    forecast = np.zeros(len(found))
    for name in set(names):
        weights = fitted(inputs[names != name], outputs[names != name])
        forecast[names == name] = weights[0] + inputs[names == name] @ weights[1:]
    return forecast


def off(found: Sequence[Case], forecast: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each truth is from its forecast, in log-odds at a half."""
    errors = np.abs(forecast - [log_odds(case.truth) for case in found])
    far: NDArray[np.float64] = errors / np.array([stretch(value) for value in forecast])
    return far


def covered(found: Sequence[Case], forecast: NDArray[np.float64]) -> float:
    """The share of truths within the interval whose reach the other data sets' errors tell."""
    errors = off(found, forecast)
    names = np.array([case.data for case in found])
    held = [errors[names == name] <= np.quantile(errors[names != name], COVERED) for name in names]
    return float(np.mean([share.mean() for share in held]))


def subsets(found: Sequence[Case]) -> Iterator[tuple[int, ...]]:
    """Every three candidates of one data set, read on as many rows."""
    for where in sorted({case.where for case in found}):
        mine = [index for index, case in enumerate(found) if case.where == where]
        yield from itertools.combinations(mine, 3)


def regret(found: Sequence[Case], forecast: NDArray[np.float64]) -> float:
    """Points of accuracy that the pick is below the best, on average over all subsets."""
    lost = []
    for three in subsets(found):
        pick = max(three, key=lambda index: forecast[index])
        lost.append(100 * (max(found[index].truth for index in three) - found[pick].truth))
    return float(np.mean(lost))


def found_cheap(found: Sequence[Case], forecast: NDArray[np.float64]) -> float:
    """The share of subsets in which the cheapest that is expected near the best really is near it."""
    hits = []
    for three in subsets(found):
        best = max(odds(forecast[index]) for index in three)
        enough = [index for index in three if odds(forecast[index]) >= best - NEAR]
        pick = min(enough, key=lambda index: found[index].cost)
        hits.append(found[pick].truth >= max(found[index].truth for index in three) - NEAR)
    return float(np.mean(hits))


def tau(found: Sequence[Case], forecast: NDArray[np.float64]) -> float:
    """Kendall's, weighted towards the best (Vigna 2015), on average over data sets and numbers of rows."""
    values = []
    for where in sorted({case.where for case in found}):
        mine = [index for index, case in enumerate(found) if case.where == where]
        values.append(weightedtau([found[index].truth for index in mine], forecast[mine]).statistic)
    return float(np.mean(values))


def main() -> None:
    found = cases()
    outputs = np.array([log_odds(case.truth) for case in found])
    truths, sets = {(case.candidate, case.data, case.learnt) for case in found}, {case.data for case in found}
    print(f"{len(truths)} truths of {len(sets)} data sets")
    for name, inputs in (
        ("graft", np.array([case.features for case in found])),
        ("prior", np.array([[case.size] for case in found])),
    ):
        forecast = left_out(found, inputs)
        errors = 100 * np.abs([odds(value) - case.truth for value, case in zip(forecast, found, strict=True)])
        reach = float(np.quantile(off(found, forecast), COVERED))
        ends = np.array([around(value, reach) for value in forecast])
        width = 100 * (ends[:, 1] - ends[:, 0]).mean()
        print(f"{name}: weights {np.round(fitted(inputs, outputs), 3).tolist()}, reach {reach:.3f}")
        print(f"  left out: mean error {errors.mean():.1f} points, largest {errors.max():.1f}")
        print(f"  interval: {width:.1f} points wide on average, holds {covered(found, forecast):.0%}")
        print(f"  cheapest within a point found in {found_cheap(found, forecast):.0%} of subsets")
        print(f"  regret {regret(found, forecast):.3f} points, weighted tau {tau(found, forecast):.2f}")
    by_h_score = np.array([case.h_score for case in found])
    print(f"H-score: regret {regret(found, by_h_score):.3f} points, weighted tau {tau(found, by_h_score):.2f}")


if __name__ == "__main__":
    main()
