"""How a stage goes from rows to logits: the head alone, above a cut from cached states, or through every block."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import nn

from graft.backbone.families import Family
from graft.backbone.heads import NativeHeadAlone
from graft.backbone.language import LanguagePath
from graft.backbone.model import HEAD, Backbone
from graft.backbone.paths import Feed, HeadPath, ModelPath, Path
from graft.backbone.seq2seq import Seq2SeqPath
from graft.records import HeadRecord, Stage
from graft.train import rows, start
from graft.train.groups import cut_of, groups
from graft.train.material import Extracted, Material
from graft.train.weights import FlatWeights


@dataclass(frozen=True, slots=True)
class Way:
    """A stage's path, what feeds it for training and validation, and why so."""

    path: Path
    train: Feed
    validation: Feed
    why: str


def way(material: Material, stage: Stage, head: HeadRecord, extracted: Extracted, stack: ExitStack) -> Way:
    """The way of a stage; a cut stays in place until `stack` closes."""
    parts = (material.train, material.validation)
    both = (extracted.train, extracted.validation)
    alone = head_alone(material.backbone, head) if material.task.head.reads == "row" else None
    if stage.unfrozen == 0 and alone is not None and head.depth in extracted.train.pooled:
        features = [start.head_features(found.pooled, head) for found in both]
        feeds = [part.feed(values) for part, values in zip(parts, features, strict=True)]
        why = "the backbone is frozen: the head reads features that were extracted once"
        return Way(HeadPath(material.backbone, alone), feeds[0], feeds[1], why)
    path = _whole(material)
    path.set_dropout(stage.loss.dropout, stage.loss.attention_dropout)
    cut = cut_of(stage, material.backbone.record.blocks)
    states = [found.boundaries.get(cut) for found in both]
    worth = extracted.train.worth.get(cut)
    if states[0] is None or states[1] is None:
        why = _why_not_cached(material.backbone.family, stage, cut)
        if worth is not None and worth.reading:
            why += f" ({worth.sentence})"
        return Way(path, parts[0].feed(), parts[1].feed(), why)
    if head.kind != "native" and cut >= start.lowest_read(head):
        why = f"the head reads block {start.lowest_read(head)}, which is not above the cut: recomputed"
        return Way(path, parts[0].feed(), parts[1].feed(), why)
    stack.enter_context(path.above(cut))
    why = f"the states after block {cut} were extracted once"
    return Way(path, parts[0].feed(states[0]), parts[1].feed(states[1]), why)


def _whole(material: Material) -> ModelPath | LanguagePath | Seq2SeqPath:
    """The whole model, as the task reads it."""
    if material.task.head.reads == "language":
        window = int(material.train.tokens.lengths.max(initial=1))
        return LanguagePath(material.backbone, material.machine, window)
    if material.task.head.reads == "decoder":
        return Seq2SeqPath(material.backbone, material.machine)
    return ModelPath(material.backbone, material.machine)


def head_alone(backbone: Backbone, head: HeadRecord) -> nn.Module | None:
    """The head as a module over pooled features, where it can stand alone."""
    if head.kind != "native":
        return backbone.model.get_submodule(HEAD)
    if backbone.reads != "row" or backbone.family.head is None:
        return None
    return NativeHeadAlone(backbone.model, backbone.family.head)


def thawed(material: Material, stage: Stage, path: Path) -> FlatWeights:
    """The stage's weights in the path's module, their masters taken from the fp32 model."""
    chosen = groups(material.backbone, stage)
    if material.machine.device == "cpu":  # elsewhere dense steps are cheaper than finding the rows
        rows.install(path.module, {name for group in chosen for name in group.names})
    weights = FlatWeights(path.module, chosen)
    truth = dict(material.backbone.model.named_parameters())
    with torch.no_grad():
        for name, master in weights.named().items():
            master.copy_(truth[name])
    return weights


def _why_not_cached(family: Family, stage: Stage, cut: int) -> str:
    if cut == 0:
        return "every block trains, so nothing below can be kept"
    if not family.known:
        return f"{family.name!r} is not among the families that may be cut, so every epoch runs the whole model"
    if stage.cache == "off":
        return "the recipe asks for no cache"
    if stage.epochs <= 1 and stage.cache == "auto":
        return "one epoch: recomputing costs no more than keeping"
    return "recomputed: blocks below the cut were trained before, or keeping the states is dearer or does not fit"
