"""From documents and a backbone to what a fit works on: windows over whole documents, nothing cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graft.backbone.features import Extractor
from graft.backbone.marks import marks_of
from graft.backbone.model import Backbone
from graft.cache.store import Store
from graft.data.table import Rows, Splits
from graft.data.tokens.prose import Edges, Prose, read_prose, stretches
from graft.records import MachineRecord, Truncation
from graft.tasks.registry import task_named
from graft.train.material import Labelled, Material

CONTEXT = 0.25  # of a window that is read again as context when held-out text is scored


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of train and validation as tokens."""

    train: Prose
    validation: Prose

    @property
    def train_tokens(self) -> int:
        """Tokens to learn from."""
        return len(self.train.tokens.ids)

    def truncation(self, limit: int) -> Truncation:
        """What windows of at most `limit` tokens cut off: nothing."""
        lengths = np.concatenate([part.tokens.lengths for part in (self.train, self.validation)])
        return Truncation(limit, len(lengths), 0, int(lengths.sum()), 0, int(lengths.max(initial=0)))

    def material(self, splits: Splits, backbone: Backbone, machine: MachineRecord, limit: int) -> Material:
        """What every stage reads: windows of at most `limit` tokens."""
        learnt, held = Labelled(*stretches(self.train, limit)), held_out(self.validation, limit)
        extractor, task = Extractor(backbone, machine, Store()), task_named(splits.summary.task)
        return Material(backbone, learnt, held, splits.classes, machine, extractor, task)


def read(splits: Splits, backbone: Backbone) -> Documents:
    """The documents of both splits that training reads; those of train with the token that ends a text."""
    return Documents(prose(splits.train, backbone, closed=True), prose(splits.validation, backbone))


def prose(rows: Rows | Sequence[str], backbone: Backbone, closed: bool = False) -> Prose:
    """Documents as tokens of the model; `closed`: with the token that ends a text."""
    marks = marks_of(backbone.model, backbone.tokenizer)
    edges = Edges(marks.start, marks.end, marks.unknown)
    texts = rows.texts if isinstance(rows, Rows) else rows
    return read_prose(texts, backbone.tokenizer.backend_tokenizer, edges, closed)


def held_out(documents: Prose, limit: int) -> Labelled:
    """Windows for scoring: each token once, all but a document's first with a quarter of a window before it."""
    return Labelled(*stretches(documents, limit, max(1, int(limit * CONTEXT))))
