"""The named recipes of a head that looks for answers in contexts. The head starts from random weights: what it has to
tell of a token, no pooled feature says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from graft.records import Batches, Loss, Optimiser, Recipe, Stage, Stopping

if TYPE_CHECKING:
    from graft.train.scale import Scale

WINDOW = 384  # tokens of question and context, as in the field's own scripts; never more than the model reads
BATCHES = Batches(rows=16)


def fast(scale: Scale) -> Recipe:
    """The default: everything trains, for as many epochs as a budget of tokens buys."""
    epochs = max(2, min(8, round(3_000_000 / max(scale.tokens, 1))))
    everything = Stage("all", "all", epochs, Optimiser(lr=_rate(scale)), BATCHES, Loss(dropout=0.1), average=epochs > 2)
    return _recipe("fast", scale, everything)


def thorough(scale: Scale) -> Recipe:
    """The top third trains from cached states (the head alone, where blocks are shared), then everything, rates
    decaying over layers, until validation stops improving."""
    loss = Loss(dropout=0.1, attention_dropout=0.1)
    top = Stage("top", 0 if scale.shared else max(1, scale.blocks // 3), 2, Optimiser(lr=_rate(scale)), BATCHES, loss)
    slower = Optimiser(lr=_rate(scale), layer_decay=0.9, schedule="cosine")
    return _recipe("thorough", scale, top, Stage("all", "all", 8, slower, BATCHES, loss, Stopping(2)))


def probe(scale: Scale) -> Recipe:
    """The backbone stays frozen: the head is trained above its token states, which are extracted once."""
    return _recipe("probe", scale, Stage("head", 0, 10, Optimiser(lr=2e-3), BATCHES))


def book(scale: Scale) -> Recipe:
    """The textbook's procedure: a new head over the frozen backbone until validation stops improving, the best kept;
    then everything at a small rate with Adam, the best kept."""
    adam = Optimiser(lr=1e-3, weight_decay=0.0, warmup=0.0, schedule="constant", clip=0.0)
    slow = Optimiser(lr=3e-5, weight_decay=0.0, warmup=0.0, schedule="constant", clip=0.0)
    head = Stage("head", 0, 20, adam, BATCHES, stopping=Stopping(3))
    everything = Stage("all", "all", 4, slow, BATCHES, Loss(dropout=0.1, attention_dropout=0.1))
    return _recipe("book", scale, head, everything)


def _rate(scale: Scale) -> float:
    """Half the rows of a step that `scale.lr` is for, so its share by the square root: 1.4e-4 at a width of 384, 3.5e-5
    at 768, where the field's scripts have 3e-5."""
    return float(f"{scale.lr / math.sqrt(2):.1e}")


def _recipe(name: str, scale: Scale, *stages: Stage) -> Recipe:
    return Recipe(name, stages, start="random", metric=scale.metric, max_tokens=WINDOW)


NAMED: dict[str, Callable[[Scale], Recipe]] = {"fast": fast, "thorough": thorough, "probe": probe, "book": book}
