"""The next token of each row, drawn from its logits by the row's own stream of random numbers.

A row's draws depend on its own seed alone, so that its text is the same in whatever batch it is written.
Shapes: logits_BV in fp32; candidates are sorted, the likeliest first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from graft.records.writing import Sampling

DRAWN = 256  # random numbers drawn at a time


class Chooser:
    """Draws one token per row at each call. `seeds`: what makes each row's stream its own."""

    def __init__(self, sampling: Sampling, seeds: Sequence[Sequence[int]]) -> None:
        self._sampling = sampling
        self._streams = [_Stream((sampling.seed, *seed)) for seed in seeds]

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only."""
        self._streams = [self._streams[row] for row in rows]

    def __call__(self, logits_BV: Tensor, seen_BV: Tensor | None = None) -> Tensor:
        """ids_B. `seen_BV`: which tokens each row has, for the repetition penalty."""
        if seen_BV is not None and self._sampling.repetition_penalty != 1:
            logits_BV = penalised(logits_BV, seen_BV, self._sampling.repetition_penalty)
        if self._sampling.greedy:
            return logits_BV.argmax(1)
        draws_B1 = torch.tensor([[stream.next()] for stream in self._streams], dtype=torch.float64)
        ids_BC, shares_BC = candidates(logits_BV / self._sampling.temperature, self._sampling)
        reached_BC = shares_BC.double().cumsum(1)
        wanted_B1 = draws_B1.to(reached_BC.device) * reached_BC[:, -1:]
        place_B1 = torch.searchsorted(reached_BC, wanted_B1, right=True)
        place_B1.clamp_(max=reached_BC.shape[1] - 1)
        chosen_B1 = place_B1 if ids_BC is None else ids_BC.gather(1, place_B1)
        return chosen_B1.squeeze(1)


class _Stream:
    """Numbers in [0, 1) from a generator of its own."""

    def __init__(self, seed: Sequence[int]) -> None:
        self._generator = torch.Generator().manual_seed(
            int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
        )
        self._drawn: list[float] = []

    def next(self) -> float:
        if not self._drawn:
            self._drawn = torch.rand(DRAWN, generator=self._generator, dtype=torch.float64).tolist()[::-1]
        return self._drawn.pop()


def penalised(logits_BV: Tensor, seen_BV: Tensor, penalty: float) -> Tensor:
    """Logits of tokens that occurred, moved away from being chosen."""
    moved_BV = torch.where(logits_BV > 0, logits_BV / penalty, logits_BV * penalty)
    return torch.where(seen_BV, moved_BV, logits_BV)


def candidates(logits_BV: Tensor, sampling: Sampling) -> tuple[Tensor | None, Tensor]:
    """(ids_BC, shares_BC) of the tokens that may be drawn; ids None: the whole vocabulary in its order.

    Shares of tokens that are filtered out are 0; those of a row need not add up to 1.
    """
    words = logits_BV.shape[1]
    if sampling.top_p == 1 and sampling.min_p == 0 and not 0 < sampling.top_k < words:
        return None, torch.softmax(logits_BV, 1)
    whole_B1 = torch.logsumexp(logits_BV, 1, keepdim=True)
    if sampling.top_k:
        values_BC, ids_BC = logits_BV.topk(min(words, sampling.top_k), dim=1)
    else:
        values_BC, ids_BC = _ordered(logits_BV, _least(logits_BV, whole_B1, sampling))
    shares_BC = (values_BC - whole_B1).exp()
    if sampling.top_k:
        shares_BC = shares_BC / shares_BC.sum(1, keepdim=True)
    kept_BC = (shares_BC.cumsum(1) - shares_BC < sampling.top_p) & (shares_BC >= sampling.min_p * shares_BC[:, :1])
    kept_BC[:, 0] = True
    return ids_BC, shares_BC * kept_BC


def _least(logits_BV: Tensor, whole_B1: Tensor, sampling: Sampling) -> Tensor:
    """least_B1: logits below which nothing is kept, so that nothing below needs to be put in order.

    All tokens of a share of at most (1 - top_p) / words have at most 1 - top_p together: the others reach top_p without
    them. Half of it leaves room for rounding, as does the factor beside min_p.
    """
    least_B1 = torch.full_like(whole_B1, -torch.inf)
    if sampling.top_p < 1:
        least_B1 = whole_B1 + math.log((1 - sampling.top_p) / (2 * logits_BV.shape[1]))
    if sampling.min_p > 0:
        least_B1 = torch.maximum(least_B1, logits_BV.amax(1, keepdim=True) + math.log(0.999 * sampling.min_p))
    return least_B1


def _ordered(logits_BV: Tensor, least_B1: Tensor) -> tuple[Tensor, Tensor]:
    """(values_BC, ids_BC) of the logits from a row's least one upward, falling; shorter rows end in minus infinity."""
    rows_N, ids_N = (logits_BV >= least_B1).nonzero(as_tuple=True)
    counts_B = rows_N.bincount(minlength=len(logits_BV))
    places_N = torch.arange(len(rows_N), device=rows_N.device) - (counts_B.cumsum(0) - counts_B)[rows_N]
    shape = len(logits_BV), int(counts_B.max())
    values_BC, ids_BC = logits_BV.new_full(shape, -torch.inf), ids_N.new_zeros(shape)
    values_BC[rows_N, places_N] = logits_BV[rows_N, ids_N]
    ids_BC[rows_N, places_N] = ids_N
    values_BC, order_BC = values_BC.sort(1, descending=True)
    return values_BC, ids_BC.gather(1, order_BC)
