"""Token rows: the model's own tokenizer's ids, with special tokens in a text read as plain characters."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.tokens import longtexts, pairs
from graft.data.tokens import tokens as room
from graft.data.tokens.tokens import Tokens, closing_tokens, measure, merged, shortened, tokenize

SPECIAL = ["[SEP]", "[CLS]", "[PAD]", "[MASK]", "[UNK]", "</s>", "<s>", "<pad>", "<mask>", "<unk>"]
TEXTS = st.lists(
    st.lists(
        st.sampled_from([*tiny.WORDS[:20], *SPECIAL, "é", "“", "x" * 9, "\n", "\x00", "<", "[", "日本"]), max_size=30
    ).map(" ".join)
    | st.text(max_size=30),
    max_size=8,
)
LAW = settings(max_examples=80, deadline=None)


@pytest.fixture(scope="module", params=["bert", "roberta"])
def tokenizer(request, tmp_path_factory):
    from transformers import AutoTokenizer

    folder = getattr(tiny, request.param)(tmp_path_factory.mktemp("model") / request.param)
    return AutoTokenizer.from_pretrained(folder)


def rows_of(tokens):
    return [tokens.ids[start:end].tolist() for start, end in zip(tokens.starts[:-1], tokens.starts[1:], strict=True)]


@LAW
@given(texts=TEXTS, limit=st.integers(3, 40))
def test_ids_are_those_of_the_library(tokenizer, texts, limit):
    tokens, full = tokenize(texts, tokenizer.backend_tokenizer, limit)
    for text, ids, length in zip(texts, rows_of(tokens), full, strict=True):
        whole = tokenizer(text, split_special_tokens=True)["input_ids"]
        cut = tokenizer(text, truncation=True, max_length=limit, split_special_tokens=True)["input_ids"]
        tokenizer.backend_tokenizer.no_truncation()
        assert ids == cut
        assert length == len(whole)
    assert tokens.ids.dtype == np.int32
    assert np.array_equal(tokens.lengths, np.minimum(full, limit))


@LAW
@given(texts=TEXTS)
def test_special_tokens_in_a_text_are_plain_characters(tokenizer, texts):
    inside = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    for ids in rows_of(tokenize(texts, tokenizer.backend_tokenizer, 10_000)[0]):
        assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
        assert not inside & set(ids[1:-1])


@pytest.mark.parametrize("special", SPECIAL)
def test_each_special_token_is_neutralised(tokenizer, special):
    (ids,) = rows_of(tokenize([f"a {special} b"], tokenizer.backend_tokenizer, 64)[0])
    assert not (set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}) & set(ids[1:-1])
    assert len(ids) > 5  # the characters are there


def test_truncation_keeps_the_closing_token(tokenizer):
    (ids,) = rows_of(tokenize(["good bread " * 50], tokenizer.backend_tokenizer, 9)[0])
    assert len(ids) == 9
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    assert closing_tokens(tokenizer.backend_tokenizer) == 1


def test_settings_left_by_others_do_not_matter(tokenizer):
    backend = tokenizer.backend_tokenizer
    backend.enable_truncation(4)
    backend.enable_padding(length=20)
    tokens, full = tokenize(["good bread and cold soup", "a"], backend, 64)
    assert tokens.lengths.tolist() == full.tolist()
    assert full[0] > full[1] == 3


def test_no_texts(tokenizer):
    tokens, full = tokenize([], tokenizer.backend_tokenizer, 9)
    assert (len(tokens), len(tokens.ids), len(full)) == (0, 0, 0)
    assert tokens.starts.tolist() == [0]


def test_chunks_do_not_show(tokenizer, monkeypatch):
    texts = [" ".join(tiny.WORDS[:length]) for length in range(1, 24)]
    whole, full = tokenize(texts, tokenizer.backend_tokenizer, 12)
    monkeypatch.setattr(room, "CHUNK", 5)
    chunked, again = tokenize(iter(texts), tokenizer.backend_tokenizer, 12)
    assert np.array_equal(whole.ids, chunked.ids)
    assert np.array_equal(whole.starts, chunked.starts)
    assert np.array_equal(full, again)


@LAW
@given(texts=TEXTS, first=st.integers(3, 40), second=st.integers(3, 40))
def test_shortening_equals_tokenizing_with_the_smaller_limit(tokenizer, texts, first, second):
    backend = tokenizer.backend_tokenizer
    long, short = max(first, second), min(first, second)
    found = shortened(tokenize(texts, backend, long)[0], short, closing_tokens(backend))
    expected, _ = tokenize(texts, backend, short)
    assert np.array_equal(found.ids, expected.ids)
    assert np.array_equal(found.starts, expected.starts)
    assert found.ids.dtype == np.int32


ROWS = st.lists(st.lists(st.integers(0, 99), max_size=6), min_size=1, max_size=8)


@LAW
@given(rows=ROWS, data=st.data())
def test_take_gives_the_rows_in_the_order_asked_for(rows, data):
    starts = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    tokens = Tokens(np.array([code for row in rows for code in row], np.int32), starts)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=12)), np.int64)
    taken = tokens.take(chosen)
    assert rows_of(taken) == [rows[row] for row in chosen]
    assert len(taken) == len(chosen)
    assert taken.starts.dtype == np.int64


def test_what_a_limit_cuts():
    found = measure(np.array([3, 10, 12, 7]), 8)
    assert (found.limit, found.texts, found.texts_cut, found.tokens, found.tokens_cut, found.longest) == (
        8,
        4,
        2,
        32,
        6,
        12,
    )
    nothing = measure(np.zeros(0, np.int64), 8)
    assert (nothing.texts, nothing.tokens, nothing.longest) == (0, 0, 0)


@LAW
@given(lengths=st.lists(st.lists(st.integers(0, 50), max_size=6), min_size=1, max_size=4), limit=st.integers(1, 50))
def test_splits_measured_apart_sum_up(lengths, limit):
    parts = [measure(np.array(part, np.int64), limit) for part in lengths]
    whole = measure(np.array([length for part in lengths for length in part], np.int64), limit)
    assert merged(parts) == whole


class Watched:
    """A tokenizer that notes how many characters it is given at a time."""

    def __init__(self, tokenizer):
        self.tokenizer, self.given = tokenizer, []

    def __getattr__(self, name):
        return getattr(self.tokenizer, name)

    def encode_batch(self, texts, **settings):
        self.given.append(sum(len("".join(text)) for text in texts))
        return self.tokenizer.encode_batch(texts, **settings)

    def encode_batch_fast(self, texts, **settings):
        self.given.append(sum(map(len, texts)))
        return self.tokenizer.encode_batch_fast(texts, **settings)


@pytest.mark.parametrize("reads", ["texts", "pairs", "windows", "contexts"])
def test_long_texts_are_tokenised_few_at_a_time(tokenizer, monkeypatch, reads):
    for place in (room, pairs, longtexts):
        monkeypatch.setattr(place, "CHARACTERS", 1000)
    texts = [" ".join(tiny.WORDS[:40])] * 30
    watched = Watched(tokenizer.backend_tokenizer)
    if reads == "texts":
        tokenize(texts, watched, 12)
    elif reads == "pairs":
        pairs.tokenize_pairs([("soup", text) for text in texts], watched, 500, "joined")
    elif reads == "windows":
        longtexts.windows(texts, watched, longtexts.Limits(12))
    else:
        longtexts.pair_windows([("soup", text) for text in texts], watched, longtexts.Limits(12))
    assert sum(watched.given) >= sum(map(len, texts))
    assert max(watched.given) <= 1000 + len(texts[0]) + len("soup")
