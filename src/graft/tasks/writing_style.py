"""How much a text reads like the style: a judge that was taught on other text of the style, over short passages.

The judge is a logistic regression on TF-IDF weights of words and word pairs, without case and punctuation: quotation
marks and dashes tell files apart, not writers. It never sees what the language model learned from, so that reciting
gains nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data.splitting.passages import WORD
from graft.records import Interval

PASSAGE = 100  # words: enough for a writer to show, few enough that a sample of a minute gives dozens
FEWEST = 20  # passages of each kind to teach a judge
Z = 1.96  # of 95%, two-sided
C = 30.0  # inverse strength of the L2 penalty, that of the TF-IDF yardstick


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge says of one body of text."""

    share: float  # of its passages, those taken for the style
    interval: Interval
    passages: int


def passages(texts: Iterable[str], words: int = PASSAGE) -> list[str]:
    """Runs of `words` words, as they stand in the texts; a rest of at least half as many is one as well."""
    return [passage for text in texts for passage in _cut(text, words)]


def halves(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Passages to teach a judge and others to try it on, no text in both: each goes to the side that has less so far.

    A text that stands alone is cut in the middle.
    """
    if len(texts) == 1:
        own = passages(texts)
        return own[: len(own) // 2], own[len(own) // 2 :]
    sides: tuple[list[str], list[str]] = ([], [])
    for text in texts:
        min(sides, key=len).extend(passages([text]))
    return sides


def _cut(text: str, words: int) -> Iterator[str]:
    starts = [found.start() for found in WORD.finditer(text)]
    for first in range(0, len(starts), words):
        if len(starts) - first >= words / 2:
            last = first + words
            yield text[starts[first] : starts[last] if last < len(starts) else len(text)].strip()


class Judge:
    """Tells passages of a style from others."""

    def __init__(self, style: Sequence[str], others: Sequence[str], seed: int = 0) -> None:
        """Learns from passages of both; of the larger side as many are drawn as the smaller has.

        Raises ValueError for fewer than FEWEST of either.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        count = min(len(style), len(others))
        if count < FEWEST:
            raise ValueError(f"{count} passages teach no judge; it takes {FEWEST}")
        rng = np.random.default_rng(seed)
        drawn = [[side[row] for row in np.sort(rng.permutation(len(side))[:count])] for side in (style, others)]
        self.learned = 2 * count
        self._vectorizer = TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, min_df=2, lowercase=True, token_pattern=WORD.pattern
        )
        counted = self._vectorizer.fit_transform([*drawn[0], *drawn[1]])
        self._model: Any = LogisticRegression(C=C, solver="liblinear", random_state=seed)
        self._model.fit(counted, np.repeat([1, 0], count))

    def probabilities(self, found: Sequence[str]) -> NDArray[np.float64]:
        """Of each passage, how likely it is of the style."""
        if not found:
            return np.zeros(0)
        shares: NDArray[np.float64] = self._model.predict_proba(self._vectorizer.transform(found))[:, 1]
        return shares

    def verdict(self, found: Sequence[str]) -> Verdict:
        """The share of passages taken for the style, with its 95% interval, each passage counted as one draw."""
        hits = int((self.probabilities(found) > 0.5).sum())
        return Verdict(hits / max(len(found), 1), wilson(hits, len(found)), len(found))


def wilson(hits: int, count: int) -> Interval:
    """The 95% score interval of a share (Wilson 1927): one that is not empty where all or none of a few are hits."""
    if not count:
        return (0.0, 0.0)
    share, spread = hits / count, Z**2 / count
    middle = share + spread / 2
    reach = (spread * (share * (1 - share) + spread / 4)) ** 0.5
    low, high = (middle - reach) / (1 + spread), (middle + reach) / (1 + spread)
    return (max(0.0, low) if hits else 0.0), (min(1.0, high) if hits < count else 1.0)
