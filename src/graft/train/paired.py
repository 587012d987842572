"""The head of pairs that are read apart, and its start: a line over the cosine of the two texts."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.features import MEAN
from graft.backbone.heads import PairedHead, paired_features
from graft.backbone.model import HEAD
from graft.records import HeadRecord, Recipe
from graft.tasks.task import known_metric, signed
from graft.train.material import Extracted, Material
from graft.train.probe import Examples, Probe, fit_probe

POOLING = "mean"  # what sentence embeddings are trained with
COSINE = 1  # the first of the head's features


def is_apart(material: Material, recipe: Recipe) -> bool:
    """Whether the rows are pairs of which each text crosses the backbone by itself."""
    return recipe.pairs == "apart" and material.train.tokens.firsts is not None


def side_by_side(pooled: Tensor) -> Tensor:
    """both_ND of pooled states of the texts of pairs, one after the other (2 × rows, poolings, width)."""
    mean = torch.from_numpy(np.ascontiguousarray(pooled[:, MEAN].numpy()))
    return mean.reshape(len(mean) // 2, -1)


def start_paired(material: Material, recipe: Recipe, extracted: Extracted, rows: NDArray[np.int64]) -> HeadRecord:
    """Graft a head for pairs onto the backbone's model. `rows`: of the train split, where only these were extracted."""
    blocks, width = material.backbone.record.blocks, material.backbone.record.width
    head = PairedHead(width, len(material.classes), POOLING, blocks)
    train = paired_features(side_by_side(extracted.train.pooled[blocks]))
    targets = material.train.targets
    learnt = Examples(train, targets if len(train) == len(targets) else targets.take(rows))
    held = None
    if extracted.validation.pooled:
        features = paired_features(side_by_side(extracted.validation.pooled[blocks]))
        held = Examples(features, material.validation.targets)
    main = known_metric(material.task, recipe.metric)
    probes = {"cosine": _probe(material, learnt, held, COSINE, main)}
    if recipe.head == "pooled":
        probes["u, v, |u − v|, u ∘ v"] = _probe(material, learnt, held, train.shape[1], main)
    name = max(probes, key=lambda kind: signed(main, {main: probes[kind].score}))
    _set(head, probes[name])
    material.backbone.model.add_module(HEAD, head)
    why = f"each text crosses the backbone by itself; the head starts from a line over their {name}"
    scores = {kind: probe.score for kind, probe in probes.items()} if held else {}
    return HeadRecord("paired", POOLING, blocks, "probe", why, scores)


def _probe(material: Material, learnt: Examples, held: Examples | None, width: int, metric: str) -> Probe:
    narrow = Examples(learnt.features_ND[:, :width], learnt.targets)
    validation = Examples(held.features_ND[:, :width], held.targets) if held else None
    return fit_probe(material.task, narrow, validation, material.classes, metric=metric)


@torch.no_grad()
def _set(head: PairedHead, probe: Probe) -> None:
    """The probe's weights on the features that it read, 0 on the others."""
    weight_CD = probe.weight_CD / probe.deviation_D
    head.linear.weight.zero_()
    head.linear.weight[:, : weight_CD.shape[1]] = weight_CD
    head.linear.bias.copy_(probe.bias_C - weight_CD @ probe.mean_D)
