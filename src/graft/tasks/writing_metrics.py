"""Bits per character and perplexity, from what a language model paid for each window of some documents.

Bits per character are what an ideal code by the model needs for the person's text, per character of it (Unicode code
point): the tokens' negative log2-probabilities, and what it takes to restore the characters that the tokenizer loses.
So models with different tokenizers compare. The token that ends a document is not scored.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from graft.data.tokens.prose import Stretches
from graft.data.tokens.tokens import Tokens
from graft.tasks.task import Floats, Ints, Scores

METRICS = ("bits_per_character", "perplexity")
Counts = NDArray[np.float64]  # windows × (nats, tokens, characters, lost bits)


def counted(nats: NDArray[np.float64], tokens: Tokens, asked: Stretches) -> Counts:
    """What scoring windows gave, as one line per window."""
    number = (tokens.lengths - asked.fresh).astype(np.float64)
    return np.stack([nats, number, asked.characters.astype(np.float64), asked.lost_bits], axis=1)


class Scored:
    """Windows that have been scored, for the bootstrap: a draw is of windows."""

    def __init__(self, counts: Counts) -> None:
        if counts.ndim != 2 or counts.shape[1] != 4 or not np.isfinite(counts).all():
            raise ValueError("counts are finite lines of nats, tokens, characters and lost bits")
        self._counts = counts

    def __len__(self) -> int:
        return len(self._counts)

    def score(self, drawn_RB: Ints | None = None) -> Scores:
        sums = self._counts.sum(0)[None] if drawn_RB is None else self._counts[drawn_RB].sum(1)
        return Scores(metrics_of(sums))


def metrics_of(sums_R4: Counts) -> dict[str, Floats]:
    """The metrics of summed lines."""
    nats, tokens, characters, lost = sums_R4.T
    bits = (nats / math.log(2) + lost) / np.maximum(characters, 1)
    return {"bits_per_character": bits, "perplexity": np.exp(np.minimum(nats / np.maximum(tokens, 1), 700.0))}
