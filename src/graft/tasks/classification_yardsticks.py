"""Yardsticks of single-label classification: what no learning and what word counts reach.

A model earns its cost by what it adds to these, so they are meant to be strong. The settings of the TF-IDF yardstick
were chosen within the train splits of TREC, SST-2, Banking77, TweetEval emotion, SMS spam and Spooky Author, whole and
in small parts, never on a test split.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data.table import Rows
from graft.tasks import tfidf
from graft.tasks.task import Floats, Yardstick

C = 30.0  # inverse strength of the L2 penalty
MOST_ANSWERS = 8_000_000  # rows x classes: one fit per class over all rows, of sentences some 30 s on one core
MOST_WEIGHTS = 20_000_000  # features x classes: 153 MiB


def majority(train: Rows, rows: int, classes: Sequence[str]) -> Yardstick:
    """Always answer the most common class of train; the probabilities are train's class shares."""
    start = time.perf_counter()
    shares = class_shares(train.codes, len(classes))
    common = int(shares.argmax())
    share = float(np.mean(train.codes == common))
    logits = np.repeat(np.log(shares)[None], rows, axis=0)
    what = f'always "{classes[common]}", the most common class of train ({share:.1%})'
    return Yardstick("majority", what, logits, time.perf_counter() - start)


def class_shares(labels: NDArray[Any], classes: int) -> Floats:
    """Each class's share of the labels, one row added to each class so that none is 0 (Laplace's rule)."""
    counts = np.bincount(np.asarray(labels), minlength=classes) + 1.0
    return np.asarray(counts / counts.sum())


def word_counts(train: Rows, test: Rows, classes: Sequence[str], seed: int = 0) -> Yardstick:
    """Fit the TF-IDF yardstick on train and answer for the texts of test, whose labels it does not read.

    Its logits are log-probabilities (nats). A class that train lacks gets the share that `class_shares` gives it; where
    train has no words at all, or only one class, every text gets train's class shares. On large data it learns from a
    random sample of train; `what` says so.
    """
    start = time.perf_counter()
    sample = tfidf.sampled(train, MOST_ANSWERS // len(classes), seed)
    logits = _learned_logits(sample, test, len(classes), seed)
    if logits is None:
        logits = _constant_logits(sample, len(test), len(classes))
        what = "class shares of train, whose texts hold nothing to learn from"
    else:
        what = f"logistic regression on TF-IDF of words and word pairs, C = {C:g}"
    if len(sample) < len(train):
        what += f", fitted on {len(sample):,} of {len(train):,} train rows"
    return Yardstick("tfidf", what, logits, time.perf_counter() - start)


def _constant_logits(train: Rows, texts: int, classes: int) -> Floats:
    return np.repeat(np.log(class_shares(train.codes, classes))[None], texts, axis=0)


def _learned_logits(train: Rows, test: Rows, classes: int, seed: int) -> Floats | None:
    """None where there is nothing to learn: one class only, or no words."""
    present = np.unique(train.codes)
    found = tfidf.vectors(train, [test], MOST_WEIGHTS // len(present)) if len(present) > 1 else None
    if found is None:
        return None
    shares = class_shares(train.codes, classes)
    logits = np.repeat(np.log(shares)[None], len(test), axis=0)
    scores = _fitted_scores(found[0], train.codes, found[1], seed)
    logits[:, present] = _log_softmax(scores) + np.log(shares[present].sum())
    return logits


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
