"""What a stage of an encoder-decoder minimises: the cross-entropy of each token of a reply, given those before it.

Judged by the same on validation; where the recipe keeps the best by another metric, also by what is written (greedily)
for some of the validation rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.boundary import Boundary
from graft.backbone.model import Backbone
from graft.backbone.paths import Feed, Path
from graft.backbone.rewriting import Outputs, Rewriter, settings
from graft.backbone.seq2seq import Seq2SeqPath
from graft.data.references import References, references_of
from graft.data.tokens.tokens import Tokens
from graft.errors import NotFinite
from graft.records import Progress, Stage
from graft.tasks.task import Task, known_metric, rank
from graft.train.material import Labelled, Material

Order = NDArray[np.int64]
WRITTEN = 200  # validation rows that are written for, where what is written is judged
ROOM = 1.25  # the longest reply of train, times this: the most tokens that are written


@dataclass(frozen=True, slots=True)
class Reply:
    """Each token of a row's first reference."""

    task: Task
    backbone: Backbone
    lengths: Order  # tokens of each train row's reply
    validation: Labelled
    metric: str
    stage: Stage

    @classmethod
    def of(cls, material: Material, stage: Stage, metric: str) -> Reply:
        lengths = replies_of(material.train).lengths
        named = known_metric(material.task, metric)
        return cls(material.task, material.backbone, lengths, material.validation, named, stage)

    def loss(self, path: Path, feed: Feed, rows: Order) -> Tensor:
        assert isinstance(path, Seq2SeqPath)
        return path.loss(feed, rows, self.stage.loss.label_smoothing)

    def weight(self, rows: Order) -> float:
        return float(self.lengths[rows].sum())

    def validate(self, path: Path, feed: Feed) -> Iterator[Progress | dict[str, float]]:
        assert isinstance(path, Seq2SeqPath)
        found: dict[str, float] = {}
        for event in path.nats(feed, "validate"):
            if isinstance(event, Progress):
                yield event
            elif np.isfinite(event).all():
                found["token_loss"] = float(event.sum() / max(replies_of(self.validation).lengths.sum(), 1))
            else:
                raise NotFinite(self.stage.name)
        if self.metric != "token_loss":
            wanted = settings(self.backbone.model, self.backbone.tokenizer, 1, most_tokens(self.lengths))
            rows = some(self.validation)
            part = sampled(feed, rows)
            for written in Rewriter(path, self.backbone.tokenizer, wanted).write(part, "validate"):
                if isinstance(written, Progress):
                    yield written
                else:
                    found |= judged(self.task, written, self.validation, rows)
        yield found

    def rank(self, metrics: Mapping[str, float]) -> tuple[float, float]:
        return rank(self.task, self.metric, metrics)


def replies_of(part: Labelled) -> Tokens:
    """The tokens of a split's first references."""
    tokens = references_of(part.targets).tokens
    assert tokens is not None, "replies have not been tokenised"
    return tokens


def some(part: Labelled) -> Order:
    """The rows of a split that are written for: all, or a sample that is always the same."""
    return np.sort(np.random.default_rng(0).permutation(len(part))[:WRITTEN])


def sampled(feed: Feed, rows: Order) -> Feed:
    """A feed of these rows, cached states included."""
    part = feed.take(rows)
    if not isinstance(feed.cached, Boundary):
        return part
    return dataclasses.replace(part, cached=feed.cached.take(rows))


def judged(task: Task, written: Outputs, part: Labelled, rows: Order) -> dict[str, float]:
    """The metrics of what was written for these rows of a split."""
    targets: References = references_of(part.targets).take(rows)
    return task.validate(written, targets, ())


def most_tokens(lengths: Order) -> int:
    """The most tokens of a reply, from those of train."""
    return int(np.ceil(ROOM * lengths.max(initial=1)))
