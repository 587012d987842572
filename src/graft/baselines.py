"""Yardsticks on the same rows: what no learning and what word counts reach.

A model earns its cost by what it adds to these, so they are meant to be strong. The settings of the TF-IDF yardstick
were chosen within the train splits of TREC, SST-2, Banking77, TweetEval emotion, SMS spam and Spooky Author, whole and
in small parts, never on a test split.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data.table import Rows
from graft.evaluate import measure
from graft.records import Baseline
from graft.tasks.classification import Floats

C = 30.0  # inverse strength of the L2 penalty
FEW_ROWS = 2_000  # below, a word seen once helps; above, it only costs
MOST_ROWS = 50_000  # of train; word counts gain little beyond
MOST_CHARACTERS = 8_000_000  # of train: some 4 s of counting
MOST_ANSWERS = 20_000_000  # rows x classes: one fit per class over all rows, some 30 s
MOST_WEIGHTS = 20_000_000  # features x classes: 153 MiB
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # written without spaces: each character is a token
TOKEN = rf"(?u)[{_CJK}]|[^\W{_CJK}]+|[^\w\s]"


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A baseline's answers, before they are measured. `logits` (rows x classes) also serve `evaluate.difference`."""

    name: str
    what: str
    logits: NDArray[Any]
    seconds: float


def measured(yardstick: Yardstick, rows: Rows, seed: int = 0) -> Baseline:
    """The yardstick's metrics on these rows, with bootstrap intervals."""
    numbers = measure(yardstick.logits, rows.labels, seed=seed)
    return Baseline(yardstick.name, yardstick.what, numbers.metrics, numbers.intervals, yardstick.seconds)


def majority(train_labels: NDArray[Any], test_rows: Rows, classes: Sequence[str], seed: int = 0) -> Baseline:
    """Always answer the most common class of train; the probabilities are train's class shares."""
    start = time.perf_counter()
    shares = class_shares(train_labels, len(classes))
    common = int(shares.argmax())
    share = float(np.mean(np.asarray(train_labels) == common))
    logits = np.repeat(np.log(shares)[None], len(test_rows), axis=0)
    what = f'always "{classes[common]}", the most common class of train ({share:.1%})'
    return measured(Yardstick("majority", what, logits, time.perf_counter() - start), test_rows, seed)


def class_shares(labels: NDArray[Any], classes: int) -> Floats:
    """Each class's share of the labels, one row added to each class so that none is 0 (Laplace's rule)."""
    counts = np.bincount(np.asarray(labels), minlength=classes) + 1.0
    return np.asarray(counts / counts.sum())


def tfidf(train: Rows, test: Rows, classes: Sequence[str], seed: int = 0) -> Baseline:
    """Logistic regression over TF-IDF weighted words and word pairs. See `tfidf_answers`."""
    return measured(tfidf_answers(train, test, classes, seed), test, seed)


def tfidf_answers(train: Rows, test: Rows, classes: Sequence[str], seed: int = 0) -> Yardstick:
    """Fit the TF-IDF yardstick on train and answer for the texts of test, whose labels it does not read.

    On large data it learns from a random sample of train; `what` says so.
    """
    start = time.perf_counter()
    sample = _sampled(train, len(classes), seed)
    logits = _learned_logits(sample, test.texts, len(classes), seed)
    if logits is None:
        logits = _constant_logits(sample, len(test), len(classes))
        what = "class shares of train, whose texts hold nothing to learn from"
    else:
        what = f"logistic regression on TF-IDF of words and word pairs, C = {C:g}"
    if len(sample) < len(train):
        what += f", fitted on {len(sample):,} of {len(train):,} train rows"
    return Yardstick("tfidf", what, logits, time.perf_counter() - start)


def tfidf_logits(train: Rows, texts: Sequence[str], classes: Sequence[str], seed: int = 0) -> Floats:
    """Log-probabilities (nats), texts x classes, of the TF-IDF yardstick fitted on all of `train`.

    A class that train lacks gets the share that `class_shares` gives it. Where train has no words at all, or only one
    class, every text gets train's class shares.
    """
    logits = _learned_logits(train, texts, len(classes), seed)
    return _constant_logits(train, len(texts), len(classes)) if logits is None else logits


def _constant_logits(train: Rows, texts: int, classes: int) -> Floats:
    return np.repeat(np.log(class_shares(train.labels, classes))[None], texts, axis=0)


def _learned_logits(train: Rows, texts: Sequence[str], classes: int, seed: int) -> Floats | None:
    """None where there is nothing to learn: one class only, or no words."""
    present = np.unique(train.labels)
    found = _vectors(train.texts, texts, MOST_WEIGHTS // len(present)) if len(present) > 1 else None
    if found is None:
        return None
    shares = class_shares(train.labels, classes)
    logits = np.repeat(np.log(shares)[None], len(texts), axis=0)
    scores = _fitted_scores(found[0], train.labels, found[1], seed)
    logits[:, present] = _log_softmax(scores) + np.log(shares[present].sum())
    return logits


def _sampled(train: Rows, classes: int, seed: int) -> Rows:
    """A random part of train within the three limits, in train's order; all of it where it fits."""
    order = np.random.default_rng(seed).permutation(len(train))[: min(MOST_ROWS, MOST_ANSWERS // classes)]
    lengths = np.fromiter((len(text) for text in train.texts.take(order)), np.int64, len(order))
    kept = max(1, int(np.searchsorted(lengths.cumsum(), MOST_CHARACTERS, side="right")))
    return train if kept >= len(train) else train.take(np.sort(order[:kept]))


def _vectors(train: Sequence[str], texts: Sequence[str], most: int) -> tuple[Any, Any] | None:
    """Sparse TF-IDF of both, from words seen in two rows of train; in one where rows are few, or no word is in two."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    for rows_seen in (1,) if len(train) < FEW_ROWS else (2, 1):
        vectorizer = TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, min_df=rows_seen, max_features=most, token_pattern=TOKEN
        )
        try:
            counted = vectorizer.fit_transform(train)
        except ValueError as error:  # sklearn's only sign of an empty vocabulary
            if "vocabulary" not in str(error) and "no terms remain" not in str(error).lower():
                raise
            continue
        return counted, vectorizer.transform(texts)
    return None


def _fitted_scores(train: Any, labels: NDArray[Any], rows: Any, seed: int) -> Floats:
    """Scores (rows x classes present) whose softmax are the probabilities of logistic regression, one class against
    the rest: liblinear's dual coordinate descent is both faster and on our sets more accurate than a multinomial fit.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    model = LogisticRegression(C=C, solver="liblinear", dual=True, tol=0.1, random_state=seed)
    model = model if len(np.unique(labels)) == 2 else OneVsRestClassifier(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fit that stops a little early is as good a yardstick
        decided = model.fit(train, labels).decision_function(rows)
    if decided.ndim == 1:
        return np.stack([np.zeros_like(decided), decided], axis=1)
    return np.asarray(-np.logaddexp(0, -decided))


def _log_softmax(scores: Floats) -> Floats:
    return np.asarray(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
