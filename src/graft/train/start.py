"""Before the first step: extract once what the recipe will need, and give the head its start.

A native head starts from a linear probe where its shape allows; a pooled head is a probe, its pooling and depth
picked on validation.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone import features
from graft.backbone.features import POOLINGS, Extractor, Features, Wanted
from graft.backbone.heads import NativeHeadAlone, PooledHead
from graft.backbone.model import HEAD
from graft.data.tokens import Tokens
from graft.records import HeadRecord, Progress, Recipe, Said
from graft.tasks.classification import HIGHER_IS_BETTER, validation_metrics
from graft.train.groups import cut_of
from graft.train.material import NOTHING, Extracted, Material
from graft.train.probe import PENALTIES, Probe, fit_probe, start_native

START_ROWS = 2048  # enough to point a head in the right direction


def wanted(material: Material, recipe: Recipe) -> Wanted:
    """What the recipe's stages and its head's start read: pooled depths, and boundaries worth keeping."""
    blocks = material.backbone.record.blocks
    depths: tuple[int, ...] = ()
    if recipe.head == "pooled":
        depths = features.all_depths(material.backbone)
    elif _starts_from_probe(material, recipe) or any(stage.unfrozen == 0 for stage in recipe.stages):
        depths = (blocks,)
    cuts = boundaries(material, recipe)
    return Wanted(depths, cuts, tuple(passes(material, recipe, cut) for cut in cuts))


def boundaries(material: Material, recipe: Recipe) -> tuple[int, ...]:
    """The cuts whose token states are kept: those of stages above frozen, pretrained blocks that run more than once."""
    blocks = material.backbone.record.blocks
    if not material.backbone.family.known:
        return ()
    tokens = len(material.train.tokens.ids) + len(material.validation.tokens.ids)
    size = tokens * material.backbone.record.width * (2 if material.machine.precision == "bf16" else 4)
    cuts: list[int] = []
    lowest = blocks
    for stage in recipe.stages:
        cut = cut_of(stage, blocks)
        worth = stage.cache == "on" or (stage.cache == "auto" and stage.epochs > 1)
        if (
            0 < cut <= lowest
            and stage.unfrozen != 0
            and worth
            and material.extractor.store.fits(size * (len(cuts) + 1))
        ):
            cuts.append(cut)
        lowest = min(lowest, cut)
    return tuple(dict.fromkeys(cuts))


def passes(material: Material, recipe: Recipe, cut: int) -> int:
    """How often the states at a cut will be read at most, an epoch each time; 0 where a stage has them kept anyway."""
    above = [stage for stage in recipe.stages if cut_of(stage, material.backbone.record.blocks) == cut]
    return 0 if any(stage.cache == "on" for stage in above) else sum(stage.epochs for stage in above)


def extract(material: Material, recipe: Recipe) -> Iterator[Progress | Said | Extracted]:
    """Both splits through the frozen backbone, once; the last value yielded is what came of it."""
    asked = wanted(material, recipe)
    if _only_starts(recipe, asked):
        part = material.train.tokens.take(start_rows(material, recipe))
        yield Extracted((yield from _run(material.extractor, part, asked, "extract")), NOTHING.validation)
        return
    if not asked.depths and not asked.cuts:
        yield NOTHING
        return
    train = yield from _run(material.extractor, material.train.tokens, asked, "extract train")
    validation = yield from _run(material.extractor, material.validation.tokens, asked, "extract validation")
    yield Extracted(train, validation)


def _only_starts(recipe: Recipe, asked: Wanted) -> bool:
    """Whether the features serve a native head's start and nothing else: then a sample of the rows will do."""
    head_stage = any(stage.unfrozen == 0 for stage in recipe.stages)
    return recipe.head == "native" and bool(asked.depths) and not asked.cuts and not head_stage


def start_rows(material: Material, recipe: Recipe) -> NDArray[np.int64]:
    """The rows of the train split that a native head's start is fitted on, where it is all that needs features."""
    rows = len(material.train.tokens)
    chosen = np.random.default_rng(recipe.seed).permutation(rows)[:START_ROWS]
    return np.sort(chosen).astype(np.int64)


def _run(extractor: Extractor, tokens: Tokens, asked: Wanted, phase: str) -> Generator[Progress | Said, None, Features]:
    yield from extractor.run(tokens, asked, phase)
    assert extractor.features is not None
    yield from map(Said, extractor.features.notes)
    return extractor.features


def start_head(material: Material, recipe: Recipe, extracted: Extracted) -> HeadRecord:
    """Give the backbone's model its head's start, in place."""
    if recipe.head == "pooled":
        return _start_pooled(material, recipe, extracted)
    head = material.backbone.family.head
    if not _starts_from_probe(material, recipe) or head is None:
        why = "the recipe asks for it" if recipe.start == "random" else "this family's head has another shape"
        return HeadRecord("native", "first", material.backbone.record.blocks, "random", f"random start: {why}")
    blocks = material.backbone.record.blocks
    train = extracted.train.pooled[blocks][:, 0]
    why = "the family's native head reads the first token's state; it starts as a linear probe of that state"
    if extracted.validation.pooled:
        probe = _probe(material, train, extracted.validation.pooled[blocks][:, 0])
        scores = {f"first@{blocks}": probe.accuracy}
    else:
        codes, none = (
            material.train.codes[torch.from_numpy(start_rows(material, recipe))],
            torch.zeros(0, dtype=torch.long),
        )
        probe, scores = fit_probe(train, codes, train[:0], none, len(material.classes), PENALTIES[-1:]), {}
        why += f", fitted on {len(train):,} rows"
    start_native(NativeHeadAlone(material.backbone.model, head), probe)
    return HeadRecord("native", "first", blocks, "probe", why, scores)


def _starts_from_probe(material: Material, recipe: Recipe) -> bool:
    return recipe.start == "probe" and (recipe.head == "pooled" or material.backbone.family.head is not None)


def _probe(material: Material, train: Tensor, validation: Tensor) -> Probe:
    return fit_probe(train, material.train.codes, validation, material.validation.codes, len(material.classes))


def _start_pooled(material: Material, recipe: Recipe, extracted: Extracted) -> HeadRecord:
    """Try every pooling and depth; the best by the recipe's metric on validation becomes the head."""
    depths = features.all_depths(material.backbone)
    tried: dict[tuple[str, int], Probe] = {}
    scores: dict[tuple[str, int], float] = {}
    held = features.views(extracted.validation.pooled, depths)
    both = zip(features.views(extracted.train.pooled, depths), held, strict=True)
    for (pooling, depth, train), (_, _, validation) in both:
        probe = tried[pooling, depth] = _probe(material, train, validation)
        metrics = validation_metrics(probe.logits(validation).numpy(), material.validation.labels, material.classes)
        scores[pooling, depth] = metrics[recipe.metric]
    sign = 1 if HIGHER_IS_BETTER[recipe.metric] else -1
    pooling, depth = max(tried, key=lambda place: (sign * scores[place], place[1]))
    material.backbone.model.add_module(HEAD, pooled_head(tried[pooling, depth], pooling, depth))
    why = f"{pooling} at block {depth} had the best {recipe.metric} on validation of {len(tried)} poolings and depths"
    named = {f"{name}@{level}": score for (name, level), score in scores.items()}
    return HeadRecord("pooled", pooling, depth, "probe", why, named)


@torch.no_grad()
def pooled_head(probe: Probe, pooling: str, depth: int) -> PooledHead:
    """A pooled head that computes what the probe computes."""
    head = PooledHead(len(probe.mean_D), len(probe.bias_C), pooling, depth)
    head.mean.copy_(probe.mean_D)
    head.deviation.copy_(probe.deviation_D)
    head.linear.weight.copy_(probe.weight_CD)
    head.linear.bias.copy_(probe.bias_C)
    return head


def lowest_read(head: HeadRecord) -> int:
    """The lowest block whose output the head reads."""
    return 1 if head.pooling == "layers" else head.depth


def head_features(pooled: dict[int, Tensor], head: HeadRecord) -> Tensor:
    """features_ND that a head alone reads."""
    if head.pooling == "layers":
        return torch.stack([states[:, POOLINGS.index("mean")] for states in pooled.values()]).mean(0)
    return torch.from_numpy(np.ascontiguousarray(pooled[head.depth][:, POOLINGS.index(head.pooling)].numpy()))
