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
from graft.backbone.features import MEAN, TOKEN, Extractor, Features, Wanted
from graft.backbone.heads import NativeHeadAlone, rescale
from graft.backbone.outputs import renew
from graft.backbone.readout import of_rows
from graft.data.tokens.tokens import Tokens
from graft.records import HeadRecord, Progress, Recipe, Said, Stage
from graft.tasks.task import known_metric
from graft.train.groups import cut_of
from graft.train.material import NOTHING, Extracted, Labelled, Material
from graft.train.paired import is_apart, side_by_side, start_paired
from graft.train.pooled import start_pooled
from graft.train.probe import START, Examples, fit_probe, start_native

START_ROWS = 2048  # enough to point a head in the right direction
START_PAIRS = 512  # enough for a line over the cosine: two numbers for each class


def wanted(material: Material, recipe: Recipe) -> Wanted:
    """What the recipe's stages and its head's start read: pooled depths, and boundaries worth keeping."""
    blocks = material.backbone.record.blocks
    depths: tuple[int, ...] = ()
    if is_apart(material, recipe):
        depths = (blocks,)
    elif recipe.head == "pooled":
        depths = features.all_depths(material.backbone)
    elif _starts_from_probe(material, recipe) or any(_is_of_head_alone(material, recipe, s) for s in recipe.stages):
        depths = (blocks,)
    cuts = boundaries(material, recipe)
    return Wanted(depths, cuts, tuple(passes(material, recipe, cut) for cut in cuts))


def boundaries(material: Material, recipe: Recipe) -> tuple[int, ...]:
    """The cuts whose token states are kept: those of stages above frozen, pretrained blocks that run more than once.

    A head that reads tokens trains alone above all blocks; one that reads whole texts has pooled features for that.
    """
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
            and not _is_of_head_alone(material, recipe, stage)
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


def _is_of_head_alone(material: Material, recipe: Recipe, stage: Stage) -> bool:
    """Whether a stage trains a head over pooled features; one that is a whole decoder reads token states."""
    stands_alone = recipe.head == "pooled" or is_apart(material, recipe) or material.backbone.family.head is not None
    return stage.unfrozen == 0 and stands_alone and material.backbone.reads == "row"


def extract(material: Material, recipe: Recipe) -> Iterator[Progress | Said | Extracted]:
    """Both splits through the frozen backbone, once; the last value yielded is what came of it."""
    asked = wanted(material, recipe)
    train_rows, validation_rows = (_sequences(part, material, recipe) for part in (material.train, material.validation))
    if _only_starts(recipe, asked):
        part = _sequences(material.train.take(start_rows(material, recipe)), material, recipe)
        yield Extracted((yield from _run(material.extractor, part, asked, "extract")), NOTHING.validation)
        return
    if not asked.depths and not asked.cuts:
        yield NOTHING
        return
    train = yield from _run(material.extractor, train_rows, asked, "extract train")
    validation = yield from _run(material.extractor, validation_rows, asked, "extract validation")
    yield Extracted(train, validation)


def _sequences(part: Labelled, material: Material, recipe: Recipe) -> Tokens:
    """What crosses the backbone: each text of a pair by itself, where pairs are read apart."""
    return part.tokens.apart if is_apart(material, recipe) else part.tokens


def _only_starts(recipe: Recipe, asked: Wanted) -> bool:
    """Whether the features serve a native head's start and nothing else: then a sample of the rows will do."""
    head_stage = any(stage.unfrozen == 0 for stage in recipe.stages)  # of a native head that can stand alone
    return recipe.head == "native" and bool(asked.depths) and not asked.cuts and not head_stage


def start_rows(material: Material, recipe: Recipe) -> NDArray[np.int64]:
    """The rows of the train split that a native head's start is fitted on, where it is all that needs features."""
    rows = len(material.train)
    most = START_PAIRS if is_apart(material, recipe) else START_ROWS
    chosen = np.random.default_rng(recipe.seed).permutation(rows)[:most]
    return np.sort(chosen).astype(np.int64)


def _run(extractor: Extractor, tokens: Tokens, asked: Wanted, phase: str) -> Generator[Progress | Said, None, Features]:
    yield from extractor.run(tokens, asked, phase)
    assert extractor.features is not None
    yield from map(Said, extractor.features.notes)
    return extractor.features


def start_head(material: Material, recipe: Recipe, extracted: Extracted, known: HeadRecord | None = None) -> HeadRecord:
    """Give the backbone's model its head's start, in place. `known`: the head of the fit that goes on."""
    if material.task.head.reads == "language":
        why = "the language model's own head, which goes on as it was pretrained"
        return HeadRecord("language", "", material.backbone.record.blocks, "pretrained", why)
    if material.task.head.reads == "decoder":
        why = "the model's own decoder, which goes on as it was pretrained"
        return HeadRecord("native", "decoder", material.backbone.record.blocks, "pretrained", why)
    if is_apart(material, recipe):
        return start_paired(material, recipe, extracted, start_rows(material, recipe))
    if recipe.head == "pooled":
        return start_pooled(material, recipe, extracted, start_rows(material, recipe), known)
    head = material.backbone.family.head
    blocks = material.backbone.record.blocks
    reads = material.backbone.family.poolings[TOKEN] if head is None else head.reads
    if not _starts_from_probe(material, recipe) or head is None:
        return _start_plainly(material, recipe, reads)
    place = MEAN if reads == "mean" else TOKEN
    sampled = not extracted.validation.pooled
    part = material.train.take(start_rows(material, recipe)) if sampled else material.train
    learnt = _examples(part, extracted.train.pooled[blocks][:, place])
    what = "the mean of the tokens' states" if reads == "mean" else f"the {reads} token's state"
    why = f"the family's native head reads {what}; it starts as a linear probe of that"
    if sampled:
        probe, scores = fit_probe(material.task, learnt, None, material.classes, START), {}
        why += f", fitted on {len(learnt.targets):,} rows"
    else:
        held = _examples(material.validation, extracted.validation.pooled[blocks][:, place])
        main = known_metric(material.task, recipe.metric)
        probe = fit_probe(material.task, learnt, held, material.classes, metric=main)
        scores = {f"{reads}@{blocks}": probe.score}
    start_native(NativeHeadAlone(material.backbone.model, head), probe, learnt.features_ND)
    return HeadRecord("native", reads, blocks, "probe", why, scores)


def _examples(part: Labelled, pooled: Tensor) -> Examples:
    """Rows with the features of their token rows: of one that is read through windows their mean, of which a linear
    head says the mean of what it says of each."""
    if part.layout is not None:
        pooled = of_rows(pooled.float(), part.layout, np.arange(len(part)))
    return Examples(pooled, part.targets)


def _start_plainly(material: Material, recipe: Recipe, reads: str) -> HeadRecord:
    """A native head as it was loaded: it goes on where it came with the weights for these very outputs (but where a
    recipe asks for another start of what could be a probe), and is random else."""
    backbone, blocks = material.backbone, material.backbone.record.blocks
    pooling = reads if backbone.reads == "row" else backbone.reads
    asked = recipe.start == "random"
    if backbone.knows and not (asked and backbone.reads == "row"):
        factor, shift = material.task.scale(material.train.targets)  # numbers are learnt standardised,
        rescale(backbone, 1 / factor, -shift / factor)  # and answered in the person's units
        return HeadRecord(
            "native", pooling, blocks, "pretrained", "the backbone's own, for the same outputs; it goes on"
        )
    if backbone.knows:
        torch.manual_seed(recipe.seed)
        renew(backbone.model, set())
    why = "the recipe asks for it" if asked else "this head has another shape"
    return HeadRecord("native", pooling, blocks, "random", f"random start: {why}")


def _starts_from_probe(material: Material, recipe: Recipe) -> bool:
    if material.task.head.reads != "row" or material.backbone.reads != "row":
        return False
    head = material.backbone.family.head
    return recipe.start == "probe" and (recipe.head == "pooled" or (head is not None and not head.norm))


def lowest_read(head: HeadRecord) -> int:
    """The lowest block whose output the head reads."""
    return 1 if head.pooling == "layers" else head.depth


def head_features(pooled: dict[int, Tensor], head: HeadRecord) -> Tensor:
    """features_ND that a head alone reads; of pairs read apart, both texts' side by side."""
    if head.kind == "paired":
        return side_by_side(pooled[head.depth])
    if head.pooling == "layers":
        return torch.stack([states[:, MEAN] for states in pooled.values()]).mean(0)
    place = MEAN if head.pooling == "mean" else TOKEN
    return torch.from_numpy(np.ascontiguousarray(pooled[head.depth][:, place].numpy()))
