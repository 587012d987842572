"""Yardsticks of regression: the mean of train, and ridge regression over TF-IDF."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from graft.data.table import Rows
from graft.data.targets import Numbers
from graft.report.words import number
from graft.tasks import tfidf
from graft.tasks.task import Floats, Yardstick

MOST_WORDS = 500_000  # words and word pairs kept
PENALTIES = (0.3, 1.0, 3.0, 10.0)  # on validation the best is kept


def mean(train: Rows, rows: int) -> Yardstick:
    """Always answer train's mean."""
    value = float(_values(train).mean())
    return Yardstick("mean", f"always {number(value)}, the mean of train", np.full((rows, 1), value), 0.0)


def ridge(train: Rows, validation: Rows, test: Rows, seed: int = 0) -> Yardstick:
    """Ridge regression over TF-IDF weighted words and word pairs; its penalty is the best of a few on validation."""
    start = time.perf_counter()
    sample = tfidf.sampled(train, tfidf.MOST_ROWS, seed)
    found = tfidf.vectors(sample, [validation, test], MOST_WORDS)
    if found is None:
        constant = mean(train, len(test))
        return Yardstick("ridge", "the mean of train, whose texts hold nothing to learn from", constant.logits, 0.0)
    penalty, answers = min(
        ((penalty, _fitted(found, _values(sample), penalty)) for penalty in PENALTIES),
        key=lambda tried: float(((tried[1][0] - _values(validation)) ** 2).mean()),
    )
    what = f"ridge regression on TF-IDF of words and word pairs, penalty {penalty:g} (the best on validation)"
    if len(sample) < len(train):
        what += f", fitted on {len(sample):,} of {len(train):,} train rows"
    return Yardstick("ridge", what, answers[1][:, None], time.perf_counter() - start)


def _fitted(vectors: list[Any], values: Floats, penalty: float) -> list[Floats]:
    """Answers to all but the first of `vectors`, which is learnt from."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=penalty, solver="sparse_cg", tol=1e-4, random_state=0)
    model.fit(vectors[0], values)
    return [np.asarray(model.predict(rows), np.float64) for rows in vectors[1:]]


def _values(rows: Rows) -> Floats:
    assert isinstance(rows.targets, Numbers)
    return rows.targets.values
