"""The door to choosing: which model to start from, for these data, on this machine.

    candidates → rank → forecast → race → Ranking

Of the splits only train is read. A generator of events; the last one is the `Ranking`.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from graft import machine, race
from graft.backbone import hub
from graft.cache.store import Store
from graft.choose import candidates, forecast
from graft.choose.cost import Effort
from graft.choose.rank import Measured, Sample, rank
from graft.data.table import Splits
from graft.data.targets import Codes
from graft.errors import ModelError, RecipeError
from graft.fitting import FitOptions
from graft.records import Forecast, Heat, Progress, Ranking, Said, Unranked
from graft.train import recipe as recipes

Event = Progress | Said | Unranked | Heat | Ranking
BUDGET = 300.0  # seconds
READING = 0.6  # share of the time that is left in which candidates are read and scored; a race has the rest
METRIC = "accuracy"


@dataclass(frozen=True, slots=True)
class ChooseOptions:
    """What is compared, and how long that may take."""

    candidates: tuple[str, ...] = ()  # as --model takes them, or folders of models; none: what is at hand
    budget: float = BUDGET  # seconds from `began`
    within: float = 0.0  # the cheapest that is expected within so much of the best is taken
    race: bool = True  # whether finalists are trained for short
    began: float | None = None  # time.perf_counter(); None: when the first event is asked for


def choose(splits: Splits, fit: FitOptions = FitOptions(), options: ChooseOptions = ChooseOptions()) -> Iterator[Event]:
    """Compare the candidates for a recipe.

    Raises ModelError where none of them can be compared, and RecipeError for a task that is not classification.
    """
    if not isinstance(splits.train.targets, Codes):
        raise RecipeError(
            f"Models are compared for classification only, and these data are for {splits.summary.task}.",
            "name the model with --model.",
        )
    began = time.perf_counter() if options.began is None else options.began
    wanted = candidates.named(options.candidates) if options.candidates else candidates.local()
    if not wanted:
        raise ModelError("No model is at hand to be compared.", "name some with --candidates.")
    chosen = machine.choose(fit.device, fit.precision)
    left = began + options.budget - time.perf_counter()
    deadline = time.perf_counter() + left * (READING if options.race else 0.95)
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
    heats: list[Heat] = []
    if options.race and options.within == 0:
        field = race.Field(splits, fit, chosen, sample.limit, began + 0.95 * options.budget)
        for found in race.race(ordered, field):
            if isinstance(found, Heat):
                heats.append(found)
            yield found
        pick, why = _after(heats, ordered, pick, why)
    yield Ranking(
        metric=METRIC,
        rows=measured[0].rows,
        train=len(splits.train),
        forecasts=tuple(ordered),
        views={one.model.name: one.views for one in measured},
        unranked=tuple(unranked),
        heats=tuple(heats),
        pick=pick.candidate.name,
        why=why,
        seconds=time.perf_counter() - began,
    )


def model_for(splits: Splits, fit: FitOptions, options: ChooseOptions) -> Generator[Event, None, str]:
    """The name of the model that a run takes where none was named: the pick, or the only one that is at hand."""
    found = [] if options.candidates else candidates.local()
    if len(found) == 1:
        yield Said(f"Only one model is at hand ({found[0].name}), so nothing is compared; --candidates names others.")
        return found[0].name
    if not isinstance(splits.train.targets, Codes):
        yield Said(f"Models are compared for classification only; {hub.EMBEDDED} is taken. --model names another.")
        return hub.EMBEDDED
    pick = hub.EMBEDDED
    for event in choose(splits, fit, options):
        if isinstance(event, Ranking):
            pick = event.pick
            yield Said(f"Chosen: {event.pick}; {event.why}.")
        yield event
    return pick


def _limit(splits: Splits, fit: FitOptions) -> int:
    """The tokens that the recipe cuts texts to; widths and tokens, which no recipe's limit depends on, are made up."""
    rows = len(splits.train)
    return race.recipe_for(fit, recipes.Scale(rows, 30 * rows, len(splits.classes), 6, 384)).max_tokens


def _efforts(found: Measured, splits: Splits, fit: FitOptions) -> Sequence[Effort]:
    """What the recipe asks of the model kept up to each of its blocks."""
    rows = len(splits.train)
    tokens = round(rows * found.pace.tokens_per_text)
    efforts = []
    for depth in range(1, found.model.blocks + 1):
        recipe = race.recipe_for(fit, recipes.Scale(rows, tokens, len(splits.classes), depth, found.model.width))
        steps = sum(stage.epochs * -(-rows // stage.batches.rows) for stage in recipe.stages)
        together = (
            min(stage.batches.rows * found.pace.tokens_per_text, stage.batches.tokens) for stage in recipe.stages
        )
        efforts.append(Effort(sum(stage.epochs for stage in recipe.stages) * tokens, steps, round(max(together))))
    return efforts


def _after(heats: Sequence[Heat], ordered: Sequence[Forecast], pick: Forecast, why: str) -> tuple[Forecast, str]:
    """The pick after a race."""
    winner = next((heat for heat in reversed(heats) if heat.stays), None)
    if winner is None:
        return pick, why
    found = next(one for one in ordered if one.candidate.name == winner.name)
    return found, f"it won the race: {winner.value:.1%} on held-out rows of train after {winner.rows:,} rows"


def advised(ranking: Ranking) -> Forecast:
    """The forecast of the pick."""
    return next(one for one in ranking.forecasts if one.candidate.name == ranking.pick)
