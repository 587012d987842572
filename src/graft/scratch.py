"""The yardstick of no transfer: the same architecture, recipe and data from random weights."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

from graft import baselines
from graft.backbone import hub
from graft.backbone.features import Extractor
from graft.backbone.model import load as load_model
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.cache.store import Store
from graft.data.table import Splits
from graft.data.tokens import tokenize
from graft.records import Baseline, Manifest, Progress
from graft.train.fit import fit
from graft.train.material import Labelled, Material


def from_scratch(splits: Splits, manifest: Manifest) -> Iterator[Progress | Baseline]:
    """Train the run's architecture from random weights by the run's stages; the last value yielded is the `Baseline`.

    Nothing is cached and the head starts at random, since random weights are worth neither.
    """
    began = time.perf_counter()
    located = hub.locate(manifest.backbone.name, manifest.backbone.revision or None)
    recipe = manifest.recipe
    backbone = load_model(located, splits.classes, recipe.seed, pretrained=False)
    stages = tuple(
        dataclasses.replace(stage, unfrozen="all", cache="off", epochs=max(stage.epochs, 1))
        for stage in recipe.stages[-1:]
    )
    limit = manifest.truncation.limit
    tokenizer = backbone.tokenizer.backend_tokenizer
    tokens = [tokenize(rows.texts, tokenizer, limit)[0] for rows in (splits.train, splits.validation, splits.test)]
    material = Material(
        backbone,
        Labelled(tokens[0], splits.train.labels),
        Labelled(tokens[1], splits.validation.labels),
        splits.classes,
        manifest.machine,
        Extractor(backbone, manifest.machine, Store()),
    )
    for event in fit(material, dataclasses.replace(recipe, stages=stages, head="native", start="random")):
        if isinstance(event, Progress):
            yield dataclasses.replace(event, phase=f"from scratch: {event.phase}")
    path = ModelPath(backbone, manifest.machine, copied=False)
    for found in predict_logits(path, Feed(tokens[2]), len(splits.classes), "from scratch: evaluate"):
        if not isinstance(found, Progress):
            what = "the same architecture from random weights, all of it trained by the settings of the last stage"
            yardstick = baselines.Yardstick("scratch", what, found, time.perf_counter() - began)
            yield baselines.measured(yardstick, splits.test)
