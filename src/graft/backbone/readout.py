"""What a head's outputs say of rows, words and answers, where a row is read through windows (`data/tokens/layout.py`).

Three kinds of head read them:

- one vector per text: the mean of its windows' logits (as in bagging, each window is an answer to the whole question);
- one vector per token: the one at each word's first token, in the window where that token has the most context;
- one vector per token of a context: each in the window where it has the most context, and one for "no answer".

Shapes: B rows, W windows (of these rows, in order), T tokens of a window with padding, C outputs, N words.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.data.spans import bounds_of, taken
from graft.data.tokens.layout import Layout
from graft.machine import sent
from graft.tasks.names_metrics import UNREAD
from graft.tasks.task import Reads

Ints = NDArray[np.int64]


def said(raw: Tensor, layout: Layout | None, rows: Ints, reads: Reads) -> Tensor:
    """What a head said of token rows (raw_WC), or of every token in them (raw_WTC), as an answer about rows: logits_BC
    of rows, or logits_NC of their words; of answers both, the rows' first: (B + N) × C."""
    if layout is None:
        assert reads == "row", f"a head that reads by {reads} needs a layout"
        return raw
    if reads == "span":  # no answer is said at the first token, as in BERT; of several windows their mean
        return torch.cat((of_rows(raw[:, 0], layout, rows), of_words(raw, layout, rows)))
    return of_rows(raw, layout, rows) if reads == "row" else of_words(raw, layout, rows)


def of_rows(logits_WC: Tensor, layout: Layout, rows: Ints) -> Tensor:
    """logits_BC of rows: the mean over each row's windows."""
    counts = np.diff(layout.bounds)[rows]
    if (counts == 1).all():
        return logits_WC
    row_W = torch.from_numpy(np.repeat(np.arange(len(rows)), counts)).to(logits_WC.device)
    sums_BC = torch.zeros(len(rows), logits_WC.shape[1], dtype=logits_WC.dtype, device=logits_WC.device)
    shares_B1 = torch.from_numpy(counts).to(logits_WC.device, logits_WC.dtype).unsqueeze(1)
    return sums_BC.index_add(0, row_W, logits_WC) / shares_B1


def of_words(logits_WTC: Tensor, layout: Layout, rows: Ints) -> Tensor:
    """logits_NC of the rows' words in order; of a word that no token speaks for every output is UNREAD."""
    assert layout.words is not None, "a head that reads tokens needs words"
    assert layout.sites is not None, "and their sites"
    _, words = taken(layout.words, rows)
    sites_N = layout.sites[words]
    counts = np.diff(layout.words)[rows]
    # the window that holds a flat place, and where it stands among the windows that were read
    window_N = np.searchsorted(layout.starts, np.maximum(sites_N, 0), side="right") - 1
    first_read = np.repeat(bounds_of(np.diff(layout.bounds)[rows])[:-1], counts)
    read_N = window_N - np.repeat(layout.bounds[rows], counts) + first_read
    token_N = sites_N - layout.starts[window_N]
    device = logits_WTC.device
    spoken = sent(torch.from_numpy(sites_N >= 0), device)
    flat_N = sent(torch.from_numpy(np.where(sites_N >= 0, read_N * logits_WTC.shape[1] + token_N, 0)), device)
    logits_NC = logits_WTC.flatten(0, 1)[flat_N]
    return logits_NC.masked_fill(~spoken.unsqueeze(1), UNREAD)
