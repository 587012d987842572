"""Made-up records of runs with other settings than the samples have, and of models whose confidence is off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graft.records import Evaluation, Manifest, Recipe, ReliabilityBin, Stage
from report import samples


def probe() -> Manifest:
    """A run whose head was fitted without steps."""
    run = samples.two()[0]
    return replace(run, recipe=Recipe("probe", (Stage("probe", 0, 0),), "pooled", metric="accuracy"))


def named(recipe: str) -> Manifest:
    run = samples.two()[0]
    return replace(run, recipe=replace(run.recipe, name=recipe))


def with_loss(run: Manifest, **changed: Any) -> Manifest:
    """The same run with such a loss in every stage."""
    stages = tuple(replace(stage, loss=replace(stage.loss, **changed)) for stage in run.recipe.stages)
    return replace(run, recipe=replace(run.recipe, stages=stages))


def off(accuracy: float) -> Evaluation:
    """Numbers of a model that is right so often where it says 85%."""
    return of_bins(0.14, ReliabilityBin(0.8, 0.9, 100, 0.85, accuracy))


def of_bins(error: float, *bins: ReliabilityBin) -> Evaluation:
    """Numbers of a model with such a calibration error."""
    numbers = samples.two()[2]
    assert numbers is not None
    numbers = replace(numbers, metrics={**numbers.metrics, "calibration_error": error})
    return samples.with_details(numbers, reliability=bins)
