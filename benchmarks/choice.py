"""The forecast's weights and its record: real fine-tunings (truth.jsonl) beside scores of frozen states (scores.jsonl).

    python benchmarks/choice.py

Fits the weights of `graft/choose/forecast.py` by ridge regression on the log-odds of accuracy on test, and prints how
far off the forecast is for data sets that were left out of the fit, how wide its interval must be, and what picking by
it would have cost over every subset of three candidates. Nothing is trained; it takes a second.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft.choose.forecast import best_view, log_odds, odds
from graft.records import View

RESULTS = Path(__file__).parent / "results"
RIDGE = 0.3  # in rows: with so few truths the weights must not follow each of them
COVERED = 0.8


@dataclass(frozen=True, slots=True)
class Case:
    """One real fine-tuning, and what was known before it."""

    candidate: str
    data: str
    truth: float  # accuracy on test
    size: float  # log10 of millions of parameters
    sampled: int  # rows that were scored
    features: tuple[float, ...]  # log-odds of the probe and of the neighbours, log2 of train's rows over the sample's


def cases() -> list[Case]:
    """Every truth that has scores, once for each number of rows scored."""
    scored = [json.loads(line) for line in (RESULTS / "scores.jsonl").read_text().splitlines()]
    found = []
    for line in (RESULTS / "truth.jsonl").read_text().splitlines():
        truth = json.loads(line)
        name, _, depth = truth["candidate"].partition("@")
        for one in scored:
            if (one["model"], one["data"]) == (name, truth["data"]):
                best = best_view([View(**view) for view in one["views"]], int(depth or truth["blocks"]))
                more = math.log2(one["train"] / one["rows"])
                known = (log_odds(best.probe), log_odds(best.neighbours), more)
                size = math.log10(truth["parameters"] / 1e6)
                accuracy = truth["metrics"]["accuracy"]
                found.append(Case(truth["candidate"], truth["data"], accuracy, size, one["rows"], known))
    return found


def fitted(inputs: NDArray[np.float64], outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights with a constant in front, which alone is not held small."""
    inputs = np.column_stack([np.ones(len(inputs)), inputs])
    penalty = RIDGE * np.eye(inputs.shape[1])
    penalty[0, 0] = 0
    return np.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ outputs)


def left_out(found: list[Case], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds forecast for each case by weights that saw no truth of its data set."""
    outputs = np.array([log_odds(case.truth) for case in found])
    names = np.array([case.data for case in found])
    forecast = np.zeros(len(found))
    for name in set(names):
        weights = fitted(inputs[names != name], outputs[names != name])
        forecast[names == name] = weights[0] + inputs[names == name] @ weights[1:]
    return forecast


def regret(found: list[Case], forecast: NDArray[np.float64]) -> float:
    """Points of accuracy that the pick is below the best, on average over data sets and subsets of three."""
    lost = []
    for name, rows in sorted({(case.data, case.sampled) for case in found}):
        mine = [index for index, case in enumerate(found) if (case.data, case.sampled) == (name, rows)]
        for three in itertools.combinations(mine, 3):
            pick = max(three, key=lambda index: forecast[index])
            lost.append(100 * (max(found[index].truth for index in three) - found[pick].truth))
    return float(np.mean(lost))


def main() -> None:
    found = cases()
    outputs = np.array([log_odds(case.truth) for case in found])
    truths, sets = {(case.candidate, case.data) for case in found}, {case.data for case in found}
    print(f"{len(truths)} truths of {len(sets)} data sets")
    for name, inputs in (
        ("graft", np.array([case.features for case in found])),
        ("prior", np.array([[case.size] for case in found])),
    ):
        forecast = left_out(found, inputs)
        errors = np.array([odds(value) - case.truth for value, case in zip(forecast, found, strict=True)])
        reach = float(np.quantile(np.abs(forecast - outputs), COVERED))
        width = np.mean([odds(value + reach) - odds(value - reach) for value in forecast])
        print(f"{name}: weights {np.round(fitted(inputs, outputs), 3).tolist()}, reach {reach:.3f}")
        mean, largest = 100 * np.abs(errors).mean(), 100 * np.abs(errors).max()
        print(f"  left out: mean error {mean:.1f} points, largest {largest:.1f}")
        print(f"  interval: {100 * width:.1f} points wide on average; regret {regret(found, forecast):.2f} points")


if __name__ == "__main__":
    sys.exit(main())
