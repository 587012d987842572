"""Answers found against reference answers: every number that follows, by SQuAD's official rules.

Texts are compared after lower case, without punctuation, articles and superfluous spaces. An answer is exact when it is
a reference then; F1 is that of their words, the best over the references (Rajpurkar et al. 2016, section 6.1). Where
some questions have no answer the rules of version 2 hold (Rajpurkar et al. 2018): saying that there is none is right or
wrong as a whole, and a reference of nothing but articles and punctuation is none.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.data.answers import Answers, each_text
from graft.tasks.candidates import Candidates
from graft.tasks.task import Floats, Ints, Scores

METRICS = ("answer_f1", "exact_match", "answerable_f1", "answerable_exact", "no_answer_accuracy")
VALIDATION_METRICS = ("answer_f1", "exact_match")
THRESHOLD = "no_answer"  # what is settled on validation: how much likelier no answer must be (nats) to be said
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
Flags = NDArray[np.bool_]


def normalise(text: str) -> str:
    """The form in which answers are compared."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact(found: str, truth: str) -> float:
    return float(normalise(found) == normalise(truth))


def f1(found: str, truth: str, second: bool = False) -> float:
    """F1 of the words. `second`: by version 2, where nothing found is right where there is nothing, and only there."""
    said, there = normalise(found).split(), normalise(truth).split()
    if second and not (said and there):
        return float(said == there)
    shared = sum((Counter(said) & Counter(there)).values())
    return 2 * shared / (len(said) + len(there)) if shared else 0.0


def judged(found: str, references: Sequence[str], second: bool) -> tuple[float, float]:
    """(exact, F1) of one answer, "" for none, against its references, none where there is no answer."""
    if second:
        references = [text for text in references if normalise(text)] or [""]
    return max(exact(found, text) for text in references), max(f1(found, text, second) for text in references)


@dataclass(frozen=True, slots=True)
class Judged:
    """Each row's best candidate and "no answer", judged. All (rows,)."""

    texts: tuple[str, ...]  # the best candidate
    exact: Floats
    f1: Floats
    none: Floats  # what saying that there is no answer would get, by both measures
    doubt: Floats

    def said(self, threshold: float) -> Flags:
        """Where it is said that there is no answer."""
        silent: Flags = self.doubt > threshold
        return silent


def judge(candidates: Candidates, answers: Answers) -> Judged:
    """Raises ValueError where there are not as many."""
    if len(candidates) != len(answers):
        raise ValueError(f"{len(candidates)} answers do not fit {len(answers)} questions")
    second = bool(answers.open.any())
    texts: list[str] = []
    both = np.zeros((len(answers), 2))
    none = np.zeros(len(answers))
    for row, (context, references) in enumerate(each_text(answers)):
        text = context[candidates.starts[row, 0] : candidates.ends[row, 0]]
        texts.append(text)
        if references or second:
            both[row] = judged(text, references, second)
            none[row] = judged("", references, second)[0]
    return Judged(tuple(texts), both[:, 0], both[:, 1], none, candidates.doubt)


def best_threshold(found: Judged) -> tuple[float, float, float]:
    """(threshold, F1, exact): the threshold with the highest F1 over all rows, the middle between two doubts."""
    order = np.argsort(found.doubt, kind="stable")
    doubt = found.doubt[order]
    totals = [np.concatenate(([0.0], np.cumsum((part - found.none)[order]))) for part in (found.f1, found.exact)]
    allowed = np.concatenate(([True], doubt[1:] != doubt[:-1], [True])) if len(doubt) else np.ones(1, np.bool_)
    place = int(np.argmax(np.where(allowed, totals[0], -np.inf)))  # so many rows, the least doubtful, are answered
    rows = max(len(doubt), 1)
    values = [float((found.none.sum() + total[place]) / rows) for total in totals]
    low = doubt[place - 1] if place else (doubt[0] - 1 if len(doubt) else 0.0)
    high = doubt[place] if place < len(doubt) else low + 1
    return float(low + (high - low) / 2), values[0], values[1]


class AnsweredQuestions:
    """Answers beside their references, ready for a bootstrap by question."""

    def __init__(self, candidates: Candidates, answers: Answers, threshold: float | None) -> None:
        """`threshold`: None where every question is answered."""
        self.found = judge(candidates, answers)
        self.open = answers.open
        self.silent = np.zeros(len(answers), np.bool_) if threshold is None else self.found.said(threshold)
        self.exact = np.where(self.silent, self.found.none, self.found.exact)
        self.f1 = np.where(self.silent, self.found.none, self.found.f1)

    def __len__(self) -> int:
        return len(self.open)

    def text(self, row: int) -> str:
        """The answer that is given, "" for none."""
        return "" if self.silent[row] else self.found.texts[row]

    def score(self, drawn_RB: Ints | None = None) -> Scores:
        """Where a resample has no row of a kind, its value is that of all rows."""
        drawn = np.arange(len(self))[None] if drawn_RB is None else drawn_RB
        metrics = {"answer_f1": self.f1[drawn].mean(axis=1), "exact_match": self.exact[drawn].mean(axis=1)}
        if self.open.any():
            there = ~self.open
            metrics |= {
                "answerable_f1": _mean(self.f1, there, drawn),
                "answerable_exact": _mean(self.exact, there, drawn),
                "no_answer_accuracy": _mean(self.exact, self.open, drawn),
            }
        return Scores(metrics)


def _mean(values: Floats, among: Flags, drawn_RB: Ints) -> Floats:
    counts = among[drawn_RB].sum(axis=1)
    sums = (values * among)[drawn_RB].sum(axis=1)
    whole = values[among].mean() if among.any() else 0.0
    mean: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), whole)
    return mean
