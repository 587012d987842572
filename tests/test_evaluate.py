"""Intervals that cover, repeat, behave on odd splits, and go to disk as plain numbers."""

from __future__ import annotations

import json
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.table import Rows, Texts
from graft.data.targets import Codes
from graft.evaluate import difference as difference_of
from graft.evaluate import evaluate as evaluate_task
from graft.evaluate import measure as measure_of
from graft.files import to_json
from graft.records import Baseline, Evaluation
from graft.tasks import classification_metrics as task
from graft.tasks.classification import CLASSIFICATION, AnsweredClasses
from graft.tasks.task import Outputs


def made(rows, classes, signal=2.0, seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, rows)
    return (random.normal(size=(rows, classes)) + signal * np.eye(classes)[labels]).astype(np.float32), labels


def measure(logits, labels, **settings_):
    return measure_of(AnsweredClasses(logits, labels), **settings_)


def difference(metric, logits_a, logits_b, labels, **settings_):
    return difference_of(metric, *(AnsweredClasses(each, labels) for each in (logits_a, logits_b)), **settings_)


def evaluate(logits, rows, names, **settings_):
    return evaluate_task(CLASSIFICATION, logits, rows, Outputs(tuple(names)), **settings_)


def rows_of(labels):
    texts = Texts(pa.chunked_array([pa.array([f"text {i}" for i in range(len(labels))])]))
    return Rows(texts, Codes(np.asarray(labels, np.int32)), np.arange(len(labels)) + 2, "test.csv")


def test_an_evaluation_holds_what_evaluation_json_promises():
    logits, labels = made(60, 3)
    yardstick = Baseline("majority", "always c0", {"accuracy": 0.3}, {"accuracy": (0.2, 0.4)}, 0.01)
    names = ["c0", "c1", "c2"]
    found = evaluate(logits, rows_of(labels), names, split="validation", baselines=[yardstick], seconds=1.5)
    written = json.loads(to_json(found))
    assert {"split", "n", "metrics", "intervals", "baselines", "seconds"} <= written.keys()
    assert (written["split"], written["n"], written["seconds"]) == ("validation", 60, 1.5)
    assert written["metrics"] == task.metrics(logits, labels, names)
    assert written["intervals"].keys() == written["metrics"].keys()
    assert written["baselines"]["majority"]["metrics"] == {"accuracy": 0.3}
    details = written["details"]
    assert details["task"] == "classification"
    assert [one["name"] for one in details["per_class"]] == names
    assert all(one["intervals"].keys() == {"precision", "recall", "f1"} for one in details["per_class"])
    assert np.array(details["confusion"]).sum() == 60
    assert len(details["mistakes"]) == 60 - np.trace(details["confusion"])


def numbers(value):
    if isinstance(value, dict):
        return [one for part in value.values() for one in numbers(part)]
    if isinstance(value, list):
        return [one for part in value for one in numbers(part)]
    return [value]


def holds(evaluation: Evaluation):
    """Every number is one, and every interval holds its value."""
    assert None not in numbers(json.loads(to_json(evaluation)))  # to_json writes NaN and infinity as null
    pairs = [(evaluation.metrics[name], evaluation.intervals[name]) for name in evaluation.metrics]
    for one in evaluation.details.per_class:
        pairs += [(getattr(one, name), interval) for name, interval in one.intervals.items()]
    assert all(low <= value <= high for value, (low, high) in pairs)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(2, 6), st.integers(0, 2**32), st.sampled_from([0.0, 2.0, 1000.0]))
def test_no_split_is_too_odd(rows, classes, seed, signal):
    logits, labels = made(rows, classes, signal, seed)
    labels = np.minimum(labels, seed % classes)  # often only some classes occur
    holds(evaluate(logits, rows_of(labels), [str(i) for i in range(classes)], resamples=30))


def test_one_row_gives_degenerate_intervals():
    found = measure(np.array([[0.0, 1.0]]), np.array([1]))
    assert found.intervals == {name: (value, value) for name, value in found.metrics.items()}


def test_perfect_predictions_of_rare_classes_stay_perfect():
    """A resample misses most of 50 classes with one row each; that must not look like errors."""
    labels = np.arange(50)
    found = measure(np.eye(50) * 100, labels)
    for name in ("accuracy", "macro_f1", "macro_precision", "macro_recall", "mcc"):
        assert found.intervals[name] == (1.0, 1.0), name
    assert found.per_name == ({"precision": (1.0, 1.0), "recall": (1.0, 1.0), "f1": (1.0, 1.0)},) * 50


def test_perfect_predictions_of_one_rare_row_stay_perfect():
    """A third of the resamples hold one class only, which leaves MCC undefined."""
    labels = np.array([0] * 9 + [1])
    assert measure(np.eye(2)[labels] * 100, labels).intervals["mcc"] == (1.0, 1.0)


def test_the_interval_of_a_calibrated_models_error_holds_it():
    """Resampling biases the error of a calibrated model upwards, beyond its own value."""
    confidence = np.repeat([0.6, 0.75, 0.9], 100)
    labels = np.concatenate([np.arange(100) >= share for share in (60, 75, 90)]).astype(int)
    found = measure(np.log(np.stack([confidence, 1 - confidence], axis=1)), labels)
    low, high = found.intervals["calibration_error"]
    assert low == found.metrics["calibration_error"] == pytest.approx(0)
    assert high > 0.02


def test_the_seed_decides_the_intervals_and_nothing_else():
    logits, labels = made(200, 3)
    assert measure(logits, labels, seed=4) == measure(logits, labels, seed=4)
    one, two = measure(logits, labels, seed=4), measure(logits, labels, seed=5)
    assert one.metrics == two.metrics
    assert one.intervals != two.intervals


def test_intervals_equal_a_plain_bootstrap():
    """Redraw the rows one resample at a time and score each with the public metrics."""
    logits, labels = made(300, 3, signal=1.0)
    random = np.random.default_rng(9)
    draws = [random.integers(0, 300, 300) for _ in range(2000)]
    values = [task.metrics(logits[rows], labels[rows], "abc") for rows in draws]
    found = measure(logits, labels, resamples=2000).intervals
    for name in task.METRICS:
        wanted = np.quantile([one[name] for one in values], [0.025, 0.975])
        width = wanted[1] - wanted[0]
        if name == "calibration_error":  # widened downwards to hold the value itself
            assert found[name][1] == pytest.approx(wanted[1], abs=0.15 * width)
        else:
            assert found[name] == pytest.approx(tuple(wanted), abs=0.15 * width), name


def test_a_95_percent_interval_covers_the_truth_about_as_often():
    rows, truth, covered = 150, 0.8, 0
    for seed in range(200):
        right = np.random.default_rng(seed).random(rows) < truth
        logits = np.stack([right, ~right], axis=1) * 2.0
        low, high = measure(logits, np.zeros(rows, int), seed=seed, resamples=200).intervals["accuracy"]
        covered += low <= truth <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_a_wider_level_gives_a_wider_interval():
    logits, labels = made(200, 3)
    narrow, wide = (measure(logits, labels, level=level).intervals["macro_f1"] for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize(("rows", "classes"), [(7600, 4), (3080, 77)])
def test_a_thousand_resamples_take_under_a_second(rows, classes):
    logits, labels = made(rows, classes)
    start = time.perf_counter()
    measure(logits, labels, resamples=1000)
    assert time.perf_counter() - start < 1.0


def test_a_difference_is_paired():
    """Two models that err on the same rows differ surely, though their own intervals overlap."""
    logits, labels = made(1000, 2, signal=1.5)
    wrong = np.flatnonzero(logits.argmax(1) == labels)[:20]
    worse = logits.copy()
    worse[wrong] = worse[wrong][:, ::-1]
    value, (low, high) = difference("accuracy", logits, worse, labels)
    assert value == pytest.approx(0.02)
    assert 0.01 < low < 0.02 < high < 0.03
    assert measure(worse, labels).intervals["accuracy"][1] > measure(logits, labels).intervals["accuracy"][0]


def test_a_difference_changes_its_sign_with_the_order():
    (a, labels), (b, _) = made(300, 3), made(300, 3, signal=1.0, seed=0)
    for metric in task.METRICS:
        value, (low, high) = difference(metric, a, b, labels, seed=3)
        back, (low_back, high_back) = difference(metric, b, a, labels, seed=3)
        assert (back, low_back, high_back) == pytest.approx((-value, -high, -low)), metric


def test_a_model_does_not_differ_from_itself():
    logits, labels = made(100, 3)
    assert difference("macro_f1", logits, logits, labels) == (0.0, (0.0, 0.0))


@pytest.mark.parametrize(
    ("settings_", "said"), [({"resamples": 0}, "0 resamples"), ({"level": 1.0}, "level 1.0"), ({"level": 0}, "level 0")]
)
def test_settings_that_give_no_interval_are_refused(settings_, said):
    logits, labels = made(10, 2)
    with pytest.raises(ValueError, match=said):
        measure(logits, labels, **settings_)


def test_a_difference_of_an_unknown_metric_is_refused():
    logits, labels = made(10, 2)
    with pytest.raises(ValueError, match="'f1' is not one of accuracy"):
        difference("f1", logits, logits, labels)


def test_a_difference_of_other_rows_is_refused():
    (a, labels), (b, fewer) = made(10, 2), made(9, 2)
    with pytest.raises(ValueError, match="10 and 9 rows"):
        difference_of("accuracy", AnsweredClasses(a, labels), AnsweredClasses(b, fewer))


def test_rows_without_labels_are_refused():
    logits, _ = made(3, 2)
    with pytest.raises(ValueError, match="labels outside 0 … 1 at row 2"):
        evaluate(logits, rows_of([0, 1, -1]), ["a", "b"])
