"""Text comes in whole characters, as the tokenizer would decode it at once, and ends before a stop string."""

from __future__ import annotations

import itertools

import pytest
import tiny_causal
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from graft.backbone.unfolding import BROKEN, Stopping, Unfolding

TOKENIZERS = {"bytes": tiny_causal.byte_level(), "letters": tiny_causal.words_only()}
TEXTS = ["the bread was good", "naïve café — Ωμέγα 東京 🙂🏽 the end", "  two  spaces\n\nand lines ", "x"]


def unfolded(tokenizer: PreTrainedTokenizerFast, prompt: list[int], ids: list[int]) -> tuple[str, list[str]]:
    unfolding = Unfolding(tokenizer, prompt)
    pieces = [unfolding.add(token) for token in ids]
    return "".join(pieces) + unfolding.rest(), pieces


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("text", TEXTS)
def test_pieces_add_up_to_the_text(kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]
    ids = tokenizer(text).input_ids
    whole = tokenizer.decode(ids, skip_special_tokens=True)
    for place in range(len(ids)):
        found, pieces = unfolded(tokenizer, ids[:place], ids[place:])
        before = tokenizer.decode(ids[:place], skip_special_tokens=True).rstrip(BROKEN)
        assert before + found == whole or BROKEN in tokenizer.decode(ids[:place])
        assert not any(BROKEN in piece for piece in pieces)


def test_half_a_character_is_held_back_and_never_shown() -> None:
    tokenizer = TOKENIZERS["bytes"]
    ids = tokenizer("🙂").input_ids
    assert len(ids) > 1
    found, pieces = unfolded(tokenizer, [], ids)
    assert pieces[:-1] == [""] * (len(ids) - 1)
    assert found == "🙂"
    assert unfolded(tokenizer, [], ids[:-1])[0] == ""


def test_bytes_of_no_character_are_left_out() -> None:
    tokenizer = TOKENIZERS["bytes"]
    half, word = tokenizer("🙂").input_ids[:1], tokenizer(" good").input_ids
    assert unfolded(tokenizer, [], [*half, *word])[0] == " good"


@settings(max_examples=80, deadline=None)
@given(st.text("ab\n", max_size=30), st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=2), st.data())
def test_a_stop_string_ends_the_text_wherever_it_is_cut(text: str, stop: list[str], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    stopping = Stopping(stop)
    bounds = [0, *cuts, len(text)]
    shown = "".join(stopping.add(text[start:end]) for start, end in itertools.pairwise(bounds))
    shown += stopping.rest()
    # a stop string is met in the piece that completes it: the earliest to be complete ends the text
    ends = [(text.find(found) + len(found), text.find(found)) for found in stop if found in text]
    assert stopping.met == bool(ends)
    if not ends:
        assert shown == text
    else:
        assert text.startswith(shown)
        assert shown in {text[:start] for _, start in ends}
