"""What a stage minimises and what it is judged by: all that the fit knows of a task.

An `Objective` turns rows into a loss through a path, and a split into metrics. `objective_of` chooses by what the
task's head reads; a new way of reading (a language model) is a class here or in its own file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.paths import Feed, Path, predict_logits
from graft.errors import NotFinite
from graft.records import Progress, Stage
from graft.tasks.task import Criterion, Task, known_metric, rank
from graft.train.extractive import Spans
from graft.train.language import NextToken
from graft.train.material import Labelled, Material
from graft.train.rewriting import Reply

Metrics = dict[str, float]
Order = NDArray[np.int64]


class Objective(Protocol):
    """Loss and validation of one stage."""

    def loss(self, path: Path, feed: Feed, rows: Order) -> Tensor:
        """The loss of these train rows, summed (a 0-d tensor that can be differentiated)."""
        ...

    def weight(self, rows: Order) -> float:
        """What these train rows weigh: a step follows the gradient of the batch's loss over its weight."""
        ...

    def validate(self, path: Path, feed: Feed) -> Iterator[Progress | Metrics]:
        """The validation metrics; the last value yielded. Raises NotFinite where the model answers with no numbers."""
        ...

    def rank(self, metrics: Mapping[str, float]) -> tuple[float, float]:
        """Metrics as a value by which they compare: higher is better, ties broken by the second."""
        ...


def objective_of(material: Material, stage: Stage, metric: str) -> Objective:
    """The objective of a stage over the material's splits. `metric`: of the recipe; "" is the task's own."""
    if material.task.head.reads == "language":
        return NextToken.of(material, stage, metric)
    if material.task.head.reads == "span":
        return Spans.of(material, stage, metric)
    if material.task.head.reads == "decoder":
        return Reply.of(material, stage, metric)
    assert material.task.head.reads in ("row", "token"), f"no objective reads by {material.task.head.reads}"
    return Plain.of(material, stage, metric)


@dataclass(frozen=True, slots=True)
class Plain:
    """One vector of outputs per row, or per word of it, compared with its target."""

    task: Task
    names: tuple[str, ...]
    validation: Labelled
    criterion: Criterion  # over the train split
    metric: str
    stage: str

    @classmethod
    def of(cls, material: Material, stage: Stage, metric: str) -> Plain:
        task, names = material.task, material.classes
        criterion = task.criterion(material.train.targets, len(names), stage.loss)
        return cls(task, names, material.validation, criterion, known_metric(task, metric), stage.name)

    def loss(self, path: Path, feed: Feed, rows: Order) -> Tensor:
        return self.criterion.losses(path.logits(feed, rows), rows).sum()

    def weight(self, rows: Order) -> float:
        return self.criterion.weight(rows)

    def validate(self, path: Path, feed: Feed) -> Iterator[Progress | Metrics]:
        for event in predict_logits(path, feed, len(self.names), "validate"):
            if isinstance(event, Progress):
                yield event
            elif np.isfinite(event).all():
                yield self.task.validate(event, self.validation.targets, self.names)
            else:  # a device that is not waited for at each step may get as far as this
                raise NotFinite(self.stage)

    def rank(self, metrics: Mapping[str, float]) -> tuple[float, float]:
        return rank(self.task, self.metric, metrics)
