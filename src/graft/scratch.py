"""The yardstick of no transfer: the same architecture, recipe and data from random weights."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

from graft.backbone import heads, hub
from graft.backbone.features import Extractor
from graft.backbone.model import load as load_model
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.cache.store import Store
from graft.data.pairs import tokenize_rows
from graft.data.table import Splits
from graft.evaluate import baseline
from graft.records import Baseline, Manifest, Progress
from graft.tasks.registry import task_of
from graft.tasks.task import Outputs, Yardstick
from graft.train import settle
from graft.train.fit import fit
from graft.train.material import Labelled, Material


def from_scratch(splits: Splits, manifest: Manifest) -> Iterator[Progress | Baseline]:
    """Train the run's architecture from random weights by the run's stages; the last value yielded is the `Baseline`.

    Nothing is cached and the head starts at random, since random weights are worth neither.
    """
    began = time.perf_counter()
    located = hub.locate(manifest.backbone.name, manifest.backbone.revision or None)
    recipe = manifest.recipe
    task = task_of(manifest)
    backbone = load_model(located, splits.classes, recipe.seed, pretrained=False, head=task.head)
    stages = tuple(
        dataclasses.replace(stage, unfrozen="all", cache="off", epochs=max(stage.epochs, 1))
        for stage in recipe.stages[-1:]
    )
    limit = manifest.truncation.limit
    tokenizer = backbone.tokenizer.backend_tokenizer
    tokens = [tokenize_rows(rows, tokenizer, limit)[0] for rows in (splits.train, splits.validation, splits.test)]
    train, validation = task.prepared(splits.train.targets, splits.validation.targets, heads.is_centred(backbone))
    material = Material(
        backbone,
        Labelled(tokens[0], train),
        Labelled(tokens[1], validation),
        splits.classes,
        manifest.machine,
        Extractor(backbone, manifest.machine, Store()),
        task,
    )
    own = dataclasses.replace(recipe, stages=stages, head="native", start="random", pairs="joined")
    for event in fit(material, own):
        if isinstance(event, Progress):
            yield dataclasses.replace(event, phase=f"from scratch: {event.phase}")
    thresholds = yield from settle.settled(material)
    path = ModelPath(backbone, manifest.machine, copied=False)
    for found in predict_logits(path, Feed(tokens[2]), len(splits.classes), "from scratch: evaluate"):
        if not isinstance(found, Progress):
            what = "the same architecture from random weights, all of it trained by the settings of the last stage"
            yardstick = Yardstick("scratch", what, found, time.perf_counter() - began, thresholds)
            yield baseline(task, yardstick, splits.test.targets, Outputs(splits.classes))
