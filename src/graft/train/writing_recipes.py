"""The named recipes of a language model that learns a style. There is no head stage: the head is the model's own.

Texts go by windows; a step holds windows in random order, packed into lines without waste.
"""

from __future__ import annotations

from collections.abc import Callable

from graft.records import Batches, Loss, Optimiser, Recipe, Stage, Stopping
from graft.train.scale import Scale

WINDOW = 1024  # tokens; never more than the model reads
BATCHES = Batches(rows=16, bucket=False)


def fast(scale: Scale) -> Recipe:
    """The default: everything trains, for as many epochs as a budget of tokens buys, until held-out text stops
    gaining."""
    epochs = max(2, min(8, round(2_000_000 / max(scale.tokens, 1))))
    settings = Optimiser(lr=scale.lr, warmup=0.05)
    everything = Stage("all", "all", epochs, settings, BATCHES, Loss(dropout=0.1), Stopping(2))
    return _recipe("fast", scale, everything)


def thorough(scale: Scale) -> Recipe:
    """The top half from cached states, then everything, rates decaying over layers, until held-out text stops
    gaining."""
    top = Stage("top", max(1, scale.blocks // 2), 2, Optimiser(lr=scale.lr), BATCHES, Loss(dropout=0.1))
    slower = Optimiser(lr=scale.lr, layer_decay=0.9, schedule="cosine", warmup=0.05)
    everything = Stage("all", "all", 12, slower, BATCHES, Loss(dropout=0.1), Stopping(2))
    return _recipe("thorough", scale, top, everything)


def book(scale: Scale) -> Recipe:
    """The textbook's procedure: everything trains with Adam at a small constant rate, for six epochs."""
    adam = Optimiser(lr=1e-5, weight_decay=0.0, warmup=0.0, schedule="constant", clip=0.0)
    everything = Stage("all", "all", 6, adam, Batches(rows=8, bucket=False), Loss(dropout=0.1, attention_dropout=0.1))
    return _recipe("book", scale, everything)


def _recipe(name: str, scale: Scale, *stages: Stage) -> Recipe:
    return Recipe(name, stages, start="random", metric=scale.metric, max_tokens=WINDOW)


NAMED: dict[str, Callable[[Scale], Recipe]] = {"fast": fast, "thorough": thorough, "book": book}
