"""A split's texts as the token rows that training reads: one row per text, or windows over documents.

Two steps, as the recipe that sets the limit is cut to the number of tokens: tokenise, then cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from graft.backbone import heads
from graft.backbone.marks import marks_of
from graft.backbone.model import Backbone
from graft.data.prose import Edges, Prose, read_prose, stretches
from graft.data.table import Rows, Splits
from graft.data.tokens import Tokens, closing_tokens, measure, shortened, tokenize
from graft.records import Truncation
from graft.tasks.task import Task
from graft.train.material import Labelled

CONTEXT = 0.25  # of a window that is read again as context when held-out text is scored


class Tokenised(Protocol):
    """All splits of a run as tokens, before the limit."""

    @property
    def train_tokens(self) -> int: ...

    def cut(self, limit: int) -> tuple[Labelled, Labelled, Truncation]:
        """Train and validation rows of at most `limit` tokens, and what that cut."""
        ...


def tokenised(splits: Splits, backbone: Backbone, task: Task) -> Tokenised:
    """The splits as the task reads them."""
    if task.head.reads == "language":
        return _Documents.of(splits, backbone)
    return _Texts.of(splits, backbone, task)


@dataclass(frozen=True, slots=True)
class _Texts:
    """One row per text, cut at the limit."""

    splits: Splits
    tokens: tuple[Tokens, Tokens]
    lengths: NDArray[np.int64]
    closing: int
    centred: bool
    task: Task

    @classmethod
    def of(cls, splits: Splits, backbone: Backbone, task: Task) -> _Texts:
        tokenizer, limit = backbone.tokenizer.backend_tokenizer, backbone.record.max_tokens
        train, of_train = tokenize(splits.train.texts, tokenizer, limit)
        validation, of_validation = tokenize(splits.validation.texts, tokenizer, limit)
        _, of_test = tokenize(splits.test.texts, tokenizer, limit)
        lengths = np.concatenate((of_train, of_validation, of_test))
        centred = heads.is_centred(backbone)
        return cls(splits, (train, validation), lengths, closing_tokens(tokenizer), centred, task)

    @property
    def train_tokens(self) -> int:
        return int(self.tokens[0].starts[-1])

    def cut(self, limit: int) -> tuple[Labelled, Labelled, Truncation]:
        found = [shortened(part, limit, self.closing) for part in self.tokens]
        targets = self.task.prepared(self.splits.train.targets, self.splits.validation.targets, self.centred)
        train, validation = (Labelled(part, own) for part, own in zip(found, targets, strict=True))
        return train, validation, measure(self.lengths, limit)


@dataclass(frozen=True, slots=True)
class _Documents:
    """Windows over whole documents: nothing is cut off."""

    train: Prose
    validation: Prose

    @classmethod
    def of(cls, splits: Splits, backbone: Backbone) -> _Documents:
        train = prose(splits.train, backbone, closed=True)
        return cls(train, prose(splits.validation, backbone))

    @property
    def train_tokens(self) -> int:
        return len(self.train.tokens.ids)

    def cut(self, limit: int) -> tuple[Labelled, Labelled, Truncation]:
        train = Labelled(*stretches(self.train, limit))
        lengths = np.concatenate([part.tokens.lengths for part in (self.train, self.validation)])
        nothing = Truncation(limit, len(lengths), 0, int(lengths.sum()), 0, int(lengths.max(initial=0)))
        return train, held_out(self.validation, limit), nothing


def prose(rows: Rows | Sequence[str], backbone: Backbone, closed: bool = False) -> Prose:
    """Documents as tokens of the model; `closed`: with the token that ends a text, for training."""
    marks = marks_of(backbone.model, backbone.tokenizer)
    edges = Edges(marks.start, marks.end, marks.unknown)
    texts = rows.texts if isinstance(rows, Rows) else rows
    return read_prose(texts, backbone.tokenizer.backend_tokenizer, edges, closed)


def held_out(documents: Prose, limit: int) -> Labelled:
    """Windows for scoring: each token once, all but a document's first with a quarter of a window before it."""
    return Labelled(*stretches(documents, limit, max(1, int(limit * CONTEXT))))
