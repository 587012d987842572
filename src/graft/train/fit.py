"""The fit: a generator of progress, epochs and stage records, which leaves the best weights in the backbone's model.

    extract → head's start → for each stage: thaw, epochs, validation, keep the best → the best of all

Whoever consumes it prints, and may stop it at any time; with checkpoints, a stopped fit goes on where it stood.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from graft.backbone.features import Features
from graft.backbone.heads import NativeHeadAlone
from graft.backbone.model import HEAD
from graft.backbone.paths import Feed, HeadPath, ModelPath, Path, predict_logits
from graft.records import Epoch, HeadRecord, Progress, Recipe, Stage, StageRecord
from graft.tasks import classification
from graft.train import start
from graft.train.checkpoint import Best, Checkpoints, State, copied, put
from graft.train.groups import cut_of, groups
from graft.train.material import Extracted, Material
from graft.train.stage import StageRun, Trained
from graft.train.weights import FlatWeights

Event = Progress | HeadRecord | Epoch | StageRecord | Extracted
SAVE_EVERY = 20.0  # seconds between checkpoints within a stage


def fit(material: Material, recipe: Recipe, checkpoints: Checkpoints | None = None) -> Iterator[Event]:
    """Train by the recipe. Yields `Progress` often, one `Extracted` and one `HeadRecord`, an `Epoch` per validation
    and a `StageRecord` per stage.

    With `checkpoints`, goes on from the committed state. Ends with the weights that were best on validation in
    `material.backbone.model`.
    """
    began = time.perf_counter()
    extracted: Extracted | None = None
    for event in start.extract(material, recipe):
        if isinstance(event, Extracted):
            extracted = event
        yield event
    assert extracted is not None
    head = start.start_head(material, recipe, extracted)
    yield head
    under_way = _Fit(material, recipe, head, extracted, checkpoints, _Standing(began=began))
    yield from under_way.stages()


@dataclass
class _Standing:
    """How a fit stands; the one value of this room that changes."""

    began: float
    best: Best = field(default_factory=Best)
    tensors: dict[str, Tensor] = field(default_factory=dict)  # the best weights so far, where they differ from the start
    epochs: list[Epoch] = field(default_factory=list)
    stages: list[StageRecord] = field(default_factory=list)
    since_best: int = 0
    saved: float = 0.0  # when a checkpoint was last committed
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

    def stages(self) -> Iterator[Event]:
        """The stages that are still to do."""
        state = self.checkpoints.state() if self.checkpoints else None
        if state is not None:
            self._restore(state)
            yield from (*self.standing.epochs, *self.standing.stages)
        for index, stage in enumerate(self.recipe.stages):
            if state is None or index >= state.stage:
                yield from self._stage(index, stage, state.epoch if state and index == state.stage else 0)

    def _restore(self, state: State) -> None:
        assert self.checkpoints is not None
        standing = self.standing
        standing.tensors = self.checkpoints.load("best")
        put(standing.tensors, self.material.backbone.model)
        if state.best is not None:
            standing.best = Best(state.best_stage, state.best_epoch, *state.best)
        standing.epochs, standing.stages = list(state.epochs), list(state.stages)
        standing.since_best = state.since_best
        standing.began = time.perf_counter() - state.seconds

    def _stage(self, index: int, stage: Stage, done: int) -> Iterator[Event]:
        """One stage from its epoch `done` on."""
        began = time.perf_counter()
        trained: list[Trained] = []
        with ExitStack() as stack:
            path, train, validation, why = self._path(stage, stack)
            run = StageRun(self.material, stage, path, self._weights(path, stage), (self.recipe.seed, index))
            if done and self.checkpoints is not None:
                run.adam.restore(self.checkpoints.load("last"))
            else:
                self.standing.since_best = 0
                yield from self._validate(run, validation, 0, None)
            for number in range(done + 1, stage.epochs + 1):
                for event in run.epoch(number, train):
                    if isinstance(event, Trained):
                        trained.append(event)
                    else:
                        yield event
                yield from self._validate(run, validation, number, trained[-1])
                if 0 < stage.stopping.patience <= self.standing.since_best:
                    why += f"; ended after {number} epochs, {stage.stopping.patience} without a better one"
                    break
                self._checkpoint(index, number, run if number < stage.epochs else None)
        put(self.standing.tensors, self.material.backbone.model)
        record = _record(stage, self._cut(stage), trained, time.perf_counter() - began, (train.cached is not None, why))
        self.standing.stages.append(record)
        self._checkpoint(index + 1, 0, None)
        yield record

    def _cut(self, stage: Stage) -> int:
        return cut_of(stage, self.material.backbone.record.blocks)

    def _path(self, stage: Stage, stack: ExitStack) -> tuple[Path, Feed, Feed, str]:
        """How the stage goes from rows to logits, its two feeds, and why so."""
        backbone, machine = self.material.backbone, self.material.machine
        train, validation = self.material.train.tokens, self.material.validation.tokens
        alone = self._head_alone()
        if stage.unfrozen == 0 and alone is not None:
            features = [start.head_features(found.pooled, self.head) for found in self._both()]
            why = "the backbone is frozen: the head reads features that were extracted once"
            return HeadPath(backbone, alone), Feed(train, features[0]), Feed(validation, features[1]), why
        path = ModelPath(backbone, machine)
        cut = self._cut(stage)
        cached = [found.boundaries.get(cut) for found in self._both()]
        if cached[0] is None:
            return path, Feed(train), Feed(validation), _why_not_cached(stage, cut)
        stack.enter_context(path.above(cut))
        return path, Feed(train, cached[0]), Feed(validation, cached[1]), f"states after block {cut} were extracted once"

    def _both(self) -> tuple[Features, Features]:
        return self.extracted.train, self.extracted.validation

    def _head_alone(self) -> nn.Module | None:
        backbone = self.material.backbone
        if self.head.kind == "pooled":
            return cast(nn.Module, backbone.model.get_submodule(HEAD))
        return NativeHeadAlone(backbone.model, backbone.family.head) if backbone.family.head else None

    def _weights(self, path: Path, stage: Stage) -> FlatWeights:
        """The stage's thawed weights, their masters taken from the fp32 model."""
        weights = FlatWeights(path.module, groups(self.material.backbone, stage))
        truth = dict(self.material.backbone.model.named_parameters())
        with torch.no_grad():
            for name, master in weights.named().items():
                master.copy_(truth[name])
        return weights

    def _validate(self, run: StageRun, feed: Feed, number: int, trained: Trained | None) -> Iterator[Event]:
        """Validate after an epoch (or before the first), keep the best, yield the epoch's record."""
        logits: NDArray[np.float32] | None = None
        for event in predict_logits(run.path, feed, len(self.material.classes), "validate"):
            if isinstance(event, Progress):
                yield event
            else:
                logits = event
        assert logits is not None
        metrics = classification.validation_metrics(logits, self.material.validation.labels, self.material.classes)
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

    def _keep_if_best(self, metrics: dict[str, float], run: StageRun, number: int) -> bool:
        standing, metric = self.standing, self.recipe.metric
        sign = 1.0 if classification.HIGHER_IS_BETTER[metric] else -1.0
        value, tie = sign * metrics[metric], -metrics["log_loss"]
        if not standing.best.beaten_by(value, tie):
            standing.since_best += 1
            return False
        standing.best = Best(run.stage.name, number, value, tie)
        standing.tensors = standing.tensors | copied(run.weights.named())
        standing.since_best, standing.unsaved_best = 0, True
        return True

    def _checkpoint(self, index: int, number: int, run: StageRun | None) -> None:
        """Commit where the fit stands; within a stage only when the last commit is a while ago."""
        standing = self.standing
        if self.checkpoints is None or (number and (run is None or time.perf_counter() - standing.saved < SAVE_EVERY)):
            return
        count = len(standing.epochs)
        if standing.unsaved_best:
            self.checkpoints.keep_best(standing.tensors, count)
        if run is None:
            self.checkpoints.forget_last()
        else:
            self.checkpoints.keep_last(run.adam.state(), count)
        best = standing.best
        value = (best.value, best.tie) if best.stage else None
        epochs, stages = tuple(standing.epochs), tuple(standing.stages)
        state = State(index, number, best.stage, best.epoch, value, standing.since_best, epochs, stages, standing.seconds, {})
        self.checkpoints.commit(state)
        standing.saved, standing.unsaved_best = time.perf_counter(), False


def _record(stage: Stage, cut: int, trained: list[Trained], seconds: float, feeding: tuple[bool, str]) -> StageRecord:
    tokens, padded = sum(epoch.tokens for epoch in trained), sum(epoch.padded for epoch in trained)
    return StageRecord(
        name=stage.name,
        unfrozen=stage.unfrozen,
        cut=cut,
        cached=feeding[0],
        seconds=seconds,
        epochs=len(trained),
        steps=sum(epoch.steps for epoch in trained),
        padding=1 - tokens / padded if padded else 0.0,
        why=feeding[1],
    )


def _why_not_cached(stage: Stage, cut: int) -> str:
    if cut == 0:
        return "every block trains, so nothing below can be kept"
    if stage.cache == "off":
        return "the recipe asks for no cache"
    if stage.epochs <= 1:
        return "one epoch: recomputing costs no more than keeping"
    return "recomputed: blocks below the cut were trained before, or the states do not fit the cache"
