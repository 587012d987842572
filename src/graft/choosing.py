"""The door to choosing: which model to start from, for these data, on this machine.

    candidates → rank → forecast → Ranking

Of the splits only train is read. A generator of events; the last one is the `Ranking`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graft import machine
from graft.cache.store import Store
from graft.choose import candidates, forecast
from graft.choose.cost import Effort
from graft.choose.rank import Measured, Sample, rank
from graft.data.table import Splits
from graft.data.targets import Codes
from graft.errors import ModelError, RecipeError
from graft.fitting import FitOptions
from graft.records import Progress, Ranking, Recipe, Said, Unranked
from graft.train import recipe as recipes

Event = Progress | Said | Unranked | Ranking
BUDGET = 300.0  # seconds
READING = 0.95  # share of the time that is left in which candidates are read and scored
METRIC = "accuracy"


@dataclass(frozen=True, slots=True)
class ChooseOptions:
    """What is compared, and how long that may take."""

    candidates: tuple[str, ...] = ()  # as --model takes them, or folders of models; none: what is at hand
    budget: float = BUDGET  # seconds from `began`
    within: float = 0.0  # the cheapest that is expected within so much of the best is taken
    began: float | None = None  # time.perf_counter(); None: when the first event is asked for


def choose(splits: Splits, fit: FitOptions = FitOptions(), options: ChooseOptions = ChooseOptions()) -> Iterator[Event]:
    """Compare the candidates for a recipe.

    Raises ModelError where none of them can be compared, and RecipeError for a task that is not classification.
    """
    if not isinstance(splits.train.targets, Codes) or splits.train.seconds is not None:
        found = f"for {splits.summary.task}" + (" of pairs" if splits.train.seconds is not None else "")
        raise RecipeError(
            f"Models are compared for classification of single texts only, and these data are {found}.",
            "name the model with --model.",
        )
    began = time.perf_counter() if options.began is None else options.began
    wanted = candidates.named(options.candidates) if options.candidates else candidates.local()
    if not wanted:
        raise ModelError("No model is at hand to be compared.", "name some with --candidates.")
    chosen = machine.choose(fit.device, fit.precision)
    left = began + options.budget - time.perf_counter()
    deadline = time.perf_counter() + left * READING
    sample = Sample(splits.train, splits.classes, _limit(splits, fit), deadline)
    yield Said(f"Comparing {len(wanted)} {'model' if len(wanted) == 1 else 'models'}, each at every depth.")
    measured: list[Measured] = []
    unranked: list[Unranked] = []
    for event in rank(wanted, sample, chosen, Store(), machine.free_memory()):
        match event:
            case Measured():
                measured.append(event)
            case Unranked():
                unranked.append(event)
                yield event
            case _:
                yield event
    if not measured:
        reasons = "; ".join(f"{one.name}: {one.why}" for one in unranked)
        raise ModelError(
            f"None of the candidates could be compared ({reasons}).", "name others, or give more --budget."
        )
    ordered = forecast.forecasts([(one, _efforts(one, splits, fit)) for one in measured], len(splits.train))
    pick, why = forecast.picked(ordered, options.within)
    yield Ranking(
        metric=METRIC,
        rows=measured[0].rows,
        train=len(splits.train),
        forecasts=tuple(ordered),
        views={one.model.name: one.views for one in measured},
        unranked=tuple(unranked),
        pick=pick.candidate.name,
        why=why,
        basis=forecast.BASIS,
        seconds=time.perf_counter() - began,
    )


def _limit(splits: Splits, fit: FitOptions) -> int:
    """The tokens that the recipe cuts texts to; widths and tokens, which no recipe's limit depends on, are made up."""
    rows = len(splits.train)
    return _recipe(fit, recipes.Scale(rows, 30 * rows, len(splits.classes), 6, 384)).max_tokens


def _recipe(fit: FitOptions, scale: recipes.Scale) -> Recipe:
    """What is asked for, cut to a size."""
    named = recipes.named(fit.recipe, scale) if isinstance(fit.recipe, str) else fit.recipe
    return recipes.changed(named, fit.settings, scale)


def _efforts(found: Measured, splits: Splits, fit: FitOptions) -> Sequence[Effort]:
    """What the recipe asks of the model kept up to each of its blocks."""
    rows = len(splits.train)
    tokens = round(rows * found.pace.tokens_per_text)
    efforts = []
    for depth in range(1, found.model.blocks + 1):
        recipe = _recipe(fit, recipes.Scale(rows, tokens, len(splits.classes), depth, found.model.width))
        steps = sum(stage.epochs * -(-rows // stage.batches.rows) for stage in recipe.stages)
        together = (
            min(stage.batches.rows * found.pace.tokens_per_text, stage.batches.tokens) for stage in recipe.stages
        )
        efforts.append(Effort(sum(stage.epochs for stage in recipe.stages) * tokens, steps, round(max(together))))
    return efforts
