"""Metrics of numbers equal scipy's and scikit-learn's, on any numbers and on any draw of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from graft.tasks.regression_metrics import METRICS, AnsweredNumbers, line, metrics


def made(rows, seed, ties=False):
    random = np.random.default_rng(seed)
    truth = random.normal(3, 2, rows)
    predicted = truth + random.normal(0, 1, rows)
    return (predicted.round(), truth.round()) if ties else (predicted, truth)


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 60), st.integers(0, 2**32), st.booleans())
def test_they_equal_the_references(rows, seed, ties):
    predicted, truth = made(rows, seed, ties)
    found = metrics(predicted[:, None].astype(np.float32), truth)
    predicted = predicted.astype(np.float32).astype(np.float64)
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(truth, predicted))
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(truth, predicted))
    assert found["r2"] == pytest.approx(sk.r2_score(truth, predicted))
    if np.ptp(truth) and np.ptp(predicted):
        assert found["pearson"] == pytest.approx(stats.pearsonr(truth, predicted).statistic)
        assert found["spearman"] == pytest.approx(stats.spearmanr(truth, predicted).statistic)


@pytest.mark.parametrize("ties", [False, True])
def test_a_draw_is_scored_as_the_rows_it_holds(ties):
    predicted, truth = made(40, 3, ties)
    drawn = np.random.default_rng(0).integers(0, 40, (20, 40))
    found = AnsweredNumbers(predicted, truth).score(drawn).metrics
    for turn, rows in enumerate(drawn):
        alone = metrics(predicted[rows], truth[rows])
        assert {name: found[name][turn] for name in METRICS} == pytest.approx(alone)


def test_an_answer_that_never_varies_orders_nothing():
    found = metrics(np.full(5, 0.1), np.arange(5.0))
    assert (found["spearman"], found["pearson"]) == (0.0, 0.0)
    assert metrics(np.array([2.0, 2.0]), np.array([2.0, 2.0]))["r2"] == 1.0
    assert metrics(np.array([2.0, 3.0]), np.array([2.0, 2.0]))["r2"] == 0.0


def test_a_draw_of_one_number_keeps_the_whole_splits_correlation():
    predicted, truth = made(6, 1)
    scorer = AnsweredNumbers(predicted, truth)
    found = scorer.score(np.zeros((1, 6), np.int64)).metrics
    whole = scorer.score().metrics
    assert all(found[name][0] == whole[name][0] for name in ("spearman", "pearson", "r2"))


@pytest.mark.parametrize(
    ("predicted", "truth"), [([np.nan], [1.0]), ([1.0], [np.inf]), ([1.0, 2.0], [1.0]), ([], []), ([[1.0, 2.0]], [1.0])]
)
def test_what_are_no_numbers_are_refused(predicted, truth):
    with pytest.raises(ValueError, match=r"finite|one number per row"):
        metrics(np.array(predicted), np.array(truth))


def test_answers_that_lie_off_are_brought_onto_a_line():
    predicted, truth = made(50, 0)
    factor, moved = line((predicted / 2 - 4)[:, None].astype(np.float32), truth)
    brought = factor * (predicted / 2 - 4) + moved
    slope, shift = np.polyfit(predicted, truth, 1)
    np.testing.assert_allclose(brought, slope * predicted + shift, atol=1e-4)


@pytest.mark.parametrize(
    ("predicted", "truth"),
    [
        (np.arange(50.0), np.arange(50.0)),  # nothing to gain
        (np.arange(9.0) + 5, np.arange(9.0)),  # too few rows to tell
        (np.arange(50.0), -np.arange(50.0)),  # a line that falls would turn the order round
        (np.ones(50), np.arange(50.0)),
        made(50, 1)[::-1],  # only noise, which a line fits by chance
    ],
)
def test_answers_that_a_line_does_not_help_are_left(predicted, truth):
    assert line(predicted, truth) == (1.0, 0.0)
