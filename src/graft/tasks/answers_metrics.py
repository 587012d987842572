"""Answers against the answers that people gave: exact match and F1 by the rules of SQuAD's own scripts.

Texts are compared after lower-casing and without punctuation, articles and surplus spaces; of several true answers the
best match counts (Rajpurkar et al. 2016, section 6.1). Where contexts may hold no answer, the rules are those of
version 2.0 (Rajpurkar et al. 2018): answering where there is none is worth 0, and not answering there 1.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> str:
    """normalize_answer of the scripts."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact(answer: str, truth: str) -> float:
    """1 where both are the same once normalised, else 0."""
    return float(normalised(answer) == normalised(truth))


def f1(answer: str, truth: str, unanswerable: bool) -> float:
    """Harmonic mean of precision and recall over normalised words. Where both have none it is 1 by the rules of
    version 2.0 (`unanswerable`), and 0 by those of version 1.1."""
    said, meant = normalised(answer).split(), normalised(truth).split()
    if not said or not meant:
        return float(said == meant) if unanswerable else 0.0
    shared = sum((Counter(said) & Counter(meant)).values())
    return 2 * shared / (len(said) + len(meant))


def best(answer: str, truths: Sequence[str], unanswerable: bool) -> tuple[float, float]:
    """(exact match, F1) against the true answer that fits best. No true answer: the context holds none.

    `unanswerable`: whether any question of the data has none, which makes version 2.0's rules apply.
    """
    meant: Sequence[str] = truths
    if unanswerable:
        meant = [truth for truth in truths if normalised(truth)] or [""]
    if not meant:
        return 0.0, 0.0
    return max(exact(answer, truth) for truth in meant), max(f1(answer, truth, unanswerable) for truth in meant)


def best_threshold(margins: Floats, answered: Floats, silent: Floats) -> float:
    """The threshold on the margin of "no answer" above which not answering scores best in the mean.

    margins: how far the score of no answer lies above that of the best answer, per row; answered and silent: what a
    row scores when it is answered and when it is not. Where several do, the highest, which answers most. The idea is
    find_best_thresh of SQuAD 2.0's script.
    """
    order = np.argsort(-margins, kind="stable")  # one after the other falls silent, the surest first
    gains = np.concatenate(([0.0], np.cumsum((silent - answered)[order])))
    ordered = margins[order]
    may_end = np.concatenate(([True], ordered[:-1] > ordered[1:], [True]))  # equal margins fall silent together
    place = int(np.argmax(np.where(may_end, gains, -np.inf)))
    if place == 0:
        return float(ordered[0]) if len(ordered) else 0.0
    if place == len(ordered):
        return float(ordered[-1]) - 1.0
    return float(ordered[place - 1] + ordered[place]) / 2
