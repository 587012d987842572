"""One stage: thaw, step through the epochs, validate, and say what happened.

Every random choice of an epoch derives from (seed, stage, epoch), so an epoch can be done again exactly.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.batch import parts, shuffled
from graft.backbone.paths import Feed, Path
from graft.errors import RunError
from graft.records import Progress, Stage
from graft.train.groups import trains
from graft.train.material import Material
from graft.train.objective import Objective
from graft.train.weights import Adam, Average, FlatWeights

Seed = tuple[int, int]  # of the run, and the number of the stage
_LOWER = "start a new run (--out) with a lower rate (--lr), or with --precision fp32."


@dataclass(frozen=True, slots=True)
class Trained:
    """One epoch of training in numbers."""

    loss: float
    tokens: int
    padded: int
    steps: int
    seconds: float


class StageRun:
    """A stage under way: a path from rows to logits, its thawed weights and their optimiser."""

    def __init__(
        self, material: Material, stage: Stage, path: Path, weights: FlatWeights, objective: Objective, seed: Seed
    ) -> None:
        self.material = material
        self.objective = objective
        self.stage = stage
        self.path = path
        self.weights = weights
        self._seed = seed
        rows = len(material.train.tokens)
        self.steps_per_epoch = -(-rows // stage.batches.rows)
        self.adam = Adam(weights, stage.optimiser, self.steps_per_epoch * stage.epochs)
        self.average = Average(weights)
        names = set(weights.names)
        for name, parameter in path.module.named_parameters():
            parameter.requires_grad_(name in names)

    def state(self) -> dict[str, Tensor]:
        """Everything that the next epoch depends on, for a checkpoint."""
        return self.adam.state() | self.average.state()

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` gave."""
        self.adam.restore(tensors)
        self.average.restore(tensors)

    def epoch(self, number: int, feed: Feed) -> Iterator[Progress | Trained]:
        """One pass over the train split; the last value yielded is `Trained`."""
        start = time.perf_counter()
        rng = np.random.default_rng((*self._seed, number))
        torch.manual_seed(int(rng.integers(2**62)))
        for pool in self.path.pools:
            pool.refill(int(rng.integers(2**62)))
        self._thaw()
        lengths = np.maximum(feed.tokens.lengths, 1)
        batches = shuffled(lengths, self.stage.batches.rows, rng, self.stage.batches.bucket)
        total, done, padded = int(lengths.sum()), 0, 0
        losses: list[Tensor] = []
        for batch in batches:
            losses.append(self._step(batch, feed, lengths))
            done += int(lengths[batch].sum())
            padded += int(lengths[batch].max()) * len(batch)
            yield Progress(f"{self.stage.name} {number}", done, total)
        self.weights.publish()
        loss = float(torch.stack(losses).mean())
        if not math.isfinite(loss):  # on a device that is not waited for at each step, it is seen here
            raise RunError(f"The loss is not finite in stage {self.stage.name}.", _LOWER)
        yield Trained(loss, total, padded, len(batches), time.perf_counter() - start)

    def _thaw(self) -> None:
        """Train mode for the parts that train, eval mode for the frozen ones: a frozen block drops nothing."""
        backbone = self.material.backbone
        for name, module in self.path.module.named_modules():
            module.training = trains(name, backbone, self.stage)

    def _step(self, batch: NDArray[np.int64], feed: Feed, lengths: NDArray[np.int64]) -> Tensor:
        total = torch.zeros((), device=self.weights.flat[0].device)
        pieces = parts(batch, lengths, self.stage.batches.tokens)
        weight = self.objective.weight(batch)
        for index, piece in enumerate(pieces):
            loss = self.objective.loss(self.path, feed, piece) / weight
            loss.backward()
            self.weights.gather(first=index == 0)
            total += loss.detach()
        norm = self.adam.step()
        if norm.device.type == "cpu" and not torch.isfinite(norm):
            rows = ", ".join(str(row) for row in batch[:8])
            raise RunError(
                f"The loss or a gradient is not finite in stage {self.stage.name} (train rows {rows}, …).",
                _LOWER,
            )
        return total
