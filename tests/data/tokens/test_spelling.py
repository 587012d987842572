"""A tokenizer's cost per word, on tokenizers whose answer is known."""

from __future__ import annotations

import pyarrow as pa
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from graft.data.table import Texts
from graft.data.tokens.spelling import SAMPLE, spell


def column(*texts: str) -> Texts:
    return Texts(pa.chunked_array([pa.array(texts, pa.string())]))


def letters() -> Tokenizer:
    """Each letter of a, b and c is a token; others are unknown; a special token opens each text."""
    codes = {"[UNK]": 0, "[CLS]": 1, "a": 2, "b": 3, "c": 4}
    tokenizer = Tokenizer(models.BPE(codes, [], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A", special_tokens=[("[CLS]", 1)])
    return tokenizer


def test_tokens_are_counted_without_special_ones_beside_the_words() -> None:
    found = spell(column("abc ab", "c", "", "xb"), letters(), 0, ("en",))
    assert (found.words, found.tokens, found.unknown) == (4, 8, 1)
    assert found.tokens_per_word == 2
    assert found.languages == ()
    assert found.trained == ("en",)


def test_many_texts_are_sampled_at_equal_distances() -> None:
    texts = ["a"] * SAMPLE + ["bb"] * SAMPLE * 2
    found = spell(column(*texts), letters(), None)
    assert SAMPLE <= found.words <= 2 * SAMPLE
    assert abs(found.tokens_per_word - 5 / 3) < 0.01
    assert found.unknown == 0


def test_no_texts_cost_nothing() -> None:
    assert spell(column(), letters(), 0).tokens_per_word == 0.0
