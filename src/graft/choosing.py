"""The door to choosing: which model to start from, for these data, on this machine.

    candidates → rank → forecast → race → Ranking

Of the splits only train is read. A generator of events; the last one is the `Ranking`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from graft import machine, writers
from graft.backbone.models.hub import EMBEDDED
from graft.cache.store import Store
from graft.choose import candidates, forecast
from graft.choose.cost import Effort
from graft.choose.entrant import Measured
from graft.choose.rank import rank
from graft.choose.sample import Sample
from graft.choose.units import metric_of
from graft.data.documents import WRITE
from graft.data.table import Splits
from graft.data.targets import Codes
from graft.errors import ModelError, RecipeError
from graft.fit_options import FitOptions
from graft.race import Course, Judge, Trial, can_be, contenders, finalists, race, trial
from graft.records import Forecast, Heat, Progress, Ranking, Said, Sampled, Spelling, Unranked
from graft.report import spelling
from graft.report.words import metric_value
from graft.tasks.registry import task_named
from graft.train.scale import Scale

Event = Progress | Said | Unranked | Heat | Ranking
Outcome = TypeVar("Outcome")
BUDGET = 300.0  # seconds
BUDGET_OF_RUN = 120.0  # seconds, where a run compares what is at hand before it trains
SPARE = 0.05  # share of the time that is kept back
READING = 0.5  # share of it in which candidates are read and scored; the race has the rest
NO_DEPTHS = "models that write are compared whole, not at a depth"
COMPARED = ("classification", "multi-label", "regression", "token-classification", "write")


@dataclass(frozen=True, slots=True)
class ChooseOptions:
    """What is compared, and how long that may take."""

    candidates: tuple[str | Path, ...] = ()  # as --model takes them, or folders of models; none: what is at hand
    budget: float = BUDGET  # seconds from `began`
    within: float = 0.0  # the cheapest that is expected within so much of the best is taken
    began: float | None = None  # time.perf_counter(); None: when the first event is asked for


def choose(splits: Splits, fit: FitOptions = FitOptions(), options: ChooseOptions = ChooseOptions()) -> Iterator[Event]:
    """Compare the candidates for a recipe.

    Raises ModelError where none of them can be compared, and RecipeError for a task for which none are.
    """
    if splits.summary.task == WRITE:
        yield from _of_writers(splits, fit, options)
        return
    metric = metric_of(splits.train.targets)
    if metric is None:
        raise RecipeError(
            f"Models cannot be compared for {splits.summary.task} yet; they can for {', '.join(COMPARED)}.",
            "name the model with --model.",
        )
    began, deadline = _times(options)
    wanted = candidates.named(options.candidates) if options.candidates else candidates.local()
    if not wanted:
        raise ModelError("No model is at hand to be compared.", "name some with --candidates.")
    yield Said(candidates.compared(wanted))
    judge = Judge(task_named(splits.summary.task), metric)
    share = READING if can_be(judge, len(splits.train)) and not candidates.is_one(wanted) else 1.0
    sample = _sample(splits, fit, time.perf_counter() + share * (deadline - time.perf_counter()))
    sample = dataclasses.replace(sample, budget=options.budget, share=share * (1 - SPARE))
    measured, unranked = yield from _measured(wanted, sample, fit)
    if not measured:
        raise _none_compared(unranked)
    efforts = [(one, _efforts(one, splits, fit)) for one in measured]
    aim = forecast.Aim(len(splits.train), len(splits.classes), metric, _commonest(splits))
    ordered = forecast.forecasts(efforts, aim)
    pick, why = forecast.picked(ordered, options.within, metric)
    per_text = {one.model.name: one.pace.tokens_per_text for one in measured}
    chosen = machine.choose(fit.device, fit.precision)
    course = Course(splits.train, splits.classes, chosen, fit, per_text, deadline, judge)
    heats, won = yield from _raced(ordered, pick, course, options.within)
    if won is not None:
        pick, why = won
    yield Ranking(
        metric=metric,
        sampled=Sampled(max(one.rows for one in measured), len(splits.train)),
        forecasts=tuple(ordered),
        views={one.model.name: one.views for one in measured},
        unranked=tuple(unranked),
        heats=tuple(heats),
        pick=pick.candidate.name,
        why=why,
        basis=f"{forecast.basis(metric)}{_fewer(measured)}",
        seconds=time.perf_counter() - began,
    )


def _of_writers(splits: Splits, fit: FitOptions, options: ChooseOptions) -> Iterator[Event]:
    """The same for texts to learn a style from: no depths, and no race."""
    began, deadline = _times(options)
    here = [one for one in candidates.local() if one.name != EMBEDDED]  # it reads, and cannot write
    wanted = candidates.named(options.candidates) if options.candidates else here
    if not wanted:
        raise ModelError("No language model is at hand to be compared.", "name some with --candidates.")
    cut = [Unranked(f"{one.name}@{depth}", NO_DEPTHS) for one in wanted for depth in one.depths]
    yield from cut
    chosen = machine.choose(fit.device, fit.precision)
    whole = [one for one in wanted if not one.depths]
    ordered, unranked, read = yield from writers.weighed(whole, splits, fit, chosen, deadline)
    unranked = [*cut, *unranked]
    if not ordered:
        raise _none_compared(unranked)
    for one in ordered:
        yield from _misfit(one.spelling, one.candidate.name)
    pick, why = writers.picked(ordered, options.within)
    yield Ranking(
        metric=writers.METRIC,
        sampled=Sampled(read, sum(map(len, splits.train.texts))),
        forecasts=tuple(ordered),
        views={},
        unranked=tuple(unranked),
        heats=(),
        pick=pick.candidate.name,
        why=why,
        basis=writers.BASIS,
        seconds=time.perf_counter() - began,
    )


def _times(options: ChooseOptions) -> tuple[float, float]:
    """When it began, and until when all must be done."""
    now = time.perf_counter()
    began = now if options.began is None else options.began
    end = began + options.budget
    return began, end - SPARE * max(0.0, end - now)


def _none_compared(unranked: Sequence[Unranked]) -> ModelError:
    reasons = "; ".join(f"{one.name}: {one.why}" for one in unranked)
    return ModelError(f"None of the candidates could be compared ({reasons}).", "name others, or give more --budget.")


def _misfit(spelt: Spelling | None, name: str) -> Iterator[Said]:
    """The warning that a vocabulary or a model does not fit the texts."""
    found = spelling.misfit(spelt, name)
    if found is not None:
        yield Said(f"{found.severity.capitalize()}: {found.text}")


def only_at_hand(splits: Splits, options: ChooseOptions) -> str:
    """Why there is nothing to choose, in a sentence; "" where there is."""
    if metric_of(splits.train.targets) is None:
        return f"Model: {EMBEDDED}, as models are not compared for {splits.summary.task} (--model names another)."
    here = candidates.named(options.candidates) if options.candidates else candidates.local()
    if len(here) < 2:
        return f"Model: {EMBEDDED}, the only one at hand (--model names another; graft models lists some)."
    return ""


def _commonest(splits: Splits) -> float:
    """The share of train's rows that the commonest class has; 0 for targets that are no classes."""
    targets = splits.train.targets
    return float(np.bincount(targets.values).max() / len(targets)) if isinstance(targets, Codes) else 0.0


def _fewer(measured: Sequence[Measured]) -> str:
    """That not all were scored on as many rows, which is told of the most; "" where they were."""
    fewest = min(measured, key=lambda one: one.rows)
    if fewest.rows == max(one.rows for one in measured):
        return ""
    return f" In the time not all models were scored on as many rows: {fewest.model.name} on {fewest.rows:,} only."


def _sample(splits: Splits, fit: FitOptions, until: float) -> Sample:
    task = task_named(splits.summary.task)
    return Sample(splits.train, splits.classes, _limit(splits, fit), until, task=task)


def _measured(
    wanted: Sequence[candidates.Named], sample: Sample, fit: FitOptions
) -> Generator[Event, None, tuple[list[Measured], list[Unranked]]]:
    """What could be measured in its share of the time, and what could not be."""
    measured: list[Measured] = []
    unranked: list[Unranked] = []
    chosen = machine.choose(fit.device, fit.precision)
    for event in rank(wanted, sample, chosen, Store(), machine.free_memory()):
        if isinstance(event, Measured):
            measured.append(event)
            yield from _misfit(event.spelling, event.model.name)
            continue
        if isinstance(event, Unranked):
            unranked.append(event)
        yield event
    return measured, unranked


def _raced(
    ordered: Sequence[Forecast], pick: Forecast, course: Course, within: float
) -> Generator[Event, None, tuple[list[Heat], tuple[Forecast, str] | None]]:
    """The heats that were run, and what the race says: the pick and why; None where no round was finished."""
    if not can_be(course.judge, len(course.train)):
        return [], None
    if pick is not ordered[0]:
        entrants = contenders(ordered, within)
        heats, found = yield from _heats(trial(entrants, course, within))
        return heats, _nearest(found, entrants, within, course.judge.metric) if found.heats else None
    entrants = finalists(ordered, pick)
    if len(entrants) < 2:
        return [], None
    heats, last = yield from _heats(race(entrants, course))
    if not last:
        return heats, None
    by_name = {one.candidate.name: one for one in entrants}
    enough = [by_name[heat.name] for heat in last if heat.value >= last[0].value - within]
    won = min(enough, key=lambda one: one.costs.minutes) if within else enough[0]
    near = f"the cheapest within {forecast.margin(course.judge.metric, within)} of the best of the last round"
    is_best = won.candidate.name == last[0].name
    return heats, (won, _won(won, last, "the best of the race" if is_best else near, course.judge.metric))


def _heats(racing: Generator[Event, None, Outcome]) -> Generator[Event, None, tuple[list[Heat], Outcome]]:
    """The events of a race; every heat, and how it came out."""
    heats: list[Heat] = []
    while True:
        try:
            event = next(racing)
        except StopIteration as done:
            return heats, done.value
        if isinstance(event, Heat):
            heats.append(event)
        yield event


def _nearest(found: Trial, entrants: Sequence[Forecast], within: float, metric: str) -> tuple[Forecast, str]:
    """The cheapest that came within so much of the best, and why it is advised; where only the best did, the cheapest
    that was not tried, as its forecast is still within so much."""
    by_name = {one.candidate.name: one for one in entrants}
    top = max(heat.value for heat in found.heats)
    enough = [by_name[heat.name] for heat in found.heats if heat.value >= top - within]
    won, near = min(enough, key=lambda one: one.costs.minutes), forecast.margin(metric, within)
    if won is not entrants[0]:
        return won, _won(won, found.heats, f"the cheapest of the race within {near} of its best", metric)
    missed = [by_name[heat.name].expected for heat in found.heats if heat.name != entrants[0].candidate.name]
    if missed and found.open and found.open[0].expected > max(missed):
        reached = ", ".join(f"{heat.name} {metric_value(metric, heat.value)}" for heat in found.heats)
        trained = f"{found.heats[0].rows:,} rows of train"
        expected = f"it is the next cheapest that is expected within {near} of the best"
        return found.open[0], f"{expected}; cheaper ones missed that in the race, trained on {trained} ({reached})"
    best = f"the best of the race, and no cheaper one came within {near} of it"
    return won, _won(won, found.heats, best, metric)


def _won(won: Forecast, last: Sequence[Heat], what: str, metric: str) -> str:
    """Why it is advised after a race, of which it was so."""
    reached = {heat.name: metric_value(metric, heat.value) for heat in last}
    own = reached.pop(won.candidate.name)
    if not reached:
        return f"it was the only one to finish the race, at {own}"
    others = ", ".join(f"{name} {value}" for name, value in reached.items())
    trained = f"{last[0].rows:,} rows of train and judged on {last[0].judged:,} others"
    return f"it was {what}: {own}, trained on {trained} ({others})"


def _limit(splits: Splits, fit: FitOptions) -> int:
    """The tokens that the recipe cuts texts to; widths and tokens, which no recipe's limit depends on, are made up."""
    rows = len(splits.train)
    task = task_named(splits.summary.task)
    return fit.recipe_at(Scale(rows, 30 * rows, len(splits.classes), 6, 384, task=task)).max_tokens


def _efforts(found: Measured, splits: Splits, fit: FitOptions) -> Sequence[Effort]:
    """What the recipe asks of the model kept up to each of its blocks."""
    rows, per_text = len(splits.train), found.pace.tokens_per_text
    task = task_named(splits.summary.task)
    efforts = []
    for depth in range(1, found.model.blocks + 1):
        shape = len(splits.classes), depth, found.model.width
        scale = Scale(rows, round(rows * per_text), *shape, task=task)
        efforts.append(Effort.of(fit.recipe_at(scale), rows, per_text))
    return efforts
