"""Answers against the rules of SQuAD's evaluation scripts, written out here as the scripts have them."""

from __future__ import annotations

import re
import string
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.tasks.answers_metrics import best, best_threshold, normalised

answers = st.lists(
    st.sampled_from(["the", "A", "cat", "cat's", "$12", "an", "U.S.", "—", ",", "Café", "1,200"]), max_size=4
)
answer = answers.map(" ".join)


def script_normalize(text: str) -> str:
    """normalize_answer of evaluate-v1.1.py."""

    def remove_articles(text):
        return re.sub(r"\b(a|an|the)\b", " ", text)

    def white_space_fix(text):
        return " ".join(text.split())

    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(text.lower())))


def script_f1_v1(prediction: str, truth: str) -> float:
    said, meant = script_normalize(prediction).split(), script_normalize(truth).split()
    same = sum((Counter(said) & Counter(meant)).values())
    if same == 0:
        return 0
    precision, recall = same / len(said), same / len(meant)
    return 2 * precision * recall / (precision + recall)


def script_f1_v2(truth: str, prediction: str) -> float:
    gold, pred = script_normalize(truth).split() if truth else [], script_normalize(prediction).split()
    if len(gold) == 0 or len(pred) == 0:
        return int(gold == pred)
    return script_f1_v1(prediction, truth)


@given(answer, st.lists(answer, min_size=1, max_size=3))
@settings(max_examples=200)
def test_version_1_scores_are_the_scripts(said, truths):
    em = max(float(script_normalize(said) == script_normalize(truth)) for truth in truths)
    f1 = max(script_f1_v1(said, truth) for truth in truths)
    assert best(said, truths, unanswerable=False) == pytest.approx((em, f1))


@given(answer, st.lists(answer, max_size=3))
@settings(max_examples=200)
def test_version_2_scores_are_the_scripts(said, truths):
    gold = [truth for truth in truths if script_normalize(truth)] or [""]
    em = max(float(script_normalize(said) == script_normalize(truth)) for truth in gold)
    f1 = max(script_f1_v2(truth, said) for truth in gold)
    assert best(said, truths, unanswerable=True) == pytest.approx((em, f1))


def test_normalising():
    assert normalised("The  U.S.'s  cat, a “dog”") == "uss cat “dog”"


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([0.0, 0.5, 1.0]), st.booleans()), min_size=1, max_size=8))
@settings(max_examples=100)
def test_the_threshold_scores_as_well_as_any(rows):
    margins = np.array([float(row[0]) for row in rows])
    answered = np.array([0.0 if row[2] else row[1] for row in rows])
    silent = np.array([float(row[2]) for row in rows])

    def score(threshold: float) -> float:
        return float(np.where(margins > threshold, silent, answered).sum())

    every = [score(threshold) for threshold in [-9.0, *margins, *(margins - 0.5)]]
    assert score(best_threshold(margins, answered, silent)) == pytest.approx(max(every))
