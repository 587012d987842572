"""The scores against their published formulas, written out, and against reference values of others' code."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn import datasets
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import KNeighborsClassifier

from graft.choose import score as module
from graft.choose import spectrum
from graft.choose.score import Scores, as_columns, correlation, h_score, log_me, neighbours, probe, scores

# of transformer-ranker 0.2.0's estimators, called on the same arrays (torch 2.13.0)
PEER = {
    "iris": (1.1778424982, -0.1600602075),
    "wine": (0.7660975306, -0.0044593278),
    "digits": (5.8514331186, 0.2702774727),
}


def made(rows: int, width: int, classes: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Features that tell something of their class."""
    generator = torch.Generator().manual_seed(seed)
    codes = torch.arange(rows) % classes
    centres = torch.randn(classes, width, generator=generator)
    return torch.randn(rows, width, generator=generator) + centres[codes] + 1, codes


@pytest.mark.parametrize("name", PEER)
def test_they_agree_with_the_estimators_of_transformer_ranker(name):
    data = getattr(datasets, f"load_{name}")()
    features, codes = torch.tensor(data.data), torch.tensor(data.target)
    assert h_score(features, codes) == pytest.approx(PEER[name][0], rel=1e-5)
    assert log_me(features, codes) == pytest.approx(PEER[name][1], abs=1e-4)


def test_the_h_score_is_its_formula_with_the_covariance_of_ledoit_and_wolf():
    features, codes = made(60, 8, 3)
    X = features.double().numpy()
    shrunk = LedoitWolf().fit(X)
    means = np.stack([X[codes.numpy() == code].mean(0) - X.mean(0) for code in range(3)])
    between = sum(20 * np.outer(mean, mean) for mean in means) / 59
    expected = (1 - shrunk.shrinkage_) * np.trace(np.linalg.inv(shrunk.covariance_) @ between)
    assert h_score(features.double(), codes) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(rows=st.integers(12, 60), width=st.integers(2, 40), classes=st.integers(2, 5), seed=st.integers(0, 9))
def test_scores_do_not_depend_on_the_order_of_rows_nor_on_a_rotation(rows, width, classes, seed):
    features, codes = made(rows, width, classes, seed)
    features = features.double()
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    turned = features @ torch.linalg.qr(torch.randn(width, width, dtype=torch.float64))[0]
    for score in (h_score, log_me):
        value = score(features, codes)
        assert score(features[order], codes[order]) == pytest.approx(value, rel=1e-6)
        assert score(turned, codes) == pytest.approx(value, rel=1e-4, abs=1e-6)
    assert probe(features[order], codes[order]) == probe(features, codes)


def evidence(features: np.ndarray, target: np.ndarray, alpha: float, beta: float) -> float:
    """Equation 2 of You et al. 2021, written out with the whole matrix A."""
    rows, width = features.shape
    A = alpha * np.eye(width) + beta * features.T @ features
    m = beta * np.linalg.solve(A, features.T @ target)
    fit = np.square(features @ m - target).sum()
    terms = rows * math.log(beta) + width * math.log(alpha) - rows * math.log(2 * math.pi)
    return (terms - beta * fit - alpha * m @ m - np.linalg.slogdet(A)[1]) / (2 * rows)


def most_evident(X: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The largest evidence per row, and the penalty α/β that has it."""
    found = minimize(lambda logs: -evidence(X, y, *np.exp(logs)), np.zeros(2), method="Nelder-Mead", tol=1e-9)
    return -found.fun, float(np.exp(found.x[0] - found.x[1]))


SHAPES = pytest.mark.parametrize("shape", [(80, 6), (30, 40)], ids=["more rows", "more features"])


def noisy(shape: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Features and numbers that they tell in part."""
    features, _ = made(*shape, 2)
    noise = torch.randn(len(features), generator=torch.Generator().manual_seed(50))
    return features.double(), (features[:, 0] + 2 * noise).double()


@SHAPES
def test_log_me_is_the_evidence_at_its_maximum(shape):
    features, numbers = noisy(shape)
    assert log_me(features, numbers) == pytest.approx(most_evident(features.numpy(), numbers.numpy())[0], abs=1e-4)


def test_neighbours_are_those_of_sklearn_without_the_row_itself():
    features, codes = made(90, 6, 3)
    X = features.double().numpy() - features.double().numpy().mean(0)
    right = 0
    for row in range(90):
        others = np.arange(90) != row
        known = KNeighborsClassifier(1, metric="cosine").fit(X[others], codes.numpy()[others])
        right += known.predict(X[[row]])[0] == codes[row]
    assert neighbours(features, codes, count=1) == pytest.approx(right / 90)


def test_among_tied_neighbours_the_nearest_is_right():
    half = torch.tensor([0.0, 0.1, 0.25])
    angles = torch.cat([half, half + math.pi])  # so that centring moves nothing
    features = torch.stack([angles.cos(), angles.sin()], 1)
    codes = torch.tensor([0, 0, 1, 2, 2, 3])
    # the two neighbours of the first and second row of each half disagree, and the nearer is right
    assert neighbours(features, codes, count=2) == pytest.approx(4 / 6)


def left_out(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Each row answered by a ridge that was fitted without it."""
    penalty, answers = most_evident(X, y)[1], []
    for row in range(len(X)):
        others = np.arange(len(X)) != row
        A = X[others].T @ X[others] + penalty * np.eye(X.shape[1])
        answers.append(X[row] @ np.linalg.solve(A, X[others].T @ y[others]))
    return np.stack(answers)


@SHAPES
def test_the_probe_is_a_ridge_refitted_without_each_row(shape):
    features, numbers = noisy(shape)
    expected = np.corrcoef(left_out(features.numpy(), numbers.numpy()), numbers.numpy())[0, 1]
    assert probe(features, numbers) == pytest.approx(expected, abs=1e-3)


def test_the_probe_is_asked_about_the_first_rows_and_fitted_on_all(monkeypatch):
    monkeypatch.setattr(module, "ASKED", 20)
    monkeypatch.setattr(spectrum, "ASKED", 20)
    features, codes = made(60, 5, 3, seed=4)
    codes[:20] = codes[:20].clamp_min(1)  # the first class is not among those that are asked about
    columns = as_columns(codes).numpy().T
    answers = np.stack([left_out(features.double().numpy(), column)[:20] for column in columns])
    assert probe(features, codes) == pytest.approx((answers.argmax(0) == codes[:20].numpy()).mean())
    numbers = features[:, 0].double() + codes
    expected = np.corrcoef(left_out(features.double().numpy(), numbers.numpy())[:20], numbers[:20].numpy())[0, 1]
    assert probe(features, numbers) == pytest.approx(expected, abs=1e-3)


def test_the_largest_column_answers_for_classes():
    features, codes = made(60, 5, 3, seed=4)
    columns = as_columns(codes).numpy().T
    answers = np.stack([left_out(features.double().numpy(), column) for column in columns])
    assert probe(features, codes) == pytest.approx((answers.argmax(0) == codes.numpy()).mean())


@pytest.mark.parametrize("shape", [(80, 6), (30, 40)])
def test_all_four_at_once_are_each_alone(shape):
    features, codes = made(*shape, 3)
    each = Scores(*(score(features, codes) for score in (h_score, log_me, neighbours, probe)))
    assert scores(features, codes) == each
    assert scores(features, codes.double()).h_score is None


def test_numbers_are_scored_by_correlation():
    features, _ = made(200, 8, 2)
    numbers = features[:, 0] * 2 + 0.1 * torch.randn(200, generator=torch.Generator().manual_seed(1))
    assert probe(features, numbers) > 0.99
    assert 0.3 < neighbours(features, numbers) < 1
    noise = torch.randn(200, generator=torch.Generator().manual_seed(2))
    assert abs(probe(features, noise)) < 0.3
    assert log_me(features, numbers) > log_me(features, noise)


def test_better_features_score_higher():
    features, codes = made(300, 16, 4)
    blurred = features + 3 * torch.randn(300, 16, generator=torch.Generator().manual_seed(3))
    for score in (h_score, log_me, neighbours, probe):
        assert score(features, codes) > score(blurred, codes)


@pytest.mark.parametrize("score", [h_score, log_me, neighbours, probe])
def test_constant_features_and_classes_of_one_row_are_no_trouble(score):
    features, codes = made(30, 4, 3)
    features[:, 1] = 5.0
    codes[-1] = 9
    assert math.isfinite(score(features, codes))
    assert math.isfinite(score(torch.ones(12, 3), torch.arange(12) % 2))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("width", [8, 40], ids=["more rows", "more features"])
@pytest.mark.parametrize("value", [0.0, 0.3])
def test_states_that_are_all_the_same_score_the_worst_and_warn_of_nothing(width, value):
    features, codes = made(30, width, 3)
    same, telling = scores(torch.full((30, width), value), codes), scores(features, codes)
    assert all(math.isfinite(getattr(same, name)) for name in ("h_score", "log_me", "neighbours", "probe"))
    assert same.log_me < telling.log_me
    assert math.isfinite(scores(torch.full((30, width), value), codes.double()).log_me)


def test_a_constant_correlates_with_nothing():
    assert correlation(torch.ones(5), torch.arange(5.0)) == 0
