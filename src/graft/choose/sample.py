"""Which rows of train a ranking looks at: every prefix of one order is a stratified sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graft.data.tokens import Tokens


def stratified_order(strata: NDArray[np.int32], seed: int = 0) -> NDArray[np.int64]:
    """All positions in an order of which every prefix holds each stratum in about its share.

    Within a stratum the order is random. Row i of n within a stratum comes where a share of (i + ½) / n of all rows
    has gone by (systematic sampling, Cochran 1977, chapter 8), so a larger sample holds a smaller one.
    """
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(strata))
    by_stratum = shuffled[np.argsort(strata[shuffled], kind="stable")]
    counts = np.unique(strata, return_counts=True)[1]
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    within = np.arange(len(strata)) - starts
    place = (within + 0.5) / np.repeat(counts, counts)
    return by_stratum[np.argsort(place + 1e-9 * generator.random(len(place)), kind="stable")].astype(np.int64)


def largest(order: NDArray[np.int64], tokens: Tokens, budget: int) -> int:
    """How many rows from the start of `order` hold at most so many tokens together."""
    return int(np.searchsorted(np.cumsum(tokens.lengths[order]), budget, side="right"))
