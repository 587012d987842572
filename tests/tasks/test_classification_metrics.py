"""Every number against scikit-learn's, or against a plain loop where scikit-learn has none."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn import metrics as sk

from graft.data.table import Rows, Texts
from graft.data.targets import Codes
from graft.records.metrics import METRICS
from graft.tasks import classification_metrics as task


@st.composite
def scored(draw):
    """Logits, labels and class names; often some classes lack rows or predictions, or ties decide."""
    classes, rows = draw(st.integers(2, 9)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    logits = random.normal(size=(rows, classes)) * draw(st.sampled_from([0.1, 1.0, 4.0]))
    if draw(st.booleans()):
        logits = np.round(logits)
    labels = random.integers(0, draw(st.integers(1, classes)), rows).astype(np.int32)
    return logits.astype(draw(st.sampled_from([np.float32, np.float64]))), labels, [f"c{i}" for i in range(classes)]


@settings(max_examples=150, deadline=None)
@given(scored())
def test_metrics_equal_scikit_learns(case):
    logits, labels, classes = case
    found = task.metrics(logits, labels, classes)
    predicted, codes = logits.argmax(1), list(range(len(classes)))
    options = {"labels": codes, "average": "macro", "zero_division": 0}
    wide = logits.astype(np.float64)
    shares = np.exp(wide) / np.exp(wide).sum(1, keepdims=True)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(labels, predicted))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(labels, predicted, **options))
    assert found["macro_precision"] == pytest.approx(sk.precision_score(labels, predicted, **options))
    assert found["macro_recall"] == pytest.approx(sk.recall_score(labels, predicted, **options))
    assert found["log_loss"] == pytest.approx(sk.log_loss(labels, shares, labels=codes))
    one_kind = len(set(labels) | set(predicted)) == 1  # scikit-learn warns about it; both give 0
    assert found["mcc"] == pytest.approx(0 if one_kind else sk.matthews_corrcoef(labels, predicted))
    assert found["calibration_error"] == pytest.approx(calibration_error(shares, labels))


def calibration_error(shares, labels, bins=15):
    confidence, correct = shares.max(1), shares.argmax(1) == labels
    total = 0.0
    for i in range(bins):
        inside = (confidence >= i / bins) & ((confidence < (i + 1) / bins) | (i == bins - 1))
        if inside.any():
            total += inside.mean() * abs(confidence[inside].mean() - correct[inside].mean())
    return total


@settings(max_examples=50, deadline=None)
@given(scored())
def test_per_class_and_confusion_equal_scikit_learns(case):
    logits, labels, classes = case
    codes = list(range(len(classes)))
    wanted = sk.precision_recall_fscore_support(labels, logits.argmax(1), labels=codes, zero_division=0)
    found = task.per_class(task.outcomes(logits, labels), classes)
    assert [one.name for one in found] == classes
    rows = [(one.precision, one.recall, one.f1, one.support) for one in found]
    np.testing.assert_allclose(np.array(rows).T, np.array(wanted))
    matrix = sk.confusion_matrix(labels, logits.argmax(1), labels=codes)
    np.testing.assert_array_equal(task.confusion(task.outcomes(logits, labels)), matrix)


@pytest.mark.parametrize("at_once", [1, 40])
def test_outcomes_do_not_depend_on_how_many_logits_are_looked_at_together(monkeypatch, at_once):
    random = np.random.default_rng(2)
    logits, labels = random.normal(size=(37, 9)).astype(np.float32), random.integers(0, 9, 37)
    whole = task.outcomes(logits, labels)
    monkeypatch.setattr(task, "AT_ONCE", at_once)
    parts = task.outcomes(logits, labels)
    for name in ("truth", "predicted", "confidence", "loss"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


@pytest.mark.parametrize("at_once", [1, 40, 1_000_000])
def test_probabilities_are_the_softmax_of_each_row(monkeypatch, at_once):
    logits = np.random.default_rng(3).normal(0, 400, (37, 9)).astype(np.float32)
    monkeypatch.setattr(task, "AT_ONCE", at_once)
    found = list(task.probabilities(logits))
    np.testing.assert_allclose(found, softmax(logits.astype(np.float64), axis=1))
    assert list(task.probabilities(logits[:0])) == []


@settings(max_examples=50, deadline=None)
@given(scored(), st.floats(-1e6, 1e6))
def test_a_constant_added_to_a_rows_logits_changes_nothing(case, constant):
    logits, labels, classes = case
    logits = np.round(logits.astype(np.float64) * 8) / 8
    shifted = task.metrics(logits + np.round(constant), labels, classes)
    assert shifted == pytest.approx(task.metrics(logits, labels, classes), abs=1e-9)


def test_validation_metrics_are_a_part_of_all_metrics():
    logits, labels = np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 0.5]]), np.array([0, 1, 1])
    found = task.metrics(logits, labels, ["a", "b"])
    assert tuple(found) == task.METRICS
    assert set(task.METRICS) == set(found)
    few = task.validation_metrics(logits, labels, ["a", "b"])
    assert few == {name: found[name] for name in task.VALIDATION_METRICS}


def test_better_predictions_move_each_metric_in_the_direction_it_names():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 500)
    noise, signal = random.normal(size=(500, 3)), np.eye(3)[labels]
    worse = task.metrics(noise + signal, labels, ["a", "b", "c"])
    better = task.metrics(noise + 8 * signal, labels, ["a", "b", "c"])
    for name in task.METRICS:
        higher = METRICS[name].higher
        assert (better[name] > worse[name]) == higher, name


@pytest.mark.parametrize("large", [1e4, 1e300, np.finfo(np.float64).max])
def test_large_logits_keep_every_metric_finite(large):
    logits = np.array([[large, -large], [-large, large], [large, -large]])
    found = task.metrics(logits, np.array([0, 1, 1]), ["a", "b"])
    assert np.isfinite(list(found.values())).all()
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["log_loss"] > 1000


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused_by_row(bad):
    logits = np.zeros((9, 2))
    logits[[3, 7], 1] = bad
    with pytest.raises(ValueError, match=r"rows 3, 7 \(counted from 0\)"):
        task.metrics(logits, np.zeros(9, int), ["a", "b"])


def test_many_bad_rows_are_named_in_part():
    with pytest.raises(ValueError, match=r"rows 0, 1, 2, 3, 4 and 5 more"):
        task.metrics(np.full((10, 2), np.nan), np.zeros(10, int), ["a", "b"])


@pytest.mark.parametrize(
    ("logits", "labels", "classes", "said"),
    [
        (np.zeros((2, 2)), [0, -1], "ab", r"outside 0 … 1 at row 1 "),
        (np.zeros((2, 2)), [0, 2], "ab", r"outside 0 … 1 at row 1 "),
        (np.zeros((2, 2)), [0], "ab", r"not \(rows, classes\)"),
        (np.zeros(2), [0, 1], "ab", r"not \(rows, classes\)"),
        (np.zeros((0, 2)), [], "ab", r"nothing to score"),
        (np.zeros((2, 2)), [0, 1], "abc", r"2 columns, but there are 3 classes"),
    ],
)
def test_shapes_and_codes_that_do_not_fit_are_refused(logits, labels, classes, said):
    with pytest.raises(ValueError, match=said):
        task.metrics(logits, np.array(labels, dtype=int), list(classes))


def test_reliability_bins_hold_every_row_once():
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 300)
    logits = random.normal(size=(300, 2)) * 3
    logits[0] = [1000.0, 0.0]  # confidence 1 belongs to the last bin
    bins = task.reliability(task.outcomes(logits, labels))
    assert [(one.low, one.high) for one in bins] == [(i / 10, (i + 1) / 10) for i in range(10)]
    assert sum(one.count for one in bins) == 300
    assert all(one.count == 0 and one.confidence == one.accuracy == 0 for one in bins[:5])  # two classes: at least 0.5
    assert all(one.low <= one.confidence <= one.high for one in bins if one.count)
    assert sum(one.count * one.accuracy for one in bins) == pytest.approx((logits.argmax(1) == labels).sum())


def rows_of(texts, labels, lines):
    return Rows(
        Texts(pa.chunked_array([pa.array(texts)])), Codes(np.array(labels, np.int32)), np.array(lines), "data.csv"
    )


def test_mistakes_come_most_confident_first_with_their_place():
    rows = rows_of(["right", "sure", "x" * 5000, "tie"], [0, 0, 1, 1], [2, 3, 7, 9])
    logits = np.array([[5.0, 0.0], [0.0, 9.0], [2.0, 0.0], [0.0, 0.0]], np.float32)
    seen = task.outcomes(logits, rows.codes)
    found = task.mistakes(seen, rows, ["neg", "pos"])
    assert [(one.line, one.truth, one.predicted) for one in found] == [
        (3, "neg", "pos"),
        (7, "pos", "neg"),
        (9, "pos", "neg"),
    ]
    assert [one.file for one in found] == ["data.csv"] * 3
    assert [one.confidence for one in found] == pytest.approx([1 / (1 + np.exp(-9)), 1 / (1 + np.exp(-2)), 0.5])
    assert found[0].text == "sure"
    assert len(found[1].text) == task.LONGEST_TEXT
    assert found[1].text.endswith("x…")
    assert len(task.mistakes(seen, rows, ["neg", "pos"], limit=1)) == 1


def test_importing_the_task_loads_no_torch():
    code = "import sys, graft.tasks.classification; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
