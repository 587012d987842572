"""Metrics of several labels equal scikit-learn's; thresholds are the best ones."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from graft.tasks import multilabel_metrics as room
from graft.tasks.multilabel_metrics import (
    LABEL_METRICS,
    METRICS,
    AnsweredLabels,
    best_thresholds,
    losses,
    metrics,
    probabilities,
    ranking_precision,
)


def made(rows, labels, seed, ties=False):
    random = np.random.default_rng(seed)
    truth = random.random((rows, labels)) < random.uniform(0.05, 0.6, labels)
    logits = random.normal(0, 1, (rows, labels)) + 1.5 * truth
    return (logits.round() if ties else logits).astype(np.float32), truth


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(2, 6), st.integers(0, 2**32), st.booleans())
def test_they_equal_scikit_learn(rows, labels, seed, ties):
    logits, truth = made(rows, labels, seed, ties)
    limits = np.random.default_rng(seed).uniform(0.2, 0.8, labels)
    found, given_ = metrics(logits, truth, limits), probabilities(logits) >= limits
    assert found["macro_f1"] == pytest.approx(sk.f1_score(truth, given_, average="macro", zero_division=0))
    assert found["micro_f1"] == pytest.approx(sk.f1_score(truth, given_, average="micro", zero_division=0))
    assert found["subset_accuracy"] == pytest.approx(sk.accuracy_score(truth, given_))
    assert found["ranking_precision"] == pytest.approx(sk.label_ranking_average_precision_score(truth, logits))
    shares = probabilities(logits)
    by_label = [sk.log_loss(truth[:, k], shares[:, k], labels=[False, True]) for k in range(labels)]
    assert found["label_loss"] == pytest.approx(np.mean(by_label))
    scores = AnsweredLabels(logits, truth, limits).score().per_name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = sk.precision_recall_fscore_support(truth, given_, zero_division=0)
    for name, values in zip(LABEL_METRICS, wanted[:3], strict=True):
        np.testing.assert_allclose(scores[name][0], values)


@pytest.mark.parametrize("at_once", [1, 700, 1_000_000])
def test_ranking_precision_is_scikit_learns_however_much_is_compared_at_a_time(monkeypatch, at_once):
    logits, truth = made(30, 40, 5, ties=True)
    truth[:3], truth[3:6] = False, True  # none and all
    monkeypatch.setattr(room, "AT_ONCE", at_once)
    each = [sk.label_ranking_average_precision_score(truth[[row]], logits[[row]]) for row in range(30)]
    np.testing.assert_allclose(ranking_precision(logits, truth), each, rtol=1e-14)


def test_a_draw_is_scored_as_the_rows_it_holds():
    logits, truth = made(200, 4, 2)
    limits = np.full(4, 0.4)
    drawn = np.random.default_rng(0).integers(0, 200, (10, 200))
    found = AnsweredLabels(logits, truth, limits).score(drawn).metrics
    for line, rows in enumerate(drawn):
        alone = metrics(logits[rows], truth[rows], limits)
        assert {name: found[name][line] for name in METRICS} == pytest.approx(alone)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(1, 4), st.integers(0, 2**32), st.booleans())
def test_no_threshold_is_better_than_the_best(rows, labels, seed, ties):
    logits, truth = made(rows, labels, seed, ties)
    shares = probabilities(logits)
    limits = best_thresholds(shares, truth)
    assert ((limits > 0) & (limits < 1)).all()
    for k in range(labels):
        reached = sk.f1_score(truth[:, k], shares[:, k] >= limits[k], zero_division=0)
        others = [sk.f1_score(truth[:, k], shares[:, k] >= one, zero_division=0) for one in shares[:, k]]
        assert not truth[:, k].any() or reached == pytest.approx(max(others))


def test_a_label_without_rows_keeps_the_middle():
    limits = best_thresholds(np.array([[0.2, 0.9], [0.3, 0.1]]), np.array([[False, True], [False, False]]))
    assert limits[0] == 0.5
    assert 0.1 < limits[1] < 0.9


def test_losses_of_absurd_logits_are_finite():
    assert losses(np.array([[1e30, -1e30]]), np.array([[False, True]]))[0] == pytest.approx(1e30)


def test_logits_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="rows, labels"):
        AnsweredLabels(np.zeros((2, 3)), np.zeros((2, 2), bool), np.zeros(2))
    with pytest.raises(ValueError, match="not finite"):
        AnsweredLabels(np.full((1, 1), np.nan), np.zeros((1, 1), bool), np.zeros(1))
