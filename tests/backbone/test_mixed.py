"""Answers in two precisions: the labels are the exact ones, and few texts are not."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from graft.backbone.mixed import FEWEST, MixedPath, margins
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.data.tokens.tokens import tokenize

WORDS = ["good", "bad", "soup", "bread", "cold", "warm", "slow", "quick", "waiter", "table", "rice", "tea"]


def texts(count):
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size=rng.integers(1, 12))) for _ in range(count)]


def both(backbone, machine):
    exact = ModelPath(backbone, dataclasses.replace(machine, precision="fp32"))
    quick = ModelPath(backbone, dataclasses.replace(machine, precision="bf16"))
    return exact, quick


def answers(path, tokens):
    classes = 3
    if isinstance(path, MixedPath):
        return list(path.logits(Feed(tokens), classes, ""))[-1]
    return list(predict_logits(path, Feed(tokens), classes, ""))[-1]


def test_every_label_is_that_of_the_exact_model(backbone, machine):
    tokens, _ = tokenize(texts(FEWEST + 300), backbone.tokenizer.backend_tokenizer, 32)
    exact, quick = both(backbone, machine)
    mixed = MixedPath(exact, quick)
    expected, found, rough = answers(exact, tokens), answers(mixed, tokens), answers(quick, tokens)
    assert (found.argmax(1) == expected.argmax(1)).all()
    np.testing.assert_allclose(found, expected, atol=0.2)
    close = margins(rough) <= mixed.tolerance
    assert np.array_equal(found[~close], rough[~close])
    np.testing.assert_allclose(found[close], expected[close], atol=1e-5)
    assert close.mean() < 0.5


def test_few_texts_are_answered_exactly(backbone, machine):
    tokens, _ = tokenize(texts(FEWEST - 1), backbone.tokenizer.backend_tokenizer, 32)
    exact, quick = both(backbone, machine)
    mixed = MixedPath(exact, quick)
    assert np.array_equal(answers(mixed, tokens), answers(exact, tokens))
    assert mixed.tolerance is None


def test_texts_that_bf16_has_no_numbers_for_are_answered_exactly(backbone, machine, monkeypatch):
    tokens, _ = tokenize(texts(FEWEST), backbone.tokenizer.backend_tokenizer, 32)
    exact, quick = both(backbone, machine)
    mixed, expected = MixedPath(exact, quick), answers(exact, tokens)
    plain = ModelPath.logits

    def broken(self, feed, rows):
        return plain(self, feed, rows) * (1.0 if self is exact else torch.nan)

    monkeypatch.setattr(ModelPath, "logits", broken)
    np.testing.assert_allclose(answers(mixed, tokens), expected, atol=1e-5)
    assert mixed.tolerance == 0.0


def test_margins_are_between_the_best_two():
    logits = np.array([[1.0, 4.0, 2.5], [3.0, 3.0, 0.0]], dtype=np.float32)
    assert margins(logits).tolist() == [1.5, 0.0]
    assert np.isinf(margins(np.zeros((2, 1), dtype=np.float32))).all()
