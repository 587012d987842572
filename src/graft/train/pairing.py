"""Whether pairs are better read joined or apart: one short trial of each, judged on validation."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Generator

from graft.data.pairs import Way
from graft.records import Epoch, Progress, Recipe, Said
from graft.records.metrics import metric as known
from graft.tasks.task import known_metric, rank
from graft.train import sweep
from graft.train.fit import Event, fit
from graft.train.material import Material

WAYS: tuple[Way, ...] = ("joined", "apart")


def decide(both: dict[Way, Material], recipe: Recipe) -> Generator[Event, None, Way]:
    """The better way by the recipe's metric, after the last stage was tried for one epoch on a part of train.

    The backbones of the materials are left as they were.
    """
    metric = known_metric(both["joined"].task, recipe.metric)
    found: dict[Way, dict[str, float]] = {}
    for way in WAYS:
        found[way] = yield from _try(both[way], recipe, way)
    task = both["joined"].task
    best = max(WAYS, key=lambda way: rank(task, metric, found[way]))
    scores = ", ".join(f"{way} {found[way][metric]:.4f}" for way in WAYS)
    yield Said(f"Pairs are read {best}: after a short trial of each, {known(metric).short} on validation: {scores}.")
    return best


def _try(material: Material, recipe: Recipe, way: Way) -> Generator[Event, None, dict[str, float]]:
    part = sweep.sample(material, recipe.seed)
    backbone = dataclasses.replace(material.backbone, model=copy.deepcopy(material.backbone.model))
    part = dataclasses.replace(part, backbone=backbone)
    last = recipe.stages[-1]
    short = sweep.trial_stage(last, last.optimiser.lr) if last.epochs else last
    trial = dataclasses.replace(recipe, stages=(short,), sweep=(), pairs=way)
    best: dict[str, float] = {}
    for event in fit(part, trial):
        if isinstance(event, Progress):
            yield dataclasses.replace(event, phase=f"try {way}")
        elif isinstance(event, Epoch) and event.best:
            best = event.validation
    return best
