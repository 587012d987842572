"""The door to choosing: which model to start from, for these data, on this machine.

    candidates → rank → forecast → race → Ranking

Of the splits only train is read. A generator of events; the last one is the `Ranking`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graft import machine, race
from graft.backbone import hub
from graft.cache.store import Store
from graft.choose import candidates, forecast
from graft.choose.cost import Effort
from graft.choose.rank import Measured, Sample, rank
from graft.data.table import Splits
from graft.errors import ModelError
from graft.fitting import FitOptions
from graft.records import Forecast, Heat, MachineRecord, Progress, Ranking, Recipe, Said, Unranked
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
    """Compare the candidates for a recipe. Raises ModelError where none of them can be compared."""
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
    for event in rank(wanted, sample, chosen, Store(), machine_memory()):
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
        raise ModelError(f"None of the candidates could be compared ({reasons}).", "name others, or give more --budget.")
    ordered = forecast.forecasts([(one, _efforts(one, splits, fit)) for one in measured], len(splits.train))
    pick, why = forecast.picked(ordered, options.within)
    heats: list[Heat] = []
    if options.race and options.within == 0:
        field = race.Field(splits, fit, chosen, began + 0.95 * options.budget)
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


def machine_memory() -> int:
    """Bytes of memory that are free (0: the system does not say)."""
    return machine.free_memory()


def only_one(options: ChooseOptions) -> str | None:
    """The name of the only model that is at hand, where nothing was named; None where there is something to compare."""
    if options.candidates:
        return None
    found = candidates.local()
    return found[0].name if len(found) == 1 else hub.EMBEDDED if not found else None


def _limit(splits: Splits, fit: FitOptions) -> int:
    """The tokens that the recipe cuts texts to; widths and tokens, which no recipe's limit depends on, are made up."""
    return _recipe(fit, recipes.Scale(len(splits.train), 30 * len(splits.train), len(splits.classes), 6, 384)).max_tokens


def _recipe(fit: FitOptions, scale: recipes.Scale) -> Recipe:
    return recipes.changed(recipes.named(fit.recipe, scale), fit.settings, scale)


def _efforts(found: Measured, splits: Splits, fit: FitOptions) -> Sequence[Effort]:
    """What the recipe asks of the model kept up to each of its blocks."""
    rows = len(splits.train)
    tokens = round(rows * found.pace.tokens_per_text)
    efforts = []
    for depth in range(1, found.model.blocks + 1):
        recipe = _recipe(fit, recipes.Scale(rows, tokens, len(splits.classes), depth, found.model.width))
        steps = sum(stage.epochs * -(-rows // stage.batches.rows) for stage in recipe.stages)
        at_once = max(min(stage.batches.rows * found.pace.tokens_per_text, stage.batches.tokens) for stage in recipe.stages)
        efforts.append(Effort(sum(stage.epochs for stage in recipe.stages) * tokens, steps, round(at_once)))
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


__all__ = ["BUDGET", "ChooseOptions", "advised", "choose", "only_one"]
