"""The race: finalists of a comparison really fine-tuned for short, on part of train, until the time is up.

Successive halving (Jamieson and Talwalkar 2016, "Non-stochastic best arm identification"): in every round each
finalist is trained by the recipe on the same rows and judged on others of train; the better half goes on, to more
rows. Where the cheapest near the best is sought, there is one round, which ends with the first that is near (`trial`).
A generator of `Progress` and `Heat`s. Validation and test stay closed. What the comparison has read of the rows
is found in the cache, so a head's start costs nothing again.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from graft.backbone import heads
from graft.backbone.features import Extractor
from graft.backbone.model import load as load_model
from graft.backbone.models import hub
from graft.backbone.precision import serving
from graft.cache.store import Store
from graft.choose.cost import Effort, seconds
from graft.choose.sample import stratified_order
from graft.data.table import Rows
from graft.data.tokens.pairs import tokenize_rows
from graft.errors import GraftError, NotFinite, first_line
from graft.fit_options import FitOptions
from graft.records import Epoch, Forecast, Heat, MachineRecord, Progress, Recipe, Said
from graft.report import words
from graft.tasks.classification import CLASSIFICATION
from graft.tasks.task import Task
from graft.train.fit import fit
from graft.train.material import Labelled, Material
from graft.train.scale import Scale

FINALISTS = 4
PACES = 0.6, 2.0  # of a round beside what was expected of it, as far as the next one is planned by it
JUDGED, MOST_JUDGED = 0.25, 500  # share of train that judges, and the most rows of it
FEWEST_ROWS = 150  # to train on
MOST_EPOCHS = 3  # of a stage
OVERHEAD = 2.0  # seconds of a fit besides its steps: loading, tokenising, the head's start

FAILURES = (GraftError, MemoryError, RuntimeError, ValueError, TypeError, IndexError, AttributeError, KeyError)

Event: TypeAlias = Progress | Said | Heat


@dataclass(frozen=True, slots=True)
class Judge:
    """What finalists are judged by: a metric of the task that is computed at every epoch."""

    task: Task = CLASSIFICATION
    metric: str = CLASSIFICATION.validation[0]

    @property
    def can(self) -> bool:
        return self.metric in self.task.validation


@dataclass(frozen=True, slots=True)
class Course:
    """What all finalists run on."""

    train: Rows
    classes: tuple[str, ...]
    machine: MachineRecord
    fit: FitOptions
    per_text: dict[str, float]  # tokens, by the model's name
    deadline: float  # time.perf_counter()
    judge: Judge = Judge()

    @property
    def order(self) -> NDArray[np.int64]:
        """All of train, as the comparison reads it: the first rows train, the last ones judge."""
        return stratified_order(self.train.targets.strata())

    @property
    def judged(self) -> int:
        return judging(len(self.train))

    @property
    def most(self) -> int:
        return len(self.train) - self.judged

    @property
    def left(self) -> float:
        return self.deadline - time.perf_counter()

    def scale(self, rows: int, tokens: int, blocks: int, width: int) -> Scale:
        return Scale(rows, tokens, len(self.classes), blocks, width, task=self.judge.task)

    def recipe(self, scale: Scale) -> Recipe:
        """What is asked for, with few epochs: in a short time, more rows tell more than more passes over few."""
        whole = self.fit.recipe_at(scale)
        stages = (dataclasses.replace(stage, epochs=min(stage.epochs, MOST_EPOCHS)) for stage in whole.stages)
        return dataclasses.replace(whole, stages=tuple(stages), pairs="joined")  # as the comparison read them

    def seconds(self, one: Forecast, rows: int) -> float:
        """What training and judging it on so many rows takes, as far as can be said before."""
        per_text = self.per_text[one.candidate.whole]
        kept = one.candidate
        recipe = self.recipe(self.scale(rows, round(rows * per_text), kept.depth, kept.width))
        a_text = one.costs.milliseconds / 1000
        judging = a_text * self.judged * sum(stage.epochs + 1 for stage in recipe.stages)
        return seconds(a_text / per_text, Effort.of(recipe, rows, per_text)) + judging + OVERHEAD


def judging(rows: int) -> int:
    """How many of so many rows of train judge."""
    return min(MOST_JUDGED, int(JUDGED * rows))


def can_be(judge: Judge, rows: int) -> bool:
    """Whether there can be a race over so many rows of train, whatever the time."""
    return judge.can and rows - judging(rows) >= FEWEST_ROWS


def finalists(ordered: Sequence[Forecast], pick: Forecast) -> list[Forecast]:
    """Who may be the best by the intervals, each model's best depth first."""
    near = [one for one in ordered if one.interval[1] >= pick.expected]
    models: dict[str, Forecast] = {}
    for one in near:
        models.setdefault(one.candidate.whole, one)
    firsts = list(models.values())
    return (firsts + [one for one in near if one not in firsts])[:FINALISTS]


def contenders(ordered: Sequence[Forecast], within: float) -> list[Forecast]:
    """The best, and behind it those that cost less and are expected within so much of it, the cheapest first."""
    best = ordered[0]
    near = (one for one in ordered[1:] if one.expected >= best.expected - within)
    cheaper = [one for one in near if one.costs.minutes < best.costs.minutes]
    return [best, *sorted(cheaper, key=lambda one: one.costs.minutes)]


def race(entrants: Sequence[Forecast], course: Course) -> Generator[Event, None, list[Heat]]:
    """Run rounds until one finalist is left or the time is up. Returns the heats of the last round that was finished,
    the best first (none, where not even one could be)."""
    standing = list(entrants)
    last: list[Heat] = []
    number, pace = 0, 1.0
    while len(standing) > 1 and course.most >= FEWEST_ROWS:
        number += 1
        rows = planned(standing, course, pace)
        while not rows and len(standing) > 2:  # fewer finalists rather than no race
            standing.pop()
            rows = planned(standing, course, pace)
        if not rows and number == 1:
            yield _no_time(standing, course)
        if not rows or (last and rows <= last[0].rows):  # the same rows again, or fewer, would tell nothing new
            break
        heats: list[Heat] = []
        for one in standing:
            heat = yield from _heat(one, number, rows, course)
            if heat is not None:
                heats.append(heat)
            if course.left < 0:
                return last
        if not heats:
            break
        last = sorted(heats, key=lambda heat: -heat.value)  # stable: who was expected to be better wins a tie
        by_name = {one.candidate.name: one for one in standing}
        pace = _pace(heats, by_name, course)
        standing = [by_name[heat.name] for heat in last[: max(1, len(standing) // 2)]]
    return last


@dataclass(frozen=True, slots=True)
class Trial:
    """What a race for the cheapest near the best found."""

    heats: tuple[Heat, ...]  # in the order in which they were run; none where there was no time for two
    open: tuple[Forecast, ...]  # those that are cheaper than the best and were not tried, the cheapest first


def trial(entrants: Sequence[Forecast], course: Course, within: float) -> Generator[Event, None, Trial]:
    """One round, the best first and then the cheapest one after the other, until one comes within so much of the best.

    All train on the same rows, as many as there is time for even if none does.
    """
    standing = list(entrants[:FINALISTS])
    rows = affordable(standing, course, course.left)
    while not rows and len(standing) > 2:
        standing.pop()  # the costliest but the best
        rows = affordable(standing, course, course.left)
    if not rows:
        yield _no_time(standing, course)
        return Trial((), tuple(entrants[1:]))
    heats: list[Heat] = []
    tried = 0
    for one in standing:
        heat = yield from _heat(one, 1, rows, course)
        heats += [heat] if heat is not None else []
        tried += heat is not None or course.left >= 0
        if course.left < 0 or (len(heats) > 1 and heats[-1].value >= max(each.value for each in heats) - within):
            break
    told = heats if len(heats) > 1 or course.left >= 0 else []
    return Trial(tuple(told), tuple(entrants[max(1, tried) :]))


def _no_time(standing: Sequence[Forecast], course: Course) -> Said:
    needed = words.duration(sum(course.seconds(one, FEWEST_ROWS) for one in standing))
    left = words.duration(max(0.0, course.left))
    return Said(
        f"There is no race: {len(standing)} finalists would take about {needed} on {FEWEST_ROWS} rows, {left} are left."
    )


def _pace(heats: Sequence[Heat], by_name: Mapping[str, Forecast], course: Course) -> float:
    """How long a round took beside what had been expected of it; within limits, as one round tells only so much."""
    expected = sum(course.seconds(by_name[heat.name], heat.rows) for heat in heats)
    low, high = PACES
    return min(max(sum(heat.seconds for heat in heats) / expected, low), high)


def planned(standing: Sequence[Forecast], course: Course, pace: float = 1.0) -> int:
    """The most rows to train on that all can do in this round's share of the time; 0 where not even few. `pace`: how
    long the last round took, beside what was expected."""
    rounds = math.ceil(math.log2(len(standing)))  # that are still to come
    return affordable(standing, course, course.left / rounds / pace)


def affordable(standing: Sequence[Forecast], course: Course, share: float) -> int:
    """The most rows to train on that all can do in so many seconds; 0 where not even few."""
    low, high = 0, course.most
    while low < high:
        middle = (low + high + 1) // 2
        fits = sum(course.seconds(one, middle) for one in standing) <= share
        low, high = (middle, high) if fits else (low, middle - 1)
    return low if low >= FEWEST_ROWS else 0


def _heat(one: Forecast, number: int, rows: int, course: Course) -> Generator[Event, None, Heat | None]:
    """One finalist trained and judged. None where it failed, which is said, or the time was up."""
    began = time.perf_counter()
    name = one.candidate.name
    expected = max(1, round(course.seconds(one, rows)))
    value: float | None = None
    try:
        for event in _trained(one, rows, course):
            if course.left < 0:
                yield Said(f"The time was up while {name} was raced.")
                return None
            if isinstance(event, Epoch):
                value = max(event.validation[course.judge.metric], -1.0 if value is None else value)
            passed = min(round(time.perf_counter() - began), expected)
            yield Progress(f"round {number}: {name}", passed, expected, "seconds")
    except FAILURES as error:  # one that fails must not take the others with it
        yield Said(f"Out of the race: {name} ({_reason(error)}).")
        return None
    assert value is not None
    heat = Heat(name, number, rows, course.judged, value, time.perf_counter() - began, course.judge.metric)
    yield heat
    return heat


def _reason(error: Exception) -> str:
    match error:
        case NotFinite():
            return "numbers in its training were not finite"
        case GraftError():
            return error.found.rstrip(".")
        case MemoryError():
            return "the memory did not suffice"
    return f"it cannot be trained: {first_line(error)}"


def _trained(one: Forecast, rows: int, course: Course) -> Iterator[object]:
    """The events of a fit on the first rows, validated on the last ones."""
    order = course.order
    train, judged = order[:rows], order[len(order) - course.judged :]
    task = course.judge.task
    backbone = load_model(hub.locate(one.candidate.name), course.classes, head=task.head)
    tokenizer = backbone.tokenizer.backend_tokenizer
    shape = backbone.record.blocks, backbone.record.width
    limit = course.recipe(course.scale(rows, 30 * rows, *shape)).max_tokens
    parts = []
    for chosen in (train, judged):
        rows_of = course.train.take(chosen)
        tokens, _ = tokenize_rows(rows_of, tokenizer, min(limit, backbone.record.max_tokens))
        parts.append((tokens, rows_of.targets))
    targets = task.prepared(parts[0][1], parts[1][1], heads.is_centred(backbone))
    learnt, held = (Labelled(tokens, target) for (tokens, _), target in zip(parts, targets, strict=True))
    machine = serving(backbone, course.machine)
    extractor = Extractor(backbone, machine, Store())
    recipe = course.recipe(course.scale(rows, len(learnt.tokens.ids), *shape))
    yield from fit(Material(backbone, learnt, held, course.classes, machine, extractor, task), recipe)
