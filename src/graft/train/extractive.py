"""The objective of a head that looks for answers: where they start and end in a context, over all its windows.

Each reference answer of a question counts alike: its start and its end are each one choice among all tokens of the
context and "no answer", and the loss is the mean of both choices' minus log-probabilities (`backbone/spans.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.paths import Feed, Path, predict_logits
from graft.backbone.spans import log_shares
from graft.data.answers import Answers
from graft.data.spans import bounds_of, taken
from graft.data.tokens.layout import Layout
from graft.errors import NotFinite
from graft.machine import sent
from graft.records import Progress, Stage
from graft.tasks.task import Task, known_metric, rank
from graft.train.material import Labelled, Material

Metrics = dict[str, float]
Order = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the reference answers of some rows lie among the tokens of their contexts; 0 is "no answer", the first
    token 1. The references of row i are those from bounds[i] to bounds[i + 1]."""

    bounds: Order  # (rows + 1,)
    edges: Order  # references × 2: start and end, the latter included

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def learnt(self) -> NDArray[np.bool_]:
        """Whether a row has anything to learn from: no token may stand for its answer, or the limit have cut it."""
        some: NDArray[np.bool_] = np.diff(self.bounds) > 0
        return some


def places(answers: Answers, layout: Layout) -> Places:
    """The tokens at both ends of each reference answer; one whose characters no token stands for is left out."""
    assert layout.words is not None
    assert layout.chars is not None
    counts, edges = [], []
    for row in range(len(answers)):
        chars = layout.chars[int(layout.words[row]) : int(layout.words[row + 1])]
        found = [(0, 0)] if answers.spans.counts[row] == 0 else list(_tokens(answers.spans.of(row), chars))
        counts.append(len(found))
        edges += found
    return Places(bounds_of(counts), np.array(edges, np.int64).reshape(-1, 2))


def _tokens(spans: list[tuple[int, int, int]], chars: NDArray[np.int32]) -> Iterator[tuple[int, int]]:
    solid = np.flatnonzero(chars[:, 1] > chars[:, 0])  # tokens that stand for characters; their ends never fall
    for start, end, _ in spans:
        low = int(np.searchsorted(chars[solid, 1], start, side="right"))
        high = int(np.searchsorted(chars[solid, 0], end, side="left")) - 1
        if low <= high:
            yield 1 + int(solid[low]), 1 + int(solid[high])


@dataclass(frozen=True, slots=True)
class Spans:
    """Answers in contexts, learnt and judged."""

    task: Task
    names: tuple[str, ...]
    validation: Labelled
    places: Places  # of the train split
    layout: Layout
    smoothing: float
    metric: str
    stage: str

    @classmethod
    def of(cls, material: Material, stage: Stage, metric: str) -> Spans:
        answers, layout = material.train.targets, material.train.layout
        if not isinstance(answers, Answers) or layout is None:
            raise TypeError(f"answers in contexts are to be learnt, not {type(answers).__name__}")
        known = known_metric(material.task, metric)
        made = places(answers, layout), layout, stage.loss.label_smoothing, known, stage.name
        return cls(material.task, material.classes, material.validation, *made)

    def loss(self, path: Path, feed: Feed, rows: Order) -> Tensor:
        said = path.logits(feed, rows)
        assert self.layout.words is not None
        shares = log_shares(said, np.diff(self.layout.words)[rows])
        bounds, chosen = taken(self.places.bounds, rows)
        counts = np.diff(bounds)
        row_R = sent(torch.from_numpy(np.repeat(np.arange(len(rows)), counts)), said.device)
        weight_R = sent(torch.from_numpy(np.repeat(1 / np.maximum(counts, 1), counts)).to(shares.dtype), said.device)
        starts_R, ends_R = sent(torch.from_numpy(self.places.edges[chosen]), said.device).unbind(1)
        found_R = (shares[row_R, starts_R, 0] + shares[row_R, ends_R, 1]) / 2
        loss: Tensor = -(weight_R * found_R).sum()
        return loss if not self.smoothing else self._smoothed(loss, shares, rows)

    def _smoothed(self, loss: Tensor, shares: Tensor, rows: Order) -> Tensor:
        """With a share of each target spread over all tokens of the row (Szegedy et al. 2016, section 7)."""
        real = torch.isfinite(shares)
        learnt = sent(torch.from_numpy(self.places.learnt[rows]).to(shares.dtype), shares.device)
        even = -(shares.masked_fill(~real, 0).sum(1) / real.sum(1)).mean(1)
        return (1 - self.smoothing) * loss + self.smoothing * (learnt * even).sum()

    def weight(self, rows: Order) -> float:
        return max(float(self.places.learnt[rows].sum()), 1e-9)

    def validate(self, path: Path, feed: Feed) -> Iterator[Progress | Metrics]:
        for event in predict_logits(path, feed, len(self.names), "validate"):
            if isinstance(event, Progress):
                yield event
            elif not np.isnan(event).any():
                yield self.task.validate(event, self.validation.targets, self.names)
            else:
                raise NotFinite(self.stage)

    def rank(self, metrics: Mapping[str, float]) -> tuple[float, float]:
        return rank(self.task, self.metric, metrics)
