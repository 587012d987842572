"""What a head says of windows, as answers of rows: against plain loops over windows and tokens."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch

from graft.backbone.readout import of_rows, of_words
from graft.data.spans import spans_of
from graft.data.tokens.layout import Layout
from graft.data.tokens.longtexts import Limits, Windows, sites, windows
from graft.data.words import words_in
from graft.tasks.names_metrics import unread

TOKENIZER = tiny._wordpiece().backend_tokenizer
TEXTS = [" ".join(tiny.WORDS[:23]), "good", " ".join(tiny.WORDS[30:47]), ""]
ROWS = np.array([2, 0, 1])


def read(limit: int = 10) -> Windows:
    return windows(TEXTS, TOKENIZER, Limits(limit, "windows", 3))[0]


def layout_of(found: Windows, **more: object) -> Layout:
    return Layout(found.bounds, found.tokens.starts, **more)


def logits_for(found: Windows, rows: np.ndarray, outputs: int) -> tuple[torch.Tensor, list[int]]:
    """Random logits_WTC of the rows' windows, and which windows these are."""
    which = [w for row in rows for w in range(found.bounds[row], found.bounds[row + 1])]
    longest = int(found.tokens.lengths[which].max())
    return torch.randn(len(which), longest, outputs, generator=torch.Generator().manual_seed(0)), which


def test_a_row_is_the_mean_of_its_windows():
    found = read()
    logits_WTC, which = logits_for(found, ROWS, 3)
    logits_BC = of_rows(logits_WTC[:, 0], layout_of(found), ROWS)
    owner = np.repeat(np.arange(len(TEXTS)), np.diff(found.bounds))
    for place, row in enumerate(ROWS):
        own = [index for index, window in enumerate(which) if owner[window] == row]
        assert torch.allclose(logits_BC[place], logits_WTC[own, 0].mean(0))


@pytest.mark.parametrize("long", ["windows", "truncate"])
def test_a_word_is_answered_at_its_site_and_a_word_that_was_cut_not_at_all(long):
    found = windows(TEXTS, TOKENIZER, Limits(10, long, 3))[0]
    words = spans_of([words_in(text) for text in TEXTS])
    layout = layout_of(found, words=words.bounds, sites=sites(found, words))
    logits_WTC, which = logits_for(found, ROWS, 3)
    logits_NC = of_words(logits_WTC, layout, ROWS)
    place = 0
    for row in ROWS:
        for word in range(words.bounds[row], words.bounds[row + 1]):
            site = int(layout.sites[word])
            if site < 0:
                assert unread(logits_NC[place : place + 1].numpy()).all()
            else:
                window = int(np.searchsorted(found.tokens.starts, site, side="right")) - 1
                token = site - int(found.tokens.starts[window])
                assert torch.equal(logits_NC[place], logits_WTC[which.index(window), token])
            place += 1
    assert place == len(logits_NC)
    assert (layout.sites >= 0).all() == (long == "windows")


def test_a_layout_is_taken_with_its_windows():
    found, words = read(), spans_of([words_in(text) for text in TEXTS])
    layout = layout_of(found, words=words.bounds, sites=sites(found, words))
    part, taken = layout.take(ROWS), found.take(ROWS)
    again = sites(taken, words.take(ROWS))
    assert np.array_equal(part.sites, again)
    assert np.array_equal(part.starts, taken.tokens.starts)
    assert np.array_equal(part.lengths, layout.lengths[ROWS])
