"""Yardsticks of several labels per text: the commonest set of labels, and TF-IDF with one logistic regression each."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from graft.data.table import Rows, Splits
from graft.data.targets import Flags
from graft.tasks import tfidf
from graft.tasks.classification_yardsticks import C
from graft.tasks.multilabel_metrics import Flagged, best_thresholds, probabilities
from graft.tasks.task import Floats, Yardstick

MOST_WORDS = 200_000  # words and word pairs kept
MOST_ANSWERS = 5_000_000  # rows x labels: one fit per label over all rows


def common(train: Rows, rows: int, names: Sequence[str]) -> Yardstick:
    """Always give the set of labels that most texts of train have, perhaps none."""
    flags = _flags(train)
    sets, counts = np.unique(flags, axis=0, return_counts=True)
    kept = sets[counts.argmax()]
    share = (flags.sum(axis=0) + 1) / (len(flags) + 2)
    limits = np.where(kept, share / 2, (1 + share) / 2)
    shown = ", ".join(f'"{name}"' for name, is_in in zip(names, kept, strict=True) if is_in) or "no label"
    what = f"always {shown}, what most texts of train have ({counts.max() / len(flags):.1%})"
    logits = np.repeat((np.log(share) - np.log1p(-share))[None], rows, axis=0)
    return Yardstick("common", what, logits, 0.0, dict(zip(names, limits.tolist(), strict=True)))


def word_counts(splits: Splits, seed: int = 0) -> Yardstick:
    """A logistic regression per label over TF-IDF weighted words and word pairs, thresholds chosen on validation."""
    start = time.perf_counter()
    names, train, held = splits.classes, splits.train, splits.validation
    sample = tfidf.sampled(train, MOST_ANSWERS // len(names), seed)
    found = tfidf.vectors(sample, [held, splits.test], MOST_WORDS)
    if found is None:
        constant = common(train, len(splits.test), names)
        what = "label shares of train, whose texts hold nothing to learn from"
        return Yardstick("tfidf", what, constant.logits, 0.0, constant.settled)
    tuned, logits = _fitted(found, _flags(sample), seed)
    limits = best_thresholds(probabilities(tuned), _flags(held))
    what = f"a logistic regression per label on TF-IDF of words and word pairs, C = {C:g}, thresholds from validation"
    if len(sample) < len(train):
        what += f", fitted on {len(sample):,} of {len(train):,} train rows"
    settled = dict(zip(names, limits.tolist(), strict=True))
    return Yardstick("tfidf", what, logits, time.perf_counter() - start, settled)


def _fitted(vectors: list[Any], flags: Flagged, seed: int) -> list[Floats]:
    """Logits (rows x labels) of all but the first of `vectors`, which is learnt from.

    A label that train has always or never gets the logit of its share.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    share = (flags.sum(axis=0) + 1) / (len(flags) + 2)
    logits = [np.repeat((np.log(share) - np.log1p(-share))[None], rows.shape[0], axis=0) for rows in vectors[1:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fit that stops a little early is as good a yardstick
        for place in np.flatnonzero((flags.any(axis=0)) & ~(flags.all(axis=0))):
            model = LogisticRegression(C=C, solver="liblinear", dual=True, tol=0.1, random_state=seed)
            model.fit(vectors[0], flags[:, place])
            for found, rows in zip(logits, vectors[1:], strict=True):
                found[:, place] = model.decision_function(rows)
    return logits


def _flags(rows: Rows) -> Flagged:
    assert isinstance(rows.targets, Flags)
    return rows.targets.values
