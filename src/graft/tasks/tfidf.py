"""Texts as TF-IDF weighted counts of words and word pairs, which the yardsticks of several tasks learn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graft.data.table import Rows

FEW_ROWS = 2_000  # below, a word seen once helps; above, it only costs
MOST_ROWS = 50_000  # of train; word counts gain little beyond
MOST_CHARACTERS = 8_000_000  # of train: some 4 s of counting
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # written without spaces: each character is a token
TOKEN = rf"(?u)[{_CJK}]|[^\W{_CJK}]+|[^\w\s]"


def sampled(train: Rows, most: int, seed: int) -> Rows:
    """A random part of train, in its order: at most `most` rows and within the two limits; all of it where it fits."""
    order = np.random.default_rng(seed).permutation(len(train))[: min(MOST_ROWS, most)]
    lengths = np.fromiter((len(text) for text in train.texts.take(order)), np.int64, len(order))
    kept = max(1, int(np.searchsorted(lengths.cumsum(), MOST_CHARACTERS, side="right")))
    return train if kept >= len(train) else train.take(np.sort(order[:kept]))


def vectors(train: Rows, others: Sequence[Rows], most: int) -> list[Any] | None:
    """Sparse TF-IDF of train, then of each of the others; None where train holds no words.

    Words were seen in two rows of train; in one where rows are few, or no word is in two. A pair of texts becomes how
    far they differ in each word, and what they share of it.
    """
    texts = train.texts if train.seconds is None else [*train.texts, *train.seconds]
    counted = _counted(texts, most if train.seconds is None else most // 2)
    if counted is None:
        return None
    vectorizer, weights = counted
    first = weights if train.seconds is None else _described(train, vectorizer)
    return [first, *(_described(rows, vectorizer) for rows in others)]


def _counted(texts: Sequence[str], most: int) -> tuple[Any, Any] | None:
    """What turns texts into weights, and the weights of these texts; None where they hold no words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    for rows_seen in (1,) if len(texts) < FEW_ROWS else (2, 1):
        vectorizer = TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, min_df=rows_seen, max_features=most, token_pattern=TOKEN
        )
        try:
            return vectorizer, vectorizer.fit_transform(texts)
        except ValueError as error:  # sklearn's only sign of an empty vocabulary
            if "vocabulary" not in str(error) and "no terms remain" not in str(error).lower():
                raise
    return None


def _described(rows: Rows, vectorizer: Any) -> Any:
    if rows.seconds is None:
        return vectorizer.transform(rows.texts)
    from scipy.sparse import csr_matrix, hstack

    first, second = vectorizer.transform(rows.texts), vectorizer.transform(rows.seconds)
    shared = first.multiply(second)
    return hstack([abs(first - second), shared, csr_matrix(shared.sum(axis=1))]).tocsr()
