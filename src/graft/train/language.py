"""What a stage of a language model minimises: the cross-entropy of each next token; judged in bits per character."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.language import LanguagePath
from graft.backbone.paths import Feed, Path
from graft.data.tokens.prose import Stretches
from graft.errors import NotFinite
from graft.records import Progress, Stage
from graft.tasks.task import Task, known_metric, rank
from graft.tasks.writing_metrics import counted
from graft.train.material import Labelled, Material

Order = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NextToken:
    """Each token after those before it."""

    task: Task
    train: Stretches
    validation: Labelled
    asked: Order  # tokens that each train row is asked for
    metric: str
    stage: str

    @classmethod
    def of(cls, material: Material, stage: Stage, metric: str) -> NextToken:
        train = material.train.targets
        assert isinstance(train, Stretches)
        asked = material.train.tokens.lengths - train.fresh
        named = known_metric(material.task, metric)
        return cls(material.task, train, material.validation, asked, named, stage.name)

    def loss(self, path: Path, feed: Feed, rows: Order) -> Tensor:
        assert isinstance(path, LanguagePath)
        return path.loss(feed, self.train.fresh, rows)

    def weight(self, rows: Order) -> float:
        return float(self.asked[rows].sum())

    def validate(self, path: Path, feed: Feed) -> Iterator[Progress | dict[str, float]]:
        assert isinstance(path, LanguagePath)
        targets = self.validation.targets
        assert isinstance(targets, Stretches)
        for event in path.nats(feed, targets.fresh, "validate"):
            if isinstance(event, Progress):
                yield event
            elif np.isfinite(event).all():
                yield self.task.validate(counted(event, feed.tokens, targets), targets, ())
            else:
                raise NotFinite(self.stage)

    def rank(self, metrics: Mapping[str, float]) -> tuple[float, float]:
        return rank(self.task, self.metric, metrics)
