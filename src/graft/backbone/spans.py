"""From start and end logits of a row's tokens to its best answers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.readout import NEVER, Ints
from graft.data.layout import Layout

BEST = 5  # answers kept of each row
LONGEST = 30  # tokens of an answer, as in the scripts that came with BERT
CANDIDATES = 3 * BEST  # looked at before those that are the same in two windows are left out
COLUMNS = 3 * BEST + 1


def best_answers(logits_BL2: Tensor, layout: Layout, rows: Ints) -> NDArray[np.float64]:
    """Each row's best answers: rows × COLUMNS. First the log-probability that there is none (NEVER where rows always
    have one), then three columns per answer, the best first: first character, one past the last, log-probability.

    An answer starts and ends within one window's body and has at most LONGEST tokens; of all that start at a token the
    best is a candidate. Where a row has fewer answers, they are empty and NEVER.
    """
    chars = layout.chars
    assert chars is not None, "a head that reads spans needs its tokens' characters"
    scores_BL2 = torch.log_softmax(logits_BL2.float(), dim=1).cpu()
    found = np.zeros((len(rows), COLUMNS))
    ends_BL, values_BL = _best_ends(scores_BL2, _places(layout, rows, scores_BL2.shape[1]))
    size = min(CANDIDATES, values_BL.shape[1])
    top_BK, starts_BK = values_BL.topk(size, dim=1)
    ends_BK = ends_BL.gather(1, starts_BK)
    firsts = layout.starts[layout.bounds[rows]]
    for row in range(len(rows)):
        found[row, 0] = _silence(scores_BL2[row], layout, int(rows[row]))
        found[row, 1:] = _different(
            chars[firsts[row] + starts_BK[row].numpy(), 0],
            chars[firsts[row] + ends_BK[row].numpy(), 1],
            top_BK[row].numpy(),
        )
    return found


def _places(layout: Layout, rows: Ints, longest: int) -> Tensor:
    """places_BL: each token's place in the body, -1 for others and for padding."""
    assert layout.places is not None
    starts, lengths = layout.starts[layout.bounds[rows]], layout.lengths[rows]
    offsets = np.arange(longest)
    index = np.minimum(starts[:, None] + offsets, len(layout.places) - 1)
    return torch.from_numpy(np.where(offsets < lengths[:, None], layout.places[index], -1).astype(np.int64))


def _best_ends(scores_BL2: Tensor, places_BL: Tensor) -> tuple[Tensor, Tensor]:
    """For each token as a start: the end that is best with it, and the sum of both scores (NEVER × 2 where none is).

    Two tokens lie in one window when their places in the body differ as their places in the row do.
    """
    width = places_BL.shape[1]
    values_BL = torch.full(places_BL.shape, 2 * NEVER)
    ends_BL = torch.arange(width).expand(places_BL.shape).clone()
    for more in range(min(LONGEST, width)):
        here, there = slice(0, width - more), slice(more, width)
        sums = scores_BL2[:, here, 0] + scores_BL2[:, there, 1]
        fits = (places_BL[:, here] >= 0) & (places_BL[:, there] - places_BL[:, here] == more)
        better = fits & (sums > values_BL[:, here])
        values_BL[:, here] = torch.where(better, sums, values_BL[:, here])
        ends_BL[:, here] = torch.where(better, torch.arange(more, width), ends_BL[:, here])
    return ends_BL, values_BL


def _silence(scores_L2: Tensor, layout: Layout, row: int) -> float:
    """The log-probability of no answer, over all windows' first tokens together."""
    if not layout.silent:
        return NEVER
    windows = np.arange(layout.bounds[row], layout.bounds[row + 1])
    firsts = torch.from_numpy(layout.starts[windows] - layout.starts[layout.bounds[row]])
    return float(scores_L2[firsts].logsumexp(0).sum())


def _different(starts: Ints, ends: Ints, scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """The best answers that are no other's stretch of the text, as three columns each."""
    kept = np.tile(np.array([0.0, 0.0, 2 * NEVER]), BEST)
    known: set[tuple[int, int]] = set()
    for start, end, score in zip(starts.tolist(), ends.tolist(), scores.tolist(), strict=True):
        if score <= NEVER or (start, end) in known or len(known) == BEST:
            continue
        kept[3 * len(known) : 3 * len(known) + 3] = start, end, score
        known.add((start, end))
    return kept
