"""What a head says of windows, as answers of rows: against plain loops over windows and tokens."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch

from graft.backbone.readout import NEVER, of_rows, of_spans, of_words
from graft.backbone.spans import BEST, LONGEST, best_answers
from graft.data.layout import Layout
from graft.data.longtexts import Limits, Windows, sites, windows
from graft.data.spans import spans_of
from graft.data.words import words_in

TOKENIZER = tiny._wordpiece().backend_tokenizer
TEXTS = [" ".join(tiny.WORDS[:23]), "good", " ".join(tiny.WORDS[30:47]), ""]
ROWS = np.array([2, 0, 1])


def read(limit: int = 10, question: bool = False) -> Windows:
    return windows(TEXTS, TOKENIZER, Limits(limit, "windows", 3), ["why"] * len(TEXTS) if question else None)[0]


def layout_of(found: Windows, **more: object) -> Layout:
    return Layout(found.bounds, found.tokens.starts, places=found.places, chars=found.chars, **more)


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
def test_a_word_is_answered_at_its_site_and_a_word_that_was_cut_by_the_first_output(long):
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
                assert logits_NC[place].argmax() == 0
            else:
                window = int(np.searchsorted(found.tokens.starts, site, side="right")) - 1
                token = site - int(found.tokens.starts[window])
                assert torch.equal(logits_NC[place], logits_WTC[which.index(window), token])
            place += 1
    assert place == len(logits_NC)
    assert (layout.sites >= 0).all() == (long == "windows")


def brute_force(found: Windows, logits_WT2: torch.Tensor, which: list[int], row: int, silent: bool) -> list[tuple]:
    """(log-probability, first character, one past the last) of every answer of a row, the best first, and of none."""
    own = [w for w in which if found.bounds[row] <= w < found.bounds[row + 1]]
    scores: dict[tuple[int, int], tuple[float, float]] = {}
    for window in own:
        start = int(found.tokens.starts[window])
        for token in range(int(found.tokens.lengths[window])):
            if found.places[start + token] >= 0 or (silent and token == 0):
                scores[window, token] = tuple(logits_WT2[which.index(window), token].tolist())
    totals = [torch.tensor([score[side] for score in scores.values()]).logsumexp(0).item() for side in (0, 1)]
    answers: dict[tuple[int, int], float] = {}
    none: list[list[float]] = [[], []]
    for (window, token), (start_score, end_score) in scores.items():
        flat = int(found.tokens.starts[window]) + token
        if found.places[flat] < 0:
            none[0].append(start_score - totals[0])
            none[1].append(end_score - totals[1])
            continue
        for last in range(token, token + LONGEST):
            if (window, last) in scores and found.places[flat + last - token] >= 0:
                chars = int(found.chars[flat, 0]), int(found.chars[flat + last - token, 1])
                score = start_score - totals[0] + scores[window, last][1] - totals[1]
                answers[chars] = max(answers.get(chars, -1e9), score)
    listed = sorted(((score, *chars) for chars, score in answers.items()), reverse=True)
    silence = sum(torch.tensor(side).logsumexp(0).item() for side in none) if silent else NEVER
    return [(silence,), *listed]


@pytest.mark.parametrize("silent", [False, True])
def test_the_best_answers_are_those_of_all_pairs_of_tokens(silent):
    found = read(12, question=True)
    layout = layout_of(found, silent=silent)
    logits_WT2, which = logits_for(found, ROWS, 2)
    answers = best_answers(of_spans(logits_WT2, layout, ROWS), layout, ROWS)
    for place, row in enumerate(ROWS):
        none, *listed = brute_force(found, logits_WT2, which, int(row), silent)
        assert answers[place, 0] == pytest.approx(none[0], abs=1e-4)
        score, start, end = listed[0]
        assert answers[place, 1:4].tolist() == pytest.approx([start, end, score], abs=1e-4)
        known = {(start, end): score for score, start, end in listed}
        kept = [answers[place, 3 * n + 1 : 3 * n + 4] for n in range(BEST)]
        real = [(int(start), int(end)) for start, end, score in kept if score > NEVER]
        assert len(set(real)) == len(real) > 0
        for start, end, score in kept[: len(real)]:
            assert score == pytest.approx(known[int(start), int(end)], abs=1e-4)


def test_a_layout_is_taken_with_its_windows():
    found, words = read(), spans_of([words_in(text) for text in TEXTS])
    layout = layout_of(found, words=words.bounds, sites=sites(found, words))
    part, taken = layout.take(ROWS), found.take(ROWS)
    again = sites(taken, words.take(ROWS))
    assert np.array_equal(part.sites, again)
    assert np.array_equal(part.starts, taken.tokens.starts)
    assert np.array_equal(part.lengths, layout.lengths[ROWS])
