"""The head that graft has of its own: a probe of one pooling at one depth, both picked on validation."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone import features
from graft.backbone.heads import PooledHead
from graft.backbone.model import HEAD
from graft.records import HeadRecord, Recipe
from graft.tasks.task import known_metric, signed
from graft.train.material import Extracted, Material
from graft.train.probe import PENALTIES, STEPS, WIDEST, Examples, Probe, fit_probe

FIRST, FIRST_OF_WIDE = 1, 10  # steps of the solver that tell poolings and depths apart; features in their axes need one
FINALISTS, PROMOTED = 4, 2  # poolings and depths that are tried on all of train, and at every penalty

Place = tuple[str, int]  # a pooling and a depth


def start_pooled(
    material: Material, recipe: Recipe, extracted: Extracted, rows: NDArray[np.int64], known: HeadRecord | None
) -> HeadRecord:
    """Graft a pooled head onto the backbone's model. `rows`: the part of train that tells poolings and depths apart.

    Try every pooling and depth by the first step on a part of train, the best few of them to the end on all of it,
    and the best of those at weaker penalties; the best by the recipe's metric on validation becomes the head. A fit
    that goes on keeps the pooling and depth that it began with, whatever last bits would choose now."""
    metric = known_metric(material.task, recipe.metric)
    contest = _Contest(material, extracted, metric)
    first = FIRST if material.backbone.record.width <= WIDEST else FIRST_OF_WIDE
    every = np.arange(len(material.train))
    if known is not None:
        place = known.pooling, known.depth
        contest.attempt([place], every, PENALTIES, STEPS)
        material.backbone.model.add_module(HEAD, pooled_head(contest.tried[place], *place))
        return known
    contest.attempt(None, rows, PENALTIES[:1], first)
    entered = len(contest.tried)
    finalists = contest.best(FINALISTS, contest.tried)
    contest.attempt(finalists, every, PENALTIES[:1], STEPS)
    promoted = contest.best(PROMOTED, finalists)
    contest.attempt(promoted, every, PENALTIES[1:], STEPS, warm=True)
    (pooling, depth), *_ = contest.best(1, finalists)
    material.backbone.model.add_module(HEAD, pooled_head(contest.tried[pooling, depth], pooling, depth))
    why = (
        f"{pooling} at block {depth} had the best {metric} on validation of {entered} poolings and depths, "
        f"the best {len(finalists)} of which were tried on all of train, {len(promoted)} at weaker penalties"
    )
    named = {f"{name}@{level}": score for (name, level), score in contest.scores.items()}
    return HeadRecord("pooled", pooling, depth, "probe", why, named)


@dataclass(frozen=True, slots=True)
class _Contest:
    """The poolings and depths that a pooled head could read, each with its last probe and what that scored."""

    material: Material
    extracted: Extracted
    metric: str
    tried: dict[Place, Probe] = field(default_factory=dict)
    scores: dict[Place, float] = field(default_factory=dict)

    def attempt(
        self,
        chosen: Collection[Place] | None,
        rows: NDArray[np.int64],
        penalties: tuple[float, ...],
        steps: int,
        warm: bool = False,
    ) -> None:
        """Fit the chosen ones (None: all) on rows of train; `warm`: from their last probes, at weaker penalties."""
        material, targets = self.material, self.material.train.targets.take(rows)
        for place, train, validation in _views(material, self.extracted):
            if chosen is None or place in chosen:
                learnt = Examples(train[torch.from_numpy(rows)], targets)
                held, before = Examples(validation, material.validation.targets), self.tried[place] if warm else None
                by = self.metric, before
                probe = fit_probe(material.task, learnt, held, material.classes, penalties, steps, *by)
                logits = probe.logits(validation).numpy()
                self.tried[place] = probe
                self.scores[place] = material.task.validate(logits, held.targets, material.classes)[self.metric]

    def best(self, count: int, among: Collection[Place]) -> list[Place]:
        """So many of these, the best first; of equals the deepest."""
        return sorted(among, key=self._value, reverse=True)[:count]

    def _value(self, place: Place) -> tuple[float, int]:
        return signed(self.metric, {self.metric: self.scores[place]}), place[1]


def _views(material: Material, extracted: Extracted) -> Iterator[tuple[Place, Tensor, Tensor]]:
    """Every pooling and depth with its features of train and of validation."""
    depths, poolings = features.all_depths(material.backbone), material.backbone.family.poolings
    held = features.views(extracted.validation.pooled, depths, poolings)
    both = zip(features.views(extracted.train.pooled, depths, poolings), held, strict=True)
    for (pooling, depth, train), (_, _, validation) in both:
        yield (pooling, depth), train, validation


@torch.no_grad()
def pooled_head(probe: Probe, pooling: str, depth: int) -> PooledHead:
    """A pooled head that computes what the probe computes."""
    head = PooledHead(len(probe.mean_D), len(probe.bias_C), pooling, depth)
    head.mean.copy_(probe.mean_D)
    head.deviation.copy_(probe.deviation_D)
    head.linear.weight.copy_(probe.weight_CD)
    head.linear.bias.copy_(probe.bias_C)
    return head
