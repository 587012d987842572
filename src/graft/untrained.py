"""The yardstick of similarity without training: what the cosine of two untrained embeddings says of a pair."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator, Mapping

from torch import Tensor

from graft.backbone.features import Wanted
from graft.backbone.heads import paired_features
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.data.table import Splits
from graft.data.targets import Flags
from graft.data.tokens.longtexts import Limits
from graft.data.tokens.pairs import tokenize_rows
from graft.data.tokens.tokens import Tokens
from graft.errors import GraftError
from graft.evaluate import baseline
from graft.reading import material_of, tokenised
from graft.records import Baseline, Manifest, Progress, Said
from graft.tasks.task import Outputs, Yardstick
from graft.train.material import Material
from graft.train.paired import COSINE, side_by_side
from graft.train.probe import Examples, Probe, fit_probe
from graft.train.start import start_rows

WEAK = (1e-4,)  # the penalty of a line over one feature


def cosine(splits: Splits, manifest: Manifest) -> Iterator[Progress | Said | Baseline]:
    """Read the texts of train and test pairs apart by the untrained model; the last value yielded is the `Baseline`.

    A line over the cosine, fitted on the rows of train that a native head for pairs read apart starts from, answers in
    the task's own terms. Where the model is no longer at hand nothing but a note is yielded.
    """
    began = time.perf_counter()
    name, revision = manifest.backbone.name, manifest.backbone.revision or None
    try:
        backbone = load(hub.locate(name, revision), splits.classes)
    except GraftError as error:
        yield Said(f"The untrained cosine is left out: {error.found}")
        return
    limits = Limits(manifest.truncation.limit, "truncate")
    material = material_of(splits, backbone, manifest.machine, tokenised(splits, backbone, limits, "apart"))
    learnt = material.train.take(start_rows(material, dataclasses.replace(manifest.recipe, pairs="apart")))
    train = yield from _cosines(material, learnt.tokens)
    test = yield from _cosines(
        material, tokenize_rows(splits.test, backbone.tokenizer.backend_tokenizer, limits.tokens, "apart")[0]
    )
    probe = fit_probe(material.task, Examples(train, learnt.targets), None, splits.classes, WEAK)
    factor, shift = material.task.scale(learnt.targets)
    logits = (probe.logits(test) * factor + shift).numpy()
    settled = yield from _thresholds(material, probe)
    what = "a line over the cosine of the two texts' embeddings by the untrained model"
    yardstick = Yardstick("cosine", what, logits, time.perf_counter() - began, settled)
    yield baseline(material.task, yardstick, splits.test.targets, Outputs(splits.classes))


def _thresholds(material: Material, probe: Probe) -> Generator[Progress, None, Mapping[str, float]]:
    """For several labels, those that serve the line over the cosine best on validation, as the model has its own."""
    if not isinstance(material.validation.targets, Flags):
        return {}
    held = yield from _cosines(material, material.validation.tokens)
    return material.task.settle(probe.logits(held).numpy(), material.validation.targets, material.classes).kept


def _cosines(material: Material, tokens: Tokens) -> Generator[Progress, None, Tensor]:
    """cosine_N1 of the two texts of each pair, by the mean of their tokens after the last block."""
    blocks = material.backbone.record.blocks
    yield from material.extractor.run(tokens.apart, Wanted((blocks,)), "untrained cosine")
    assert material.extractor.features is not None
    return paired_features(side_by_side(material.extractor.features.pooled[blocks]))[:, :COSINE]
