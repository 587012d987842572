"""The fit: a generator of progress, epochs and stage records, which leaves the best weights in the backbone's model.

    extract → head's start → for each stage: thaw, epochs, validation, keep the best → the best of all

Whoever consumes it prints, and may stop it at any time; with checkpoints, a stopped fit goes on where it stood.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from torch import Tensor

from graft.backbone.paths import Feed
from graft.errors import NotFinite
from graft.records import Epoch, HeadRecord, Progress, Recipe, Said, Skip, Skipped, Stage, StageRecord, Trial
from graft.train import feeding, room, start, sweep
from graft.train.checkpoint import Best, Checkpoints, State, Sweep, copied, put
from graft.train.groups import cut_of
from graft.train.material import NOTHING, Extracted, Material, below
from graft.train.objective import Metrics, objective_of
from graft.train.stage import StageRun, Trained

Event = Progress | HeadRecord | Epoch | StageRecord | Extracted | Trial | Skip | Skipped | Said


def fit(material: Material, recipe: Recipe, checkpoints: Checkpoints | None = None) -> Iterator[Event]:
    """Train by the recipe. Yields `Progress` often, one `Extracted` and one `HeadRecord`, an `Epoch` per validation
    and a `StageRecord` per stage.

    With `checkpoints`, goes on from the committed state: the last step that it holds, with all that the next one
    depends on. Ends with the weights that were best on validation in `material.backbone.model`.
    """
    began = time.perf_counter()
    extracted: Extracted | None = None
    for event in start.extract(material, recipe):
        if isinstance(event, Extracted):
            extracted = event
        yield event
    assert extracted is not None
    state = checkpoints.state() if checkpoints else None
    known = state.head if state else None
    made = start.start_head(material, recipe, extracted, known)
    head = known or made  # what a fit that goes on began with, however it would begin now
    yield head
    under_way = _Fit(material, recipe, head, extracted, checkpoints, _Standing(began=began))
    yield from under_way.stages(state)


@dataclass
class _Standing:
    """How a fit stands; the one value of this room that changes."""

    began: float
    best: Best = field(default_factory=Best)
    tensors: dict[str, Tensor] = field(default_factory=dict)  # the best weights, where they differ from the start
    epochs: list[Epoch] = field(default_factory=list)
    stages: list[StageRecord] = field(default_factory=list)
    since_best: int = 0
    sweep: Sweep = field(default_factory=Sweep)
    skipped: Skipped = field(default_factory=Skipped)
    unsaved_best: bool = False

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began


@dataclass(frozen=True)
class _Fit:
    """A fit under way."""

    material: Material
    recipe: Recipe
    head: HeadRecord
    extracted: Extracted
    checkpoints: Checkpoints | None
    standing: _Standing

    def stages(self, state: State | None) -> Iterator[Event]:
        """The stages that are still to do."""
        if state is not None:
            self._restore(state)
            yield from self.standing.epochs
            yield from self.standing.stages
        for index, stage in enumerate(self.recipe.stages):
            if state is None or index >= state.stage:
                yield from self._stage(index, stage, state if state and index == state.stage else None)
        if self.checkpoints is not None:
            self.checkpoints.tidy()
        yield self.standing.skipped

    def _restore(self, state: State) -> None:
        assert self.checkpoints is not None
        standing = self.standing
        standing.tensors = self.checkpoints.load("best")
        put(standing.tensors, self.material.backbone.model)
        if state.best is not None:
            standing.best = state.best
        standing.epochs, standing.stages = list(state.epochs), list(state.stages)
        standing.since_best, standing.sweep, standing.skipped = state.since_best, state.sweep, state.skipped
        standing.began = time.perf_counter() - state.seconds

    def _stage(self, index: int, stage: Stage, state: State | None) -> Iterator[Event]:
        """One stage, from where `state` stands in it."""
        why: list[str] = []
        done, last = (state.epoch, self._last()) if state else (0, {})
        stage, swept = yield from self._swept(index, stage, bool(last))
        with ExitStack() as stack:
            way = feeding.way(self.material, stage, self.head, self._still_true(index), stack)
            run = self._run(self.material, index, stage, way)
            why += [way.why, *swept, *filter(None, [run.room])]
            if last:
                run.restore(last)
            else:
                yield from self._validate(run, way.validation, 0, None)
                self.standing.since_best = 0  # patience counts epochs of this stage
            for number in range(done + 1, stage.epochs + 1):
                trained = yield from self._epoch(run, index, number, way.train)
                with run.average.in_place():
                    yield from self._validate(run, way.validation, number, trained)
                if 0 < stage.stopping.patience <= self.standing.since_best:
                    why.append(f"ended after {number} epochs, {stage.stopping.patience} without a better one")
                    break
                if number < stage.epochs:
                    self._checkpoint(index, number, run)
        put(self.standing.tensors, self.material.backbone.model)
        why += filter(None, [run.sparing.sentence])
        record = self._record(run, way.train.cached is not None, "; ".join(why))
        self.standing.stages.append(record)
        self._checkpoint(index + 1, 0, None)
        yield record

    def _last(self) -> dict[str, Tensor]:
        return self.checkpoints.load("last") if self.checkpoints else {}

    def _epoch(self, run: StageRun, index: int, number: int, feed: Feed) -> Generator[Event, None, Trained]:
        """One epoch, with a checkpoint after a step now and then."""
        trained: Trained | None = None
        for event in run.epoch(number, feed):
            if isinstance(event, Trained):
                trained = event
                continue
            if isinstance(event, Skip):
                self.standing.skipped = self.standing.skipped.and_also(event)
            elif isinstance(event, Progress) and self.checkpoints is not None and self.checkpoints.is_due:
                for skip in run.settle(feed):
                    self.standing.skipped = self.standing.skipped.and_also(skip)
                    yield skip
                self._checkpoint(index, number - 1, run)
            yield event
        assert trained is not None
        return trained

    def _still_true(self, index: int) -> Extracted:
        """What was extracted, less the states above blocks that earlier stages have changed."""
        blocks = self.material.backbone.record.blocks
        earlier = self.recipe.stages[:index]
        return below(self.extracted, min((cut_of(stage, blocks) for stage in earlier), default=blocks))

    def _run(self, material: Material, index: int, stage: Stage, way: feeding.Way) -> StageRun:
        weights = feeding.thawed(material, stage, way.path)
        may_skip = self.recipe.on_nonfinite == "skip"
        objective = objective_of(material, stage, self.recipe.metric)
        run = StageRun(material, stage, way.path, weights, objective, (self.recipe.seed, index), may_skip)
        run.under_way.budget, run.room = room.planned(material, stage, weights)
        return run

    def _swept(self, index: int, stage: Stage, begun: bool) -> Generator[Event, None, tuple[Stage, list[str]]]:
        """The stage at the rate that a short sweep finds best, where the recipe asks for one, and why."""
        if not self.recipe.sweep or index + 1 < len(self.recipe.stages) or stage.unfrozen == 0:
            return stage, []
        if begun:
            return sweep.at_rate(stage, self.standing.sweep.lr or stage.optimiser.lr), [sweep.WHY]
        part = sweep.sample(self.material, self.recipe.seed)
        trials: list[Trial] = []
        for lr in self.recipe.sweep:
            try:
                trials.append((yield from self._try(part, index, sweep.trial_stage(stage, lr))))
            except NotFinite:
                yield Said(f"The rate {lr:g} led to numbers that are not finite; it is out of the sweep.")
                continue
            yield trials[-1]
        if not trials:
            raise NotFinite(stage.name)
        objective = objective_of(part, stage, self.recipe.metric)
        best = max(trials, key=lambda trial: objective.rank(trial.validation))
        self.standing.sweep = Sweep(best.lr, tuple(trials))
        return sweep.at_rate(stage, best.lr), [sweep.WHY]

    def _try(self, part: Material, index: int, stage: Stage) -> Generator[Event, None, Trial]:
        with ExitStack() as stack:
            way = feeding.way(part, stage, self.head, NOTHING, stack)
            run = self._run(part, index, stage, way)
            for event in run.epoch(0, way.train):
                if isinstance(event, Progress):
                    yield dataclasses.replace(event, phase=f"sweep {stage.optimiser.lr:g}")
                elif isinstance(event, Said):
                    yield event
            metrics = yield from _metrics(run, way.validation)
        return Trial(stage.optimiser.lr, metrics)

    def _validate(self, run: StageRun, feed: Feed, number: int, trained: Trained | None) -> Iterator[Event]:
        """Validate after an epoch (or before the first), keep the best, yield the epoch's record."""
        metrics = yield from _metrics(run, feed)
        better = self._keep_if_best(metrics, run, number)
        epoch = Epoch(
            stage=run.stage.name,
            number=number,
            loss=trained.loss if trained else None,
            validation=metrics,
            seconds=self.standing.seconds,
            tokens=trained.tokens if trained else 0,
            tokens_per_second=trained.tokens / trained.seconds if trained else 0.0,
            best=better,
        )
        self.standing.epochs.append(epoch)
        yield epoch

    def _keep_if_best(self, metrics: Metrics, run: StageRun, number: int) -> bool:
        standing = self.standing
        value, _ = run.objective.rank(metrics)
        before = standing.best
        is_better = before.beaten_by(value, number)
        standing.since_best = 0 if value > before.value or (before.untaught and is_better) else standing.since_best + 1
        if not is_better:
            return False
        untaught = self.head.start == "random" and number == 0 and not any(epoch.number for epoch in standing.epochs)
        standing.best = Best(run.stage.name, number, value, untaught)
        standing.tensors = standing.tensors | copied(run.weights.named())
        standing.unsaved_best = True
        return True

    def _checkpoint(self, index: int, number: int, run: StageRun | None) -> None:
        """Commit where the fit stands; within a stage (`run`) only when the last commit is a while ago."""
        standing = self.standing
        if self.checkpoints is None or (run is not None and not self.checkpoints.is_due):
            return
        best = standing.best if standing.best.stage else None
        told = tuple(standing.epochs), tuple(standing.stages), standing.skipped, standing.seconds
        state = State(index, number, best, standing.since_best, standing.sweep, *told, self.head)
        self.checkpoints.save(state, standing.tensors if standing.unsaved_best else None, run.state() if run else None)
        standing.unsaved_best = False

    def _record(self, run: StageRun, cached: bool, why: str) -> StageRecord:
        """What the stage did; epochs from before a resume are counted too."""
        own = [epoch for epoch in self.standing.epochs if epoch.stage == run.stage.name]
        before = [epoch for epoch in self.standing.epochs if epoch.stage != run.stage.name]
        tokens, padded = run.under_way.tokens, run.under_way.padded
        return StageRecord(
            name=run.stage.name,
            unfrozen=run.stage.unfrozen,
            cut=cut_of(run.stage, self.material.backbone.record.blocks),
            cached=cached,
            seconds=own[-1].seconds - (before[-1].seconds if before else 0.0),
            epochs=own[-1].number,
            steps=run.under_way.all_steps,
            padding=1 - tokens / padded if padded else 0.0,
            why=why,
            trials=self.standing.sweep.trials,
        )


def _metrics(run: StageRun, feed: Feed) -> Generator[Event, None, Metrics]:
    metrics: Metrics = {}
    for event in run.objective.validate(run.path, feed):
        if isinstance(event, Progress):
            yield event
        else:
            metrics = event
    return metrics
