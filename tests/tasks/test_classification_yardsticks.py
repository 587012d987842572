"""Yardsticks that are strong where there is something to learn, and calm where there is not."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from graft.data.table import Rows, Texts
from graft.data.targets import Codes
from graft.evaluate import baseline, difference
from graft.tasks import classification_yardsticks, tfidf
from graft.tasks.classification import CLASSIFICATION, AnsweredClasses
from graft.tasks.classification_yardsticks import class_shares, word_counts
from graft.tasks.task import Outputs

DATA = Path(os.environ.get("GRAFT_DATA", Path(__file__).parents[2] / "../shared/data"))


def rows_of(texts, labels):
    column = Texts(pa.chunked_array([pa.array(list(texts), pa.string())]))
    return Rows(column, Codes(np.asarray(labels, np.int32)), np.arange(len(texts)) + 2, "data.csv")


def measured(yardstick, rows, names):
    return baseline(CLASSIFICATION, yardstick, rows.targets, Outputs(tuple(names)))


def majority(labels, test, names):
    train = rows_of("x" * len(labels), labels)
    return measured(classification_yardsticks.majority(train, len(test), names), test, names)


def logits_of(train, texts, names, seed=0):
    return word_counts(train, rows_of(list(texts), [0] * len(texts)), names, seed).logits


def fruit_and_tools(rows, seed=0):
    """Texts whose one telling word decides the class."""
    random = np.random.default_rng(seed)
    words = (("apple", "pear", "plum"), ("hammer", "saw", "drill"))
    labels = random.integers(0, 2, rows)
    return rows_of(
        [f"we saw{'' if i % 2 else ' that'} {random.choice(words[k])} again" for i, k in enumerate(labels)], labels
    )


def probabilities(logits):
    return np.exp(logits).sum(axis=1)


def test_majority_answers_the_commonest_class_of_train():
    found = majority(np.array([0, 1, 1, 1, 2]), rows_of("abcd", [1, 1, 0, 2]), ["x", "y", "z"])
    assert found.name == "majority"
    assert found.what == 'always "y", the most common class of train (60.0%)'
    assert found.metrics["accuracy"] == 0.5
    assert found.metrics["log_loss"] == pytest.approx(-np.mean(np.log([4 / 8, 4 / 8, 2 / 8, 2 / 8])))
    assert found.intervals["accuracy"][0] < 0.5 < found.intervals["accuracy"][1]


def test_majority_is_not_surprised_by_a_class_that_train_lacks():
    found = majority(np.array([0, 0]), rows_of("ab", [0, 1]), ["x", "y"])
    assert np.isfinite(list(found.metrics.values())).all()


def test_tfidf_learns_what_words_tell():
    train, test = fruit_and_tools(200), fruit_and_tools(100, seed=1)
    found = measured(word_counts(train, test, ["fruit", "tool"]), test, ["fruit", "tool"])
    assert found.name == "tfidf"
    assert "logistic regression on TF-IDF" in found.what
    assert "fitted on" not in found.what
    assert found.metrics["accuracy"] == 1.0
    assert found.metrics["log_loss"] < 0.1
    assert found.seconds > 0


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_logits_are_log_probabilities_and_repeat(classes):
    random = np.random.default_rng(0)
    labels = np.arange(120) % classes
    train = rows_of([f"word{k} {random.integers(9)} filler" for k in labels], labels)
    names = [str(i) for i in range(classes)]
    logits = logits_of(train, train.texts, names, seed=3)
    assert logits.shape == (120, classes)
    np.testing.assert_allclose(probabilities(logits), 1)
    assert (logits.argmax(1) == labels).all()
    np.testing.assert_array_equal(logits, logits_of(train, train.texts, names, seed=3))


@pytest.mark.parametrize("present", [[0, 2], [1, 2, 4]])
def test_a_class_that_train_lacks_keeps_a_small_finite_probability(present):
    labels = np.repeat(present, 20)
    train = rows_of([f"word{k}" for k in labels], labels)
    logits = logits_of(train, train.texts, list("abcde"))
    np.testing.assert_allclose(probabilities(logits), 1)
    assert (logits.argmax(1) == labels).all()
    absent = [code for code in range(5) if code not in present]
    np.testing.assert_allclose(np.exp(logits[:, absent]), 1 / (len(labels) + 5))


@pytest.mark.parametrize("texts", [["", "", ""], ["  ", "\n", "\u3000"]])
def test_texts_without_words_give_the_class_shares(texts):
    found = word_counts(rows_of(texts, [0, 0, 1]), rows_of(["hello", ""], [0, 1]), ["a", "b"])
    np.testing.assert_allclose(np.exp(found.logits), [[0.6, 0.4]] * 2)
    assert found.what.startswith("class shares of train")


def test_one_class_in_train_gives_the_class_shares():
    logits = logits_of(rows_of(["a b", "c d"], [1, 1]), ["a", "c"], ["x", "y"])
    np.testing.assert_allclose(np.exp(logits), [[0.25, 0.75]] * 2)


def test_punctuation_and_scripts_without_spaces_are_told_apart():
    labels = np.arange(60) % 3
    train = rows_of([("nice !", "nice ?", "nice …")[k] for k in labels], labels)
    assert (logits_of(train, train.texts, list("abc")).argmax(1) == labels).all()
    labels = labels % 2
    train = rows_of([("这个产品很好" if k else "这个产品很差") + "啊" * (i % 3) for i, k in enumerate(labels)], labels)
    assert (logits_of(train, ["很好", "很差"], list("ab")).argmax(1) == [1, 0]).all()


def test_words_that_are_all_different_still_make_a_yardstick():
    rows = tfidf.FEW_ROWS + 10
    train = rows_of([f"w{i}" for i in range(rows)], np.arange(rows) % 2)
    logits = logits_of(train, ["w0", "w1", "unseen"], ["a", "b"])
    assert logits[:2].argmax(1).tolist() == [0, 1]


@pytest.mark.parametrize(("limit", "value"), [("MOST_ROWS", 50), ("MOST_ANSWERS", 100), ("MOST_CHARACTERS", 1000)])
def test_large_data_is_sampled_and_said(monkeypatch, limit, value):
    module = classification_yardsticks if limit == "MOST_ANSWERS" else tfidf
    monkeypatch.setattr(module, limit, value)
    train, test = fruit_and_tools(400), fruit_and_tools(50, seed=1)
    found = measured(word_counts(train, test, ["fruit", "tool"]), test, ["fruit", "tool"])
    assert "of 400 train rows" in found.what
    used = int(found.what.split("fitted on ")[1].split()[0])
    assert 40 <= used <= 62
    assert found.metrics["accuracy"] > 0.9


def test_answers_do_not_depend_on_the_labels_of_the_test_rows():
    train, test = fruit_and_tools(100), fruit_and_tools(30, seed=1)
    other = rows_of(test.texts[:], 1 - test.codes)
    one, two = (word_counts(train, rows, ["fruit", "tool"]).logits for rows in (test, other))
    np.testing.assert_array_equal(one, two)


def test_class_shares_sum_to_one():
    np.testing.assert_allclose(class_shares(np.array([0, 0, 2]), 3), [3 / 6, 1 / 6, 2 / 6])


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        pairs = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    return [text for text, _ in pairs], [label for _, label in pairs]


def test_the_yardsticks_on_trec():
    folder = DATA / "trec"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; set GRAFT_DATA")
    parts = [read_csv(folder / f"{name}.csv") for name in ("train", "test")]
    classes = sorted(set(parts[0][1]))
    train, test = (rows_of(texts, [classes.index(label) for label in labels]) for texts, labels in parts)
    answers = word_counts(train, test, classes)
    assert np.mean(answers.logits.argmax(1) == test.codes) > 0.88
    shares = np.log(class_shares(train.codes, len(classes)))
    pair = (answers.logits, np.tile(shares, (len(test), 1)))
    gain, (low, _) = difference("accuracy", *(AnsweredClasses(each, test.codes) for each in pair))
    assert gain > 0.5
    assert low > 0.5
