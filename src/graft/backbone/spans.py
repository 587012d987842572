"""From token logits to answers: which stretches of a context answer its question best.

A context read through windows is one sequence here: each token is read once, in the window where it has the most
context, and start and end are each one choice over the whole context and "no answer" (the shared normalisation of
Clark and Gardner 2018, section 3.3). So the windows of a question compete, an answer may lie across two of them, and
of one window the numbers are those of the field's usual head (Devlin et al. 2019, section 4.2).

Shapes: B rows; N tokens of their contexts, row after row; T tokens of the longest; K candidates per row.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.data.spans import taken
from graft.data.tokens.layout import Layout
from graft.tasks.candidates import KEPT, of_columns

Ints = NDArray[np.int64]


def log_shares(said: Tensor, counts_B: Ints) -> Tensor:
    """Log-probabilities (B × (1 + T) × 2) of where the answer starts and ends: first "no answer", then each token.

    said: (B + N) × 2, as `readout.said` has it. Places beyond a row's tokens have -inf.
    """
    rows, longest = len(counts_B), int(counts_B.max(initial=0))
    wide = said.dtype if said.dtype == torch.float64 else torch.float32
    row_N = np.repeat(np.arange(rows), counts_B)
    place_N = 1 + np.arange(len(row_N)) - np.repeat(np.cumsum(counts_B) - counts_B, counts_B)
    padded = torch.full((rows, 1 + longest, 2), -torch.inf, dtype=wide, device=said.device)
    index = np.concatenate((np.arange(rows), row_N)), np.concatenate((np.zeros(rows, np.int64), place_N))
    both = tuple(torch.from_numpy(one).to(said.device) for one in index)
    return padded.index_put(both, said.to(wide)).log_softmax(dim=1)


def best(said: Tensor, layout: Layout, rows: Ints) -> NDArray[np.float64]:
    """The best candidates of each row, as `tasks/candidates.py` lays them out: B × columns."""
    assert layout.words is not None
    assert layout.chars is not None, "answers need the characters of tokens"
    counts_B = np.diff(layout.words)[rows]
    first_B = np.cumsum(counts_B) - counts_B
    _, tokens_N = taken(layout.words, rows)
    chars_N2 = layout.chars[tokens_N] if len(tokens_N) else np.zeros((1, 2), np.int32)
    shares = log_shares(said, counts_B)
    blank = torch.from_numpy(_blank(chars_N2, counts_B, first_B)).to(said.device)
    starts_BT, ends_BT = shares[:, 1:].masked_fill(blank.unsqueeze(2), -torch.inf).unbind(2)
    score_BK, start_BK, end_BK = _search(starts_BT, ends_BT, layout.longest)
    known = np.isfinite(score_BK)
    begin_BK, stop_BK = (np.where(known, first_B[:, None] + place, 0) for place in (start_BK, end_BK))
    characters = np.where(known, chars_N2[begin_BK, 0], 0), np.where(known, chars_N2[stop_BK, 1], 0)
    return of_columns(shares[:, 0].sum(1).double().cpu().numpy(), *characters, score_BK)


def _blank(chars_N2: NDArray[np.int32], counts_B: Ints, first_B: Ints) -> NDArray[np.bool_]:
    """B × T: where a token stands for no character, at which no answer begins or ends."""
    longest = int(counts_B.max(initial=0))
    blank = np.zeros((len(counts_B), longest), np.bool_)
    for row, (first, count) in enumerate(zip(first_B.tolist(), counts_B.tolist(), strict=True)):
        part = chars_N2[first : first + count]
        blank[row, :count] = part[:, 1] <= part[:, 0]
    return blank


def _search(starts_BT: Tensor, ends_BT: Tensor, longest: int) -> tuple[NDArray[np.float64], Ints, Ints]:
    """(scores, starts, ends), each B × KEPT, the best first: places of tokens at most `longest` in a row; a score of
    -inf where there are fewer."""
    rows, length = starts_BT.shape
    score = np.full((rows, KEPT), -np.inf)
    start, end = np.zeros((rows, KEPT), np.int64), np.zeros((rows, KEPT), np.int64)
    if not length:
        return score, start, end
    reach = min(longest, length)
    padded = torch.nn.functional.pad(ends_BT, (0, reach - 1), value=-torch.inf)
    both_BTL = starts_BT.unsqueeze(2) + padded.unfold(1, reach, 1)
    found, place = both_BTL.flatten(1).topk(min(KEPT, length * reach), dim=1)
    kept = found.shape[1]
    score[:, :kept] = found.double().cpu().numpy()
    where = place.cpu().numpy()
    start[:, :kept] = where // reach
    end[:, :kept] = where // reach + where % reach
    return score, start, end
