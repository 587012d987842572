"""Answers to questions: stretches of the contexts that the questions are asked about.

Every reference answer is a stretch of its context, so its text is what stands there. Questions that share a context
share its text here too, and are never divided between splits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graft.data.spans import Spans, spans_of
from graft.data.splitting.duplicates import Keys, duplicate_keys
from graft.data.table import Texts

Ints = NDArray[np.int64]
JOINT = " | "
ANSWERED, OPEN = "with an answer", "without an answer"
OUTPUTS = ("start", "end")  # what a head says of each token
FEWEST_ARTICLES = 10  # articles that are divided as wholes; of fewer the contexts are


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to some questions, one entry per row but for `contexts`."""

    spans: Spans  # each row's reference answers, characters of its context; none where the context has no answer
    of: Ints  # (rows,): which of `contexts` a row is asked about
    articles: Ints  # (rows,): which article the context is from; -1 where that is not known
    contexts: Texts  # different from each other

    def __len__(self) -> int:
        return len(self.of)

    def take(self, rows: Ints) -> Answers:
        return Answers(self.spans.take(rows), self.of[rows], self.articles[rows], self.contexts)

    @property
    def open(self) -> NDArray[np.bool_]:
        """Whether a row's context has no answer."""
        none: NDArray[np.bool_] = self.spans.counts == 0
        return none

    def context(self, row: int) -> str:
        return self.contexts[int(self.of[row])]

    def texts(self, row: int) -> list[str]:
        """A row's reference answers, in the order given."""
        context = self.context(row)
        return [context[start:end] for start, end, _ in self.spans.of(row)]

    def strata(self) -> NDArray[np.int32]:
        """Whether a row has an answer, so that a cut keeps the share of those that have none."""
        return self.open.astype(np.int32)

    def counts(self, _names: Sequence[str]) -> dict[str, int]:
        """Rows with and without an answer, where there are both."""
        without = int(self.open.sum())
        return {ANSWERED: len(self) - without, OPEN: without} if without else {}

    def shown(self, _names: Sequence[str], start: int, stop: int) -> list[str]:
        """The different reference answers with their first characters, such as `29 October 1973 | 29 October`."""
        shown = []
        for row in range(start, min(stop, len(self))):
            starts = (first for first, _, _ in self.spans.of(row))
            each = (f"{first} {text}" for first, text in zip(starts, self.texts(row), strict=True))
            shown.append(JOINT.join(dict.fromkeys(each)))
        return shown

    def context_keys(self) -> Keys:
        """A key of each row's context: equal where the contexts are, after normalisation."""
        return duplicate_keys(self.contexts)[self.of]

    def groups(self) -> tuple[Keys, str]:
        """A key of what each row is kept together with, and what that is: its article, where there are enough of them
        to divide, else its context."""
        keys = self.context_keys()
        if len(keys) and (self.articles >= 0).all():
            by_article = _merged(keys, self.articles)
            if len(np.unique(by_article)) >= FEWEST_ARTICLES:
                return by_article, "article"
        return keys, "context"


def _merged(keys: Keys, articles: Ints) -> Keys:
    """One key per article; articles that share a context count as one."""
    root = {int(article): int(article) for article in np.unique(articles)}

    def found(article: int) -> int:
        while root[article] != article:
            root[article] = root[root[article]]
            article = root[article]
        return article

    first: dict[int, int] = {}
    for key, article in zip(keys.tolist(), articles.tolist(), strict=True):
        root[found(article)] = found(first.setdefault(key, article))
    return np.array([found(article) for article in articles.tolist()], np.uint64)


def unanswered(contexts: Sequence[str]) -> Answers:
    """The targets of questions that are to be answered, not learnt from; one context for each."""
    known = {context: place for place, context in enumerate(dict.fromkeys(contexts))}
    of = np.array([known[context] for context in contexts], np.int64)
    texts = Texts(pa.chunked_array([pa.array(list(known), pa.large_string())]))
    return Answers(spans_of([()] * len(of)), of, np.full(len(of), -1, np.int64), texts)


def each_text(answers: Answers) -> Iterator[tuple[str, list[str]]]:
    """Each row's context and reference answers, contexts that follow each other read once."""
    last, context = -1, ""
    for row, place in enumerate(answers.of.tolist()):
        if place != last:
            last, context = place, answers.contexts[place]
        yield context, [context[start:end] for start, end, _ in answers.spans.of(row)]
