"""The search for answers equals trying every stretch, and shares are shares."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.backbone.spans import best, log_shares
from graft.data.spans import bounds_of
from graft.data.tokens.layout import Layout
from graft.tasks.candidates import KEPT, Candidates


def layout_of(counts: list[int], longest: int, blank: frozenset[int] = frozenset()) -> Layout:
    """Rows of so many tokens, each token two characters of its context; the blank ones none."""
    bounds = bounds_of(counts)
    place = np.arange(bounds[-1]) - np.repeat(bounds[:-1], counts)
    chars = np.stack((2 * place, 2 * place + 2), axis=1).astype(np.int32)
    chars[[token for token in blank if token < len(chars)], 1] = chars[[t for t in blank if t < len(chars)], 0]
    rows = np.arange(len(counts) + 1)
    return Layout(rows, bounds, bounds, np.arange(bounds[-1]), chars, longest)


def tried(none, starts, ends, chars, longest):
    """Every stretch with its log-probability, the likeliest first."""
    shares = [np.concatenate(([pair[0]], pair[1])) for pair in ((none[0], starts), (none[1], ends))]
    shares = [part - np.log(np.exp(part).sum()) for part in shares]
    solid = [place for place in range(len(starts)) if chars[place, 1] > chars[place, 0]]
    found = [
        (shares[0][1 + first] + shares[1][1 + last], int(chars[first, 0]), int(chars[last, 1]))
        for first in solid
        for last in solid
        if first <= last < first + longest
    ]
    return shares[0][0] + shares[1][0], sorted(found, reverse=True)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_the_best_stretches_are_found(counts, longest, seed):
    rng = np.random.default_rng(seed)
    rows, tokens = len(counts), sum(counts)
    blank = frozenset(np.flatnonzero(rng.random(tokens) < 0.2).tolist())
    layout = layout_of(counts, longest, blank)
    said = rng.normal(size=(rows + tokens, 2)) * 3
    order = rng.permutation(rows)
    own = np.concatenate([np.arange(layout.words[row], layout.words[row + 1]) for row in order]).astype(int)
    found = Candidates(best(torch.from_numpy(np.concatenate((said[order], said[rows + own]))), layout, order))
    for place, row in enumerate(order):
        part = slice(int(layout.words[row]), int(layout.words[row + 1]))
        none, every = tried(said[row], *said[rows:][part].T, layout.chars[part], longest)
        np.testing.assert_allclose(found.none[place], none, rtol=1e-9, atol=1e-9)
        for kept, (score, start, end) in zip(range(KEPT), every, strict=False):
            np.testing.assert_allclose(found.scores[place, kept], score, rtol=1e-9)
            assert (found.starts[place, kept], found.ends[place, kept]) == (start, end)
        assert not np.isfinite(found.scores[place, len(every) :]).any()


def test_shares_add_up_to_one():
    shares = log_shares(torch.randn(2 + 5, 2, dtype=torch.float64), np.array([5, 0]))
    assert shares.shape == (2, 6, 2)
    torch.testing.assert_close(shares.exp().sum(1), torch.ones(2, 2, dtype=torch.float64))
    assert torch.equal(shares[1, 1:], torch.full((5, 2), -torch.inf, dtype=torch.float64))
