"""The named recipes of every task whose head reads one row: classification, regression and the like; and of the tasks
whose head reads its tokens, which need no others.

Adding a recipe is adding one function to `NAMED`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from graft.records import Batches, Loss, Optimiser, Recipe, Stage, Stopping
from graft.train.scale import Scale

ENOUGH_PAIRS = 5_000  # for one epoch, where numbers are to be told from a cosine that was trained before
KEEP = 0.2  # the least chance of a row to cross in later epochs (how it was chosen: docs/benchmarks.md)


def fast(scale: Scale) -> Recipe:
    """The default: the head starts from a probe, then everything trains for as many epochs as a budget of tokens buys.

    No stage is cut: of the same time, a cut at a third of the blocks reached less. The mean of four snapshots an epoch
    makes three epochs as good as six were by the mean of their ends (both in `docs/benchmarks.md`).
    """
    if scale.task.head.reads != "row":
        return _fast_tokens(scale)
    wanted = 180_000 / max(scale.tokens, 1)
    if scale.rows < 300 * scale.classes:
        wanted *= 2.5  # many classes with few rows each take longer to tell apart
    numbers = scale.task.name == "regression"
    least = 1 if scale.by_embedder and numbers and scale.rows >= ENOUGH_PAIRS else 2
    epochs = max(least, min(6 if scale.rows >= 2000 else 10, round(wanted)))
    rates = Optimiser(lr=scale.lr * (1.5 if scale.batches.rows == 64 else 1.0), head_lr=5 * scale.lr)
    batches = dataclasses.replace(scale.batches, keep=KEEP)
    everything = Stage("all", "all", epochs, rates, batches, Loss(dropout=0.1), average=True, snapshots=4)
    return Recipe("fast", (everything,), metric=scale.metric)


def _fast_tokens(scale: Scale) -> Recipe:
    """`fast` where a head reads tokens: every token teaches, so a few epochs are enough."""
    epochs = max(2, min(10, round(1_000_000 / max(scale.tokens, 1))))
    everything = Stage("all", "all", epochs, Optimiser(lr=scale.lr), Batches(32), Loss(dropout=0.1), average=epochs > 2)
    return Recipe("fast", (everything,), start="random", metric=scale.metric)


def thorough(scale: Scale) -> Recipe:
    """The head starts from a probe, the top third trains from cached states (the head alone, where blocks are shared),
    then everything, rates decaying over layers, until validation stops improving."""
    loss = Loss(dropout=0.1, attention_dropout=0.1)
    top = Stage("top", 0 if scale.shared else max(1, scale.blocks // 3), 2, Optimiser(lr=scale.lr), scale.batches, loss)
    epochs = max(4, min(12, round(1_200_000 / max(scale.tokens, 1))))
    slower = Optimiser(lr=scale.lr, layer_decay=0.9, schedule="cosine")
    everything = Stage("all", "all", epochs, slower, scale.batches, loss, Stopping(4))
    return Recipe("thorough", (top, everything), metric=scale.metric)


def probe(scale: Scale) -> Recipe:
    """The backbone stays frozen: the best linear head over its poolings and depths. An answer in seconds.

    A head that reads tokens is trained above their frozen states.
    """
    if scale.task.head.reads != "row":
        head = Stage("head", 0, 10, Optimiser(lr=2e-3), Batches(32))
        return Recipe("probe", (head,), start="random", metric=scale.metric)
    return Recipe("probe", (Stage("probe", 0, 0),), head="pooled", metric=scale.metric)


def book(scale: Scale) -> Recipe:
    """The textbook's procedure: a new head over the frozen backbone until validation stops improving, the best kept;
    then everything at a small constant rate with Adam, the best kept."""
    dropout = Loss(dropout=0.1, attention_dropout=0.1)
    adam = Optimiser(lr=1e-3, weight_decay=0.0, warmup=0.0, schedule="constant", clip=0.0)
    head = Stage("head", 0, 50, adam, loss=Loss(), stopping=Stopping(3))
    everything = Stage("all", "all", 4, dataclasses.replace(adam, lr=1e-5), Batches(32), loss=dropout)
    return Recipe("book", (head, everything), start="random", metric=scale.metric, max_tokens=512)


NAMED: dict[str, Callable[[Scale], Recipe]] = {"fast": fast, "thorough": thorough, "probe": probe, "book": book}
