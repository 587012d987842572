"""The ways to read one vector per text from a frozen model, each scored.

At every depth: the one token that the family's head reads, the mean over tokens, and the mean over tokens and all
blocks up to there ("layers"). Of a word: its first token, and the mean of that over all blocks up to there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from graft.choose.score import AMONG, QUERIES, scores
from graft.choose.spectrum import ASKED
from graft.records import View

RATE = 4e10  # float64 operations per second that scoring reaches on two cores


def views(pooled: dict[int, Tensor], poolings: Sequence[str]) -> Iterator[tuple[str, int, Tensor]]:
    """(pooling, depth, features_ND) of pooled states (depth → rows × poolings × width), depth by depth."""
    total: Tensor | None = None
    for count, depth in enumerate(sorted(pooled), 1):
        for index, pooling in enumerate(poolings):
            yield pooling, depth, pooled[depth][:, index]
        mean = pooled[depth][:, -1]  # the family's second way, or a word's only one
        total = mean if total is None else total + mean
        if count > 1:
            yield "layers", depth, total / count


def scored(pooled: dict[int, Tensor], poolings: Sequence[str], targets_N: Tensor) -> Iterator[View]:
    """Every view with its scores; `poolings` are the family's."""
    for pooling, depth, features in views(pooled, poolings):
        found = scores(features, targets_N)
        yield View(pooling, depth, found.probe, found.neighbours, found.log_me, found.h_score)


def scoring_seconds(rows: int, width: int, blocks: int) -> float:
    """About how long `scored` takes: two products with the Gram matrix's size, its eigenvectors, the neighbours."""
    products = 2 * (rows + min(rows, ASKED)) * width**2
    near = 2 * min(rows, QUERIES) * min(rows, AMONG) * width
    one = products + 25 * min(rows, width) ** 3 + near
    return 3 * blocks * one / RATE
