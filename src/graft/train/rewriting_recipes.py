"""The named recipes of an encoder-decoder that learns to rewrite. Its head is its own decoder, which goes on from where
pretraining left it.

The rates are those that small T5 models are commonly tuned to with AdamW (3e-4 to 1e-3), lower for wide models. BART is
commonly tuned to a third of them (`--lr`).
"""

from __future__ import annotations

from collections.abc import Callable

from graft.records import Batches, Loss, Optimiser, Recipe, Stage, Stopping
from graft.train.scale import Scale

LONGEST = 512  # tokens of a source, and of a target
BATCHES = Batches(rows=16)


def fast(scale: Scale) -> Recipe:
    """The default: everything trains, for as many epochs as a budget of tokens buys, until validation stops gaining."""
    everything = Stage("all", "all", _epochs(scale), Optimiser(lr=rate(scale)), BATCHES, Loss(dropout=0.1), Stopping(2))
    return _recipe("fast", scale, everything)


def thorough(scale: Scale) -> Recipe:
    """The decoder over the encoder's cached states, then the top third of the encoder with it, then everything."""
    lr = rate(scale)
    decoder = Stage("decoder", 0, 3, Optimiser(lr=lr), BATCHES, Loss(dropout=0.1))
    top = Stage("top", max(1, scale.blocks // 3), 2, Optimiser(lr=lr), BATCHES, Loss(dropout=0.1))
    slower = Optimiser(lr=lr, layer_decay=0.9, schedule="cosine")
    everything = Stage("all", "all", 2 * _epochs(scale), slower, BATCHES, Loss(dropout=0.1), Stopping(3))
    return _recipe("thorough", scale, decoder, top, everything)


def probe(scale: Scale) -> Recipe:
    """The encoder stays frozen and is read once: the decoder alone trains."""
    decoder = Stage("decoder", 0, _epochs(scale), Optimiser(lr=rate(scale)), BATCHES, Loss(dropout=0.1), Stopping(2))
    return _recipe("probe", scale, decoder)


def book(scale: Scale) -> Recipe:
    """The textbook's procedure: the decoder over the frozen encoder, then everything with Adam at a small constant
    rate."""
    adam = Optimiser(lr=1e-4, weight_decay=0.0, warmup=0.0, schedule="constant", clip=0.0)
    dropout = Loss(dropout=0.1, attention_dropout=0.1)
    decoder = Stage("decoder", 0, 6, adam, BATCHES, dropout, Stopping(2))
    everything = Stage("all", "all", 4, adam, BATCHES, dropout)
    return _recipe("book", scale, decoder, everything)


def rate(scale: Scale) -> float:
    """A peak rate for steps of 16 rows: 1e-3 at 256, 3e-4 at 512 (T5-small), 1.3e-4 at 768 (the base sizes)."""
    return float(f"{min(1e-3, 3e-4 * (512 / scale.width) ** 2):.1e}")


def _epochs(scale: Scale) -> int:
    return max(3, min(20, round(1_000_000 / max(scale.tokens, 1))))


def _recipe(name: str, scale: Scale, *stages: Stage) -> Recipe:
    return Recipe(name, stages, start="random", metric=scale.metric, max_tokens=LONGEST)


NAMED: dict[str, Callable[[Scale], Recipe]] = {"fast": fast, "thorough": thorough, "probe": probe, "book": book}
