"""One stage: thaw, step through the epochs, and say what happened.

Every random choice of a step derives from (seed, stage, epoch, step), and which rows cross from what earlier epochs saw
of them too, so that a step can be done again exactly: after a kill, in smaller parts, or to learn which of its texts
was no good.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.batch import parts
from graft.backbone.paths import Feed, Path
from graft.errors import GraftError, NotFinite
from graft.machine import give_back, is_out_of_memory
from graft.records import Progress, Said, Skip, Stage
from graft.train.groups import trains
from graft.train.material import Material
from graft.train.objective import Objective, Plain
from graft.train.sparing import sparing_of
from graft.train.underway import UnderWay, Watch
from graft.train.weights import Adam, Average, FlatWeights

KEPT_ROWS = 64  # of a step that was left out


@dataclass(frozen=True, slots=True)
class Trained:
    """One epoch of training in numbers."""

    loss: float
    tokens: int  # of the rows that crossed
    seconds: float


@dataclass(frozen=True, slots=True)
class Order:
    """An epoch's batches of the rows that cross, the seed of each step, and each row's tokens (1 for a text without
    any); `widths`: what each takes in a batch of its like, which is more for pairs whose texts are read apart."""

    number: int
    batches: list[NDArray[np.int64]]
    seeds: NDArray[np.int64]
    lengths: NDArray[np.int64]
    widths: NDArray[np.int64]


class StageRun:
    """A stage under way: a path from rows to logits, its thawed weights and their optimiser."""

    def __init__(
        self,
        material: Material,
        stage: Stage,
        path: Path,
        weights: FlatWeights,
        objective: Objective,
        seed: tuple[int, int],
        may_skip: bool = False,
    ) -> None:
        self.material = material
        self.objective = objective
        self.stage = stage
        self.path = path
        self.weights = weights
        self._seed = seed
        self._may_skip = may_skip
        rows = len(material.train)
        self.steps_per_epoch = -(-rows // stage.batches.rows)
        self.adam = Adam(weights, stage.optimiser, self.steps_per_epoch * stage.epochs)
        self.average = Average(weights)
        self.under_way = UnderWay(stage.batches.tokens)
        self.sparing = sparing_of(material, stage)
        self.room = ""  # why fewer tokens than that go through the model at once
        self._watch = Watch()
        self._order: Order | None = None  # of the epoch that is under way
        names = set(weights.names)
        for name, parameter in path.module.named_parameters():
            parameter.requires_grad_(name in names)

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, for a checkpoint, once `settle` has run."""
        under_way = self.under_way.state([pool.size for pool in self.path.pools])
        return self.adam.state() | self.average.state() | under_way | self.sparing.state()

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` gave."""
        self.adam.restore(tensors)
        self.average.restore(tensors)
        self.under_way.restore(tensors, self.weights.flat[0].device)
        self.sparing.restore(tensors)

    def epoch(self, number: int, feed: Feed) -> Iterator[Progress | Skip | Said | Trained]:
        """One pass over the train split, or what is left of it; the last value yielded is `Trained`.

        Raises NotFinite when a step's loss or gradient is none, before the weights have moved by it.
        """
        way = self.under_way
        way.began = time.perf_counter()
        order = self._order = self._ordered(number, feed)
        self._thaw()
        tokens = [int(order.lengths[rows].sum()) for rows in order.batches]
        total, done = sum(tokens), sum(tokens[: way.step])
        snapshots = snapshot_steps(len(order.batches), self.stage.snapshots)
        for step in range(way.step, len(order.batches)):
            rows = order.batches[step]
            norm = yield from self._step(order, step, feed)
            way.count(order.lengths[rows], order.widths[rows])
            if self.stage.average and way.step in snapshots:
                self.average.add()
            yield from self._judge(self._watch.see(step, norm), order, feed)
            done += tokens[step]
            yield Progress(f"{self.stage.name} {number}", done, total)
        yield from self._judge(self._watch.last(), order, feed)
        self.weights.publish()
        if not way.losses:  # every one of them was left out
            last = order.batches[-1].tolist()
            raise NotFinite(self.stage.name, last, of=len(last), skipping=self._may_skip)
        loss = float(torch.stack(list(way.losses.values())).mean())
        trained = Trained(loss, way.crossed, way.elapsed)
        way.finish()
        self.sparing.turn()
        yield trained

    def _ordered(self, number: int, feed: Feed) -> Order:
        rng = np.random.default_rng((*self._seed, number))
        lengths, widths = np.maximum(feed.lengths, 1), np.maximum(feed.widths(self.path.apart), 1)
        for place, pool in enumerate(self.path.pools):
            pool.refill(int(rng.integers(2**62)), self.under_way.pools[place] if self.under_way.pools else 0)
        batches = self.sparing.batches(widths, self.stage.batches, rng, self.objective)
        return Order(number, batches, rng.integers(2**62, size=len(batches)), lengths, widths)

    def _thaw(self) -> None:
        """Train mode for the parts that train, eval mode for the frozen ones: a frozen block drops nothing."""
        backbone = self.material.backbone
        for name, module in self.path.module.named_modules():
            module.training = trains(name, backbone, self.stage)

    def _step(self, order: Order, step: int, feed: Feed) -> Generator[Said, None, Tensor]:
        """One step of the optimiser. Returns the norm of the gradients; where it is not finite, nothing has moved."""
        while True:
            self._seed_step(int(order.seeds[step]))
            try:
                loss = self._gradients(order.batches[step], order.widths, feed)
                break
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
            yield self._smaller(order.batches[step], order.widths)
        self.under_way.losses[step] = loss
        return self.adam.step(loss, self.steps_per_epoch / len(order.batches))

    def _seed_step(self, seed: int) -> None:
        torch.default_generator.manual_seed(seed)  # torch.manual_seed asks every kind of device: 150 µs
        if self.material.machine.device == "cuda":
            torch.cuda.manual_seed(seed)
        for pool in self.path.pools:
            pool.at_step(seed)

    def _gradients(self, rows: NDArray[np.int64], widths: NDArray[np.int64], feed: Feed) -> Tensor:
        """The gradients of the rows' loss, gathered over parts; returns that loss (where rows are spared, its part in
        an estimate of the loss of all rows)."""
        weight = self.objective.weight(rows)
        total = torch.zeros((), device=self.weights.flat[0].device)
        for index, piece in enumerate(parts(rows, widths, self.under_way.budget)):
            loss, told = self._losses(feed, piece, weight)
            loss.backward()
            self.weights.gather(first=index == 0)
            total += told.to(total.device)
        return total

    def _losses(self, feed: Feed, rows: NDArray[np.int64], weight: float) -> tuple[Tensor, Tensor]:
        """The loss of rows over their batch's weight: to step by, and to tell."""
        if self.sparing.watches and isinstance(self.objective, Plain):
            return self.sparing.losses(self.objective, self.path, feed, rows, weight)
        loss = self.objective.loss(self.path, feed, rows) / weight
        return loss, loss.detach()

    def _smaller(self, batch: NDArray[np.int64], widths: NDArray[np.int64]) -> Said:
        """Halve what goes through the model at once. Raises GraftError when that was one text already."""
        self.weights.forget()
        gc.collect()
        give_back()
        if self.material.machine.device == "cuda":
            torch.cuda.empty_cache()
        longest = int(widths[batch].max())
        texts = len(parts(batch, widths, self.under_way.budget)[0])
        if texts == 1:
            tokens, what = (longest // 2, "a pair of texts") if self.path.apart else (longest, "one text")
            raise GraftError(
                f"There is not enough memory for a training step in stage {self.stage.name}: "
                f"{what} of {tokens} tokens does not fit.",
                f"cut texts shorter (--max-tokens {max(tokens // 2, 1)}), let fewer blocks train, "
                "or choose a smaller model with --model.",
            )
        self.under_way.budget = longest * (texts // 2)
        return Said(
            f"Memory was short: steps of stage {self.stage.name} are done in parts of {self.under_way.budget:,} tokens "
            "from here on, with the same gradients."
        )

    def settle(self, feed: Feed) -> Iterator[Skip]:
        """Learn of a step that nobody has waited for yet, so that a checkpoint knows of it."""
        if self._order is not None:
            yield from self._judge(self._watch.last(), self._order, feed)

    def _judge(self, step: int | None, order: Order, feed: Feed) -> Iterator[Skip]:
        """What to do about a step that was not finite: go on without it where that was asked for, else stop."""
        if step is None:
            return
        rows = self._culprits(order.batches[step], feed)
        if not self.under_way.leave_out(step) or not self._may_skip:
            raise NotFinite(self.stage.name, rows, of=len(order.batches[step]), skipping=self._may_skip)
        yield Skip(self.stage.name, order.number, step + 1, tuple(rows[:KEPT_ROWS]))

    def _culprits(self, batch: NDArray[np.int64], feed: Feed) -> list[int]:
        """The rows of a batch whose own loss is not finite; all of it where that is true of none."""
        found = []
        for place in range(len(batch)):
            row = batch[place : place + 1]
            if not bool(torch.isfinite(self.objective.loss(self.path, feed, row))):
                found.append(int(row[0]))
        self.weights.forget()
        return found or batch.tolist()


def snapshot_steps(steps: int, snapshots: int) -> frozenset[int]:
    """After how many of an epoch's steps its weights enter the mean: at even distances, the last time at its end."""
    return frozenset(-(-steps * part // snapshots) for part in range(1, snapshots + 1))
