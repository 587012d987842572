"""Made-up records of runs whose texts have numbers, and curves of any metric."""

from __future__ import annotations

from dataclasses import replace

from graft.records import Baseline, Epoch, Evaluation, Manifest, RegressionDetails
from report.samples import two


def regression() -> Manifest:
    """A healthy run whose texts have numbers."""
    run = two()[0]
    splits = tuple(replace(split, per_class={}) for split in run.data.splits)
    summary = replace(run.data, task="regression", classes=("score",), splits=splits)
    return replace(run, data=summary, recipe=replace(run.recipe, metric="spearman"))


def of_numbers(spearman: float, ridge: float, rmse: float, bias: float) -> Evaluation:
    """Numbers of a regression on 400 texts whose true values have a deviation of 1."""
    metrics = {"spearman": spearman, "rmse": rmse, "r2": 1 - rmse**2}
    baselines = {
        "mean": Baseline("mean", "", {"spearman": 0.0, "rmse": 1.0, "r2": 0.0}, {"spearman": (0.0, 0.0)}, 0.0),
        "ridge": Baseline(
            "ridge", "", {"spearman": ridge, "rmse": 0.9}, {"spearman": (ridge - 0.05, ridge + 0.05)}, 0.1
        ),
    }
    spans = {"spearman": (spearman - 0.05, spearman + 0.05)}
    return Evaluation("test", 400, metrics, spans, baselines, 1.0, RegressionDetails(bias=bias))


def epochs_by(metric: str, *values: float) -> tuple[Epoch, ...]:
    """Epochs of the last stage by the values of a validation metric, the first before its first step."""
    return tuple(
        Epoch("full", number, 0.5 / number if number else None, {metric: value}, 10.0 * number, 100, 10.0, False)
        for number, value in enumerate(values)
    )
