"""What a fit works on: a backbone, labelled token rows, the machine's choices, and the store of extracted features."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.boundary import Boundary
from graft.backbone.features import Extractor, Features
from graft.backbone.model import Backbone
from graft.backbone.paths import Feed
from graft.data.references import References
from graft.data.spans import taken
from graft.data.targets import Targets
from graft.data.tokens.layout import Layout
from graft.data.tokens.tokens import Tokens
from graft.records import MachineRecord
from graft.tasks.classification import CLASSIFICATION
from graft.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Labelled:
    """Token rows with their targets."""

    tokens: Tokens
    targets: Targets
    layout: Layout | None = None  # how the rows lie in the token rows; None: one each

    def __len__(self) -> int:
        return len(self.tokens) if self.layout is None else len(self.layout)

    def take(self, rows: NDArray[np.int64]) -> Labelled:
        """The rows at these positions, in this order."""
        if self.layout is None:
            return Labelled(self.tokens.take(rows), self.targets.take(rows))
        _, windows = taken(self.layout.bounds, rows)
        return Labelled(self.tokens.take(windows), self.targets.take(rows), self.layout.take(rows))

    def feed(self, cached: Boundary | Tensor | None = None) -> Feed:
        """The rows as a path reads them."""
        replies = self.targets.tokens if isinstance(self.targets, References) else None
        return Feed(self.tokens, cached, self.layout, replies)


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that every stage reads."""

    backbone: Backbone
    train: Labelled
    validation: Labelled
    classes: tuple[str, ...]  # the names of the head's outputs
    machine: MachineRecord
    extractor: Extractor
    task: Task = CLASSIFICATION


@dataclass(frozen=True, slots=True)
class Extracted:
    """The features of both splits that training reads."""

    train: Features
    validation: Features


NOTHING = Extracted(Features({}, {}, 0, 0, 0.0), Features({}, {}, 0, 0, 0.0))


def below(extracted: Extracted, cut: int) -> Extracted:
    """The features that only the blocks below `cut` have made."""

    def kept(found: Features) -> Features:
        pooled = {depth: states for depth, states in found.pooled.items() if depth <= cut}
        boundaries = {level: states for level, states in found.boundaries.items() if level <= cut}
        return dataclasses.replace(found, pooled=pooled, boundaries=boundaries)

    return Extracted(kept(extracted.train), kept(extracted.validation))
