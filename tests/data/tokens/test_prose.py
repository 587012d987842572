"""Documents as tokens: characters are counted where tokens end, and what a tokenizer loses is charged."""

from __future__ import annotations

import math

import pytest
import tiny_causal
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.tokens.prose import Edges, read_prose, restoring

BYTES = tiny_causal.byte_level().backend_tokenizer
LETTERS = tiny_causal.words_only().backend_tokenizer


def test_a_document_is_opened_and_closed() -> None:
    found = read_prose(["the bread", ""], BYTES, Edges(start=0, end=0))
    first = found.tokens.ids[found.tokens.starts[0] : found.tokens.starts[1]]
    assert first[0] == first[-1] == 0
    assert found.ends[0] == 0
    assert found.ends[found.tokens.starts[1] - 1] == len("the bread")
    assert found.tokens.ids[found.tokens.starts[1] :].tolist() == [0, 0]
    open_ended = read_prose(["the bread"], BYTES, Edges(start=0, end=0), closed=False)
    assert open_ended.tokens.ids.tolist() == first[:-1].tolist()
    assert read_prose([], BYTES, Edges(0, 0)).tokens.ids.tolist() == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_token_ends_rise_to_the_texts_length_and_bytes_lose_nothing(text: str) -> None:
    found = read_prose([text], BYTES, Edges(start=0, end=None))
    ends = found.ends.tolist()
    assert ends == sorted(ends)
    assert ends[-1] == len(text)
    assert found.lost_bits.tolist() == [0.0]


def test_what_a_tokenizer_loses_is_charged() -> None:
    text = "The bread was Ω good"
    found = read_prose([text], LETTERS, Edges(start=1, end=2, unknown=0))
    assert found.lost.tolist() == [2]  # a capital and a letter that it does not have
    count = len(text)
    choice = -count * (2 / count * math.log2(2 / count) + (1 - 2 / count) * math.log2(1 - 2 / count))
    assert found.lost_bits[0] == pytest.approx(choice + 8 * 3)  # T is one byte, Ω two
    plain = read_prose(["the bread was good"], LETTERS, Edges(start=1, end=2, unknown=0))
    assert plain.lost_bits.tolist() == [0.0]


def test_a_text_that_is_lost_whole_is_spelt() -> None:
    assert restoring("東京", "") == (48.0, 2)
    assert restoring("same", "same") == (0.0, 0)
    assert restoring("a b", "ab")[1] == 1


def test_special_tokens_within_a_text_are_characters() -> None:
    found = read_prose(["a <|endoftext|> b"], BYTES, Edges(start=0, end=0))
    assert found.tokens.ids.tolist().count(0) == 2
