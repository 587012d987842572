"""The yardsticks of answers: what overlapping words find, and, where some questions have none, never answering."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graft.data.answers import Answers
from graft.data.spans import Span
from graft.data.table import Rows, Splits
from graft.data.wording import count_of
from graft.data.words import words_in
from graft.tasks.answer_metrics import THRESHOLD
from graft.tasks.candidates import of_columns
from graft.tasks.task import Yardstick

NEAR = 8  # words on each side of a stretch in which the question's words count
LONGEST = 10  # words of an answer, at most


def yardsticks(splits: Splits) -> Iterator[Yardstick]:
    yield overlap(splits)
    answers = splits.train.targets
    assert isinstance(answers, Answers)
    if answers.open.any():
        yield never(len(splits.test))


def never(rows: int) -> Yardstick:
    """Never answer."""
    nothing = np.zeros((rows, 1), np.int64)
    logits = of_columns(np.zeros(rows), nothing, nothing, np.full((rows, 1), -1e6))
    what = "says of every question that it has no answer"
    return Yardstick("never", what, logits, 0.0, {THRESHOLD: 0.0})


def overlap(splits: Splits) -> Yardstick:
    """A sliding window (after Richardson et al. 2013, section 5): the stretch, as long as train's answers mostly are,
    that has few words of the question in it and most of them, the rarer the more, around it; of equals the rarer."""
    began = time.perf_counter()
    train, test = splits.train.targets, splits.test.targets
    assert isinstance(train, Answers)
    assert isinstance(test, Answers)
    rarity = _rarity(train.contexts)
    length = _usual_length(train)
    contexts = [_Context.of(text) for text in test.contexts]
    found = [_best(question, contexts[place], rarity, length) for question, place in _asked(splits.test, test)]
    places = np.array(found, np.int64).reshape(-1, 2)
    scores = np.zeros((len(found), 1))
    logits = of_columns(np.full(len(found), -1e6), places[:, :1], places[:, 1:], scores)
    stretch = f"the stretch of {count_of(length, 'word')}"
    what = f"{stretch} around which most words of the question stand, rare ones counting more"
    return Yardstick("overlap", what, logits, time.perf_counter() - began)


def _asked(rows: Rows, answers: Answers) -> Iterable[tuple[str, int]]:
    return zip(rows.texts, answers.of.tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class _Context:
    """A context's words: where they stand, and in lower case."""

    spans: Sequence[Span]
    words: Sequence[str]

    @classmethod
    def of(cls, text: str) -> _Context:
        spans = words_in(text)
        return cls(spans, [text[start:end].lower() for start, end, _ in spans])


def _rarity(contexts: Iterable[str]) -> dict[str, float]:
    """The log of how many contexts there are for each that has a word; "" for a word that none has."""
    seen: Counter[str] = Counter()
    total = 0
    for context in contexts:
        total += 1
        seen.update(set(_Context.of(context).words))
    return {word: math.log((1 + total) / count) for word, count in seen.items()} | {"": math.log(1 + total)}


def _usual_length(answers: Answers) -> int:
    """The median of words in train's first reference answers."""
    rows = np.flatnonzero(~answers.open)[:2000].tolist()
    counts = [len(words_in(answers.texts(row)[0])) for row in rows]
    return max(1, min(LONGEST, round(float(np.median(counts))))) if counts else 1


def _best(question: str, context: _Context, rarity: dict[str, float], length: int) -> tuple[int, int]:
    """First character and the one after the last; (0, 0) where the context has no word."""
    if not context.spans:
        return 0, 0
    asked = {word for word in _Context.of(question).words if word.isalnum()}
    own = np.array([word in asked for word in context.words])
    rare = np.array([rarity.get(word, rarity[""]) for word in context.words])
    sums, all_sums = (np.concatenate(([0.0], np.cumsum(part))) for part in (np.where(own, rare, 0.0), rare))
    starts = np.arange(max(1, len(own) - length + 1))
    stops = np.minimum(starts + length, len(own))
    around = sums[np.minimum(stops + NEAR, len(own))] - sums[np.maximum(starts - NEAR, 0)]
    within = sums[stops] - sums[starts]
    solid = np.array([word.isalnum() for word in context.words], np.bool_)
    edges = ~(solid[starts] & solid[stops - 1])
    telling = (all_sums[stops] - all_sums[starts]) / (stops - starts)
    best = int(np.argmax(around - 3 * within - 2 * edges + telling / 2))
    return context.spans[starts[best]][0], context.spans[stops[best] - 1][1]
