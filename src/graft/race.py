"""A race: finalists are fine-tuned for short on a part of train, the better half goes on with twice as many rows.

Successive halving (Jamieson and Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter
Optimization") under what is left of the time. Who wins is measured on rows of train that no finalist trains on;
validation and test stay closed. Head starts read the cache of representations that the ranking filled.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.backbone import hub
from graft.backbone.features import Extractor
from graft.backbone.model import load as load_model
from graft.cache.store import Store
from graft.choose.sample import stratified_order
from graft.data.table import Splits
from graft.data.tokens import tokenize
from graft.fitting import FitOptions
from graft.records import Epoch, Forecast, Heat, MachineRecord, Progress, Recipe, Said
from graft.train import recipe as recipes
from graft.train.fit import fit as fit_material
from graft.train.material import Labelled, Material

FINALISTS = 4
FEWEST_ROWS = 256  # a heat on fewer tells nothing
HELD_OUT = 500  # rows of train that judge, at most a fifth
EPOCHS = 2  # of a heat
OVERHEAD = 3.0  # seconds of a heat besides its steps: loading, head start, judging


@dataclass(frozen=True, slots=True)
class Field:
    """Where a race is run: the data, the recipe, the machine, and until when (time.perf_counter())."""

    splits: Splits
    fit: FitOptions
    machine: MachineRecord
    limit: int  # tokens of a text
    deadline: float


def race(ordered: Sequence[Forecast], field: Field) -> Iterator[Progress | Said | Heat]:
    """Run it; the last `Heat` with `stays` is the winner's. Yields no `Heat` where nothing is open or time is short."""
    runners = finalists(ordered)
    order = stratified_order(field.splits.train.targets.strata(), seed=1)
    held = order[: min(HELD_OUT, len(order) // 5)]
    free = order[len(held) :]
    rows = _rows(runners, field, len(free))
    if len(runners) < 2 or rows < FEWEST_ROWS:
        return
    yield Said(f"Racing {len(runners)} finalists, from {rows:,} rows on.")
    number = 0
    while len(runners) > 1:
        number += 1
        heats = []
        for runner in runners:
            heat = yield from _heat(runner, (number, free[:rows], held), field)
            if heat is None:  # the time is up: what was measured so far decides nothing
                return
            heats.append((heat, runner))
        kept = best_half(heats, len(held))
        for heat, runner in heats:
            yield dataclasses.replace(heat, stays=runner in kept)
        runners, rows = kept, min(2 * rows, len(free))


def finalists(ordered: Sequence[Forecast]) -> list[Forecast]:
    """The best of each model whose interval reaches the best expectation, at most four."""
    models: dict[str, Forecast] = {}
    for one in ordered:
        if one.interval[1] >= ordered[0].expected:
            models.setdefault(hub.of_depth(one.candidate.name)[0], one)
    return list(models.values())[:FINALISTS]


def best_half(heats: Sequence[tuple[Heat, Forecast]], judges: int) -> list[Forecast]:
    """Those that go on. Values within a standard error of the best are equal, and then the forecast decides."""
    best = max(heat.value for heat, _ in heats)
    error = math.sqrt(max(best * (1 - best), 1e-4) / judges)

    def standing(pair: tuple[Heat, Forecast]) -> tuple[float, float]:
        heat, runner = pair
        return (best if heat.value >= best - error else heat.value), runner.expected

    ordered = sorted(heats, key=standing, reverse=True)
    return [runner for _, runner in ordered[: max(1, len(heats) // 2)]]


def _rows(runners: Sequence[Forecast], field: Field, free: int) -> int:
    """Rows of the first round, so that all rounds end in time: each round costs about as much as the first."""
    rounds = max(math.ceil(math.log2(max(len(runners), 2))), 1)
    left = field.deadline - time.perf_counter()
    fixed = OVERHEAD * 2 * len(runners)
    per_row = sum(EPOCHS * _seconds_per_row(runner, field) for runner in runners)
    if per_row <= 0:
        return 0
    return int(min((0.8 * left - fixed) / (rounds * per_row), free / 2 ** (rounds - 1)))


def _seconds_per_row(runner: Forecast, field: Field) -> float:
    """Of one row in one epoch, from the forecast of the whole training."""
    rows = len(field.splits.train)
    scale = recipes.Scale(rows, 30 * rows, len(field.splits.classes), runner.candidate.depth, runner.candidate.width)
    epochs = sum(stage.epochs for stage in recipe_for(field.fit, scale).stages)
    return 60 * runner.costs.minutes / max(epochs * rows, 1)


def recipe_for(fit: FitOptions, scale: recipes.Scale) -> Recipe:
    """What is asked for, cut to a size."""
    named = recipes.named(fit.recipe, scale) if isinstance(fit.recipe, str) else fit.recipe
    return recipes.changed(named, fit.settings, scale)


def _heat(
    runner: Forecast, part: tuple[int, NDArray[np.int64], NDArray[np.int64]], field: Field
) -> Generator[Progress, None, Heat | None]:
    """One finalist trained on a part of train; None where the time ran out."""
    began = time.perf_counter()
    number, rows, held = part
    value = 0.0
    material = _material(runner, rows, held, field)
    lengths = material.train.tokens.lengths
    record = material.backbone.record
    scale = recipes.Scale(len(rows), int(lengths.sum()), len(field.splits.classes), record.blocks, record.width)
    recipe = recipe_for(field.fit, scale)
    last = recipe.stages[-1]
    short = dataclasses.replace(last, epochs=min(EPOCHS, last.epochs), average=False)
    recipe = dataclasses.replace(recipe, stages=(short,), sweep=())
    for event in fit_material(material, recipe):
        if isinstance(event, Progress):
            yield dataclasses.replace(event, phase=f"race, {runner.candidate.name}")
        elif isinstance(event, Epoch) and event.best:
            value = event.validation["accuracy"]
        if time.perf_counter() > field.deadline:
            return None
    return Heat(runner.candidate.name, number, len(rows), value, time.perf_counter() - began, stays=False)


def _material(runner: Forecast, rows: NDArray[np.int64], held: NDArray[np.int64], field: Field) -> Material:
    """A finalist with the rows that it trains on, and those that judge it where a fit has its validation rows."""
    train, classes = field.splits.train, field.splits.classes
    backbone = load_model(hub.locate(runner.candidate.name), classes)
    limit = min(field.limit, backbone.record.max_tokens)

    def part(some: NDArray[np.int64]) -> Labelled:
        taken = train.take(np.sort(some))
        return Labelled(tokenize(taken.texts, backbone.tokenizer.backend_tokenizer, limit)[0], taken.targets)

    extractor = Extractor(backbone, field.machine, Store())
    return Material(backbone, part(rows), part(held), classes, field.machine, extractor)
