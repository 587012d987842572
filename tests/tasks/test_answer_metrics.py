"""Exact match and F1 by SQuAD's published rules, written down a second time here, and the best threshold."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.tasks.answer_metrics import Judged, best_threshold, judged

PIECES = [
    "the",
    "The",
    "a",
    "an",
    "cat",
    "Cat",
    "cats",
    "dog",
    ".",
    ",",
    "cat's",
    "10%",
    "$5",
    "  ",
    "\t",
    "theatre",
    "n't",
    "ε",
    "”",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=5).map(" ".join) | st.text(max_size=8)


def plain(text: str) -> list[str]:
    """Lower case; the 32 ASCII punctuation marks removed; whole words a, an, the removed; split at white space."""
    kept = "".join(letter for letter in text.lower() if letter not in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    return re.sub(r"\b(a|an|the)\b", " ", kept).split()


def overlap(found: str, truth: str) -> float:
    said, there = plain(found), plain(truth)
    left, shared = list(there), 0
    for word in said:
        if word in left:
            left.remove(word)
            shared += 1
    if not shared:
        return 0.0
    precision, recall = shared / len(said), shared / len(there)
    return 2 * precision * recall / (precision + recall)


def first(found: str, references: list[str]) -> tuple[float, float]:
    """Version 1.1: the best over all references."""
    exact = max(float(" ".join(plain(found)) == " ".join(plain(text))) for text in references)
    return exact, max(overlap(found, text) for text in references)


def second(found: str, references: list[str]) -> tuple[float, float]:
    """Version 2.0: references that are empty once normalised do not count; with none left the truth is "", and where
    one side is empty only both being so is right."""
    kept = [text for text in references if plain(text)] or [""]
    exact = max(float(plain(found) == plain(text)) for text in kept)
    f1 = max(
        float(plain(found) == plain(text)) if not plain(found) or not plain(text) else overlap(found, text)
        for text in kept
    )
    return exact, f1


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3))
def test_version_one_is_official(found, references):
    assert judged(found, references, second=False) == pytest.approx(first(found, references))


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_version_two_is_official(found, references):
    assert judged(found, references, second=True) == pytest.approx(second(found, references))


@pytest.mark.parametrize(
    ("found", "references", "expected"),
    [
        ("The Cat!", ["cat"], (1, 1)),
        ("the black cat", ["cat", "a black dog"], (0, 2 / 3)),
        ("", ["cat"], (0, 0)),
        ("dog", ["cat"], (0, 0)),
    ],
)
def test_some_by_hand(found, references, expected):
    assert judged(found, references, second=False) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([0.0, 0.4, 1.0]), st.booleans()), max_size=12))
def test_the_best_threshold_beats_every_other(rows):
    doubt = np.array([row[0] for row in rows], np.float64)
    none = np.array([float(row[2]) for row in rows])
    f1 = np.array([0.0 if row[2] else row[1] for row in rows])
    found = Judged(("",) * len(rows), (f1 == 1).astype(float), f1, none, doubt)
    threshold, value, exact = best_threshold(found)
    if not rows:
        return
    assert np.where(doubt > threshold, none, f1).mean() == pytest.approx(value)
    assert np.where(doubt > threshold, none, found.exact).mean() == pytest.approx(exact)
    for other in (*(doubt - 0.5), *(doubt + 0.5)):
        assert np.where(doubt > other, none, f1).mean() <= value + 1e-9
