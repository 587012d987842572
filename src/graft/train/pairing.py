"""Whether pairs are better read joined or apart: one short trial of each, judged on validation."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Generator

import numpy as np

from graft.data.tokens.pairs import Way
from graft.records import Epoch, Progress, Recipe, Said
from graft.records.metrics import metric as known
from graft.tasks.task import known_metric, rank
from graft.train import sweep
from graft.train.fit import Event, fit
from graft.train.material import Labelled, Material

WAYS: tuple[Way, ...] = ("joined", "apart")
SHARE = 0.125  # of the train split that a trial sees once: at least `sweep.FEWEST` rows
JUDGED = 512  # rows of validation that a trial is judged on, where there are more


def decide(both: dict[Way, Material], recipe: Recipe) -> Generator[Event, None, Way]:
    """The better way by the recipe's metric, after the last stage was tried for one epoch on a part of train.

    Texts that are read apart are often better before any training than joined ones after it: their trial ends as soon
    as it is won, as it counts by its best. The backbones of the materials are left as they were.
    """
    task = both["joined"].task
    metric = known_metric(task, recipe.metric)
    joined = yield from _try(both["joined"], recipe, "joined")
    apart = yield from _try(both["apart"], recipe, "apart", enough=rank(task, metric, joined.validation))
    found: dict[Way, Epoch] = {"joined": joined, "apart": apart}
    best = max(found, key=lambda way: rank(task, metric, found[way].validation))
    scores = ", ".join(
        f"{way} {one.validation[metric]:.4f}{'' if one.number else ' (before any training)'}"
        for way, one in found.items()
    )
    rows = len(both[best].validation)
    on = f"{JUDGED} of {rows:,} validation rows" if rows > JUDGED else "validation"
    yield Said(f"Pairs are read {best}: after a short trial of each, {known(metric).short} on {on}: {scores}.")
    return best


def _judged(material: Material, recipe: Recipe) -> Labelled:
    """The validation rows of a trial, the same for both ways."""
    rows = len(material.validation)
    return material.validation.take(np.sort(np.random.default_rng(recipe.seed).permutation(rows)[:JUDGED]))


def _try(
    material: Material, recipe: Recipe, way: Way, enough: tuple[float, float] | None = None
) -> Generator[Event, None, Epoch]:
    """The best epoch of the trial, which ends where it is better than `enough`."""
    backbone = dataclasses.replace(material.backbone, model=copy.deepcopy(material.backbone.model))
    part = dataclasses.replace(
        sweep.sample(material, recipe.seed, SHARE), backbone=backbone, validation=_judged(material, recipe)
    )
    last = recipe.stages[-1]
    short = sweep.trial_stage(last, last.optimiser.lr) if last.epochs else last
    trial = dataclasses.replace(recipe, stages=(short,), sweep=(), pairs=way)
    metric = known_metric(material.task, recipe.metric)
    best: Epoch | None = None
    for event in fit(part, trial):
        if isinstance(event, Progress):
            yield dataclasses.replace(event, phase=f"try {way}")
        elif isinstance(event, Epoch) and event.best:
            best = event
            if enough is not None and rank(material.task, metric, best.validation) > enough:
                break
    assert best is not None, "a fit validates before its first step"
    return best
