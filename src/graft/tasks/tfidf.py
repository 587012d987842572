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


def vectors(train: Sequence[str], texts: Sequence[str], most: int) -> tuple[Any, Any] | None:
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
