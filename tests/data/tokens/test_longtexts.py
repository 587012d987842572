"""Long texts through windows: nothing is lost, every window is whole, and every token knows its place."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.spans import spans_of
from graft.data.tokens.longtexts import Limits, Windows, context, pair_windows, sites, windows
from graft.data.tokens.longtexts import bodies as each_token
from graft.data.words import words_in

TOKENIZERS = {"bert": tiny._wordpiece(), "roberta": tiny._byte_level()}
texts_of = st.lists(st.sampled_from([*tiny.WORDS[:40], "[SEP]", "</s>", "xq", ",", "Bäcker"]), max_size=40).map(
    " ".join
)


def read(kind: str, texts: list[str], limits: Limits) -> Windows:
    return windows(texts, TOKENIZERS[kind].backend_tokenizer, limits)[0]


def bodies(found: Windows, row: int) -> list[np.ndarray]:
    """The places in the body that each window of a text holds."""
    spans = [slice(*found.tokens.starts[w : w + 2]) for w in range(found.bounds[row], found.bounds[row + 1])]
    return [found.places[span][found.places[span] >= 0] for span in spans]


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(texts=st.lists(texts_of, min_size=1, max_size=3), limit=st.integers(6, 30), overlap=st.integers(0, 8))
@settings(max_examples=25, deadline=None)
def test_windows_hold_every_token_and_repeat_the_special_ones(kind, texts, limit, overlap):
    found = read(kind, texts, Limits(limit, "windows", overlap))
    whole = read(kind, texts, Limits(10_000))
    assert len(found) == len(whole) == len(texts)
    assert int(found.tokens.lengths.max()) <= limit
    for row in range(len(texts)):
        covered = np.unique(np.concatenate(bodies(found, row)))
        assert np.array_equal(covered, np.arange(len(bodies(whole, row)[0])))
        one = whole.take(np.array([row]))
        for window in range(found.bounds[row], found.bounds[row + 1]):
            part = slice(*found.tokens.starts[window : window + 2])
            inside = found.places[part] >= 0
            specials = found.tokens.ids[part][~inside]
            assert np.array_equal(specials, one.tokens.ids[one.places < 0])
            at = np.searchsorted(one.places[one.places >= 0], found.places[part][inside])
            assert np.array_equal(found.tokens.ids[part][inside], one.tokens.ids[one.places >= 0][at])
            assert np.array_equal(found.chars[part][inside], one.chars[one.places >= 0][at])


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(text=texts_of, limit=st.integers(8, 30))
@settings(max_examples=25, deadline=None)
def test_a_word_is_read_at_its_first_token_where_it_has_most_context(kind, text, limit):
    words = spans_of([words_in(text)])
    found = read(kind, [text], Limits(limit, "windows", limit // 2))
    whole = read(kind, [text], Limits(10_000))
    chosen, first = sites(found, words), sites(whole, words)
    surrounding = context(found)
    for word, (here, alone) in enumerate(zip(chosen, first, strict=True)):
        assert here >= 0
        assert found.places[here] == whole.places[alone]
        assert surrounding[here] == surrounding[found.places == found.places[here]].max()
        start, end = found.chars[here]
        assert start < words.ends[word]
        assert end > words.starts[word]


def test_truncation_reads_no_word_beyond_the_limit():
    text = "good bad poor fine dull"
    found = read("bert", [text], Limits(4, "truncate"))
    assert len(found.tokens) == 1
    assert (sites(found, spans_of([words_in(text)])) >= 0).tolist() == [True, True, False, False, False]


def test_head_and_tail_keep_a_quarter_and_three_quarters():
    text = " ".join(tiny.WORDS[:30])
    found = read("bert", [text], Limits(10, "head-tail"))
    assert bodies(found, 0)[0].tolist() == [0, 1, 24, 25, 26, 27, 28, 29]


def test_an_empty_text_has_one_window_of_special_tokens():
    for kind in TOKENIZERS:
        found = read(kind, ["", "good"], Limits(8))
        assert found.bounds.tolist() == [0, 1, 2]
        assert found.tokens.lengths[0] == 2


def test_windows_are_taken_by_text():
    texts = [" ".join(tiny.WORDS[:20]), "good", " ".join(tiny.WORDS[20:45])]
    found = read("bert", texts, Limits(8, "windows", 2))
    taken = found.take(np.array([2, 1]))
    again = read("bert", [texts[2], texts[1]], Limits(8, "windows", 2))
    for one, other in ((taken.tokens.ids, again.tokens.ids), (taken.bounds, again.bounds), (taken.chars, again.chars)):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(question=texts_of, second=texts_of, limit=st.integers(12, 40), overlap=st.integers(0, 16))
@settings(max_examples=25, deadline=None)
def test_every_window_of_a_context_begins_with_the_whole_question(kind, question, second, limit, overlap):
    tokenizer = TOKENIZERS[kind].backend_tokenizer
    found, lengths, cut = pair_windows([(question, second)], tokenizer, Limits(limit, "windows", overlap))
    whole, _, _ = pair_windows([(question, second)], tokenizer, Limits(10_000))
    assert int(found.tokens.lengths.max()) <= limit
    assert lengths[0] == len(whole.tokens.ids)
    parts = [slice(*found.tokens.starts[window : window + 2]) for window in range(len(found.tokens))]
    heads = [found.tokens.ids[part][found.places[part] < 0].tolist() for part in parts]
    assert all(head == heads[0] for head in heads)
    if not cut:
        assert heads[0] == whole.tokens.ids[whole.places < 0].tolist()
    bounds, places = each_token(found)
    assert bounds.tolist() == [0, int((whole.places >= 0).sum())]
    assert found.tokens.ids[places].tolist() == whole.tokens.ids[whole.places >= 0].tolist()
    assert found.chars[places].tolist() == whole.chars[whole.places >= 0].tolist()
