"""Pairs of texts: read as two columns, joined as the library joins them, or each in a sequence of its own."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from graft.data.read import read
from graft.data.splitting.split import split
from graft.data.tokens.pairs import tokenize_pairs, tokenize_rows
from graft.data.tokens.tokens import tokenize
from graft.errors import DataError

WORDS = st.sampled_from([*tiny.WORDS[:12], "[SEP]", "</s>", "é", "\n"])
TEXT = st.lists(WORDS, max_size=12).map(" ".join)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=6)
LAW = settings(max_examples=30, deadline=None)
TABLE = {
    "sentence1": [f"the soup of table {row} was cold" for row in range(40)],
    "sentence2": [f"cold soup at table {row % 20}" for row in range(40)],
    "label": ["same" if row < 20 else "other" for row in range(40)],
}


@pytest.fixture(scope="module", params=["bert", "roberta"])
def tokenizer(request, tmp_path_factory):
    folder = getattr(tiny, request.param)(tmp_path_factory.mktemp("model") / request.param)
    return AutoTokenizer.from_pretrained(folder)


@LAW
@given(pairs=PAIRS, limit=st.integers(8, 30))
def test_joined_pairs_are_those_of_the_library(tokenizer, pairs, limit):
    tokens, full = tokenize_pairs(pairs, tokenizer.backend_tokenizer, limit, "joined")
    for row, (first, second) in enumerate(pairs):
        theirs = tokenizer(
            [first], [second], truncation="longest_first", max_length=limit, split_special_tokens=True,
            return_token_type_ids=True,
        )  # fmt: skip
        assert tokens.ids[tokens.starts[row] : tokens.starts[row + 1]].tolist() == theirs["input_ids"][0]
        types = (np.arange(tokens.lengths[row]) >= tokens.firsts[row]).astype(int)
        assert types.tolist() == theirs["token_type_ids"][0]
        assert full[row] == len(tokenizer([first], [second], split_special_tokens=True)["input_ids"][0])


@LAW
@given(pairs=PAIRS, limit=st.integers(3, 12))
def test_pairs_apart_are_two_texts(tokenizer, pairs, limit):
    tokens, full = tokenize_pairs(pairs, tokenizer.backend_tokenizer, limit, "apart")
    each, lengths = tokenize([text for pair in pairs for text in pair], tokenizer.backend_tokenizer, limit)
    assert len(tokens) == len(pairs)
    assert tokens.apart.ids.tolist() == each.ids.tolist()
    assert tokens.apart.starts.tolist() == each.starts.tolist()
    assert full.tolist() == [max(pair) for pair in lengths.reshape(-1, 2).tolist()]
    order = np.arange(len(pairs))[::-1].copy()
    taken = tokens.take(order).apart
    flipped = each.take((2 * order[:, None] + [0, 1]).reshape(-1))
    assert taken.ids.tolist() == flipped.ids.tolist()


def test_where_the_second_text_begins_is_part_of_what_a_row_is(tokenizer):
    tokens, _ = tokenize_pairs([("good soup", "rice")] * 2, tokenizer.backend_tokenizer, 20, "joined")
    assert (tokens.digests()[0] == tokens.digests()[1]).all()
    tokens.firsts[1] -= 1
    assert (tokens.digests()[0] != tokens.digests()[1]).any()


def test_columns_of_pairs_are_told_by_their_names():
    dataset = read(TABLE)
    assert (dataset.columns.text, dataset.columns.second, dataset.columns.label) == ("sentence1", "sentence2", "label")
    assert "one side alone: --text sentence1" in dataset.columns.why
    assert list(dataset.parts["train"].inputs)[1] == ("the soup of table 1 was cold", "cold soup at table 1")
    assert read(TABLE, text="sentence2").columns.second == ""


def test_columns_of_pairs_are_named():
    named = {"head": TABLE["sentence1"], "tail": TABLE["sentence2"], "label": TABLE["label"]}
    assert read(named, text=("tail", "head")).columns.second == "head"
    for second, found in (("tial", "did you mean --text-pair tail"), ("head", "cannot be both"), ("label", "both")):
        with pytest.raises(DataError, match=found):
            read(named, text=("head", second), label="label")


def test_every_file_needs_both_columns():
    lacking = {name: values for name, values in TABLE.items() if name != "sentence2"}
    with pytest.raises(DataError, match="no column 'sentence2'"):
        read(TABLE, test=lacking)


def test_pairs_are_the_same_where_both_texts_are(tokenizer):
    twice = {name: values + values[:4] for name, values in TABLE.items()}
    splits = split(read(twice), seed=1)
    seen = [set(rows.inputs) for rows in (splits.train, splits.validation, splits.test)]
    assert sum(map(len, seen)) == 40
    assert set().union(*seen) == set(zip(TABLE["sentence1"], TABLE["sentence2"], strict=True))
    tokens, _ = tokenize_rows(splits.train, tokenizer.backend_tokenizer, 30)
    assert tokens.firsts is not None
