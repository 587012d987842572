"""The yardstick of no transfer: the same architecture, recipe and data from random weights."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator

from graft import evidence, windowed
from graft.backbone.model import Backbone
from graft.backbone.model import load as load_model
from graft.backbone.models import hub
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.backbone.rewriting import Rewriter
from graft.backbone.seq2seq import Seq2SeqPath
from graft.data.table import Splits
from graft.data.tokens.encode import encode
from graft.data.tokens.longtexts import Limits
from graft.evaluate import baseline, measure
from graft.reading import limits_of, material_of, tokenised
from graft.records import Baseline, Manifest, Progress, Said, Stopping
from graft.tasks.registry import task_of
from graft.tasks.task import Outputs, Yardstick
from graft.tasks.writing_metrics import Scored
from graft.train import settle
from graft.train.fit import fit

WHAT = "the same architecture from random weights, all of it trained by the settings of the last stage"


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
    if task.head.reads == "language":
        stages = (dataclasses.replace(stages[0], epochs=_epochs_of_the_same_time(manifest), stopping=Stopping()),)
    limit = manifest.truncation.limit
    chosen = manifest.machine
    if task.head.reads == "language":
        material = windowed.read(splits, backbone).material(splits, backbone, chosen, limit)
    else:
        limits = limits_of(recipe, backbone)
        material = material_of(splits, backbone, chosen, tokenised(splits, backbone, limits))
    own = dataclasses.replace(recipe, stages=stages, head="native", start="random", pairs="joined")
    for event in fit(material, own):
        if isinstance(event, Progress):
            yield dataclasses.replace(event, phase=f"from scratch: {event.phase}")
    thresholds = yield from _unsaid(settle.settled(material))
    if task.head.reads == "decoder":
        yield from _of_a_rewriter(splits, backbone, manifest, limits, began)
        return
    if task.head.reads == "language":
        yield from _of_a_language(splits, backbone, manifest, began)
        return
    asked = encode(splits.test, backbone.tokenizer.backend_tokenizer, limits)
    path = ModelPath(backbone, manifest.machine, copied=False)
    for found in predict_logits(
        path, Feed(asked.tokens, None, asked.layout), len(splits.classes), "from scratch: evaluate"
    ):
        if not isinstance(found, Progress):
            yardstick = Yardstick("scratch", WHAT, found, time.perf_counter() - began, thresholds)
            yield baseline(task, yardstick, splits.test.targets, Outputs(splits.classes))


def _unsaid(work: Generator[Progress | Said, None, dict[str, float]]) -> Generator[Progress, None, dict[str, float]]:
    """Work without what it says, which would seem to be of the person's model."""
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            found: dict[str, float] = end.value
            return found
        if isinstance(event, Progress):
            yield event


def _epochs_of_the_same_time(manifest: Manifest) -> int:
    """As many epochs of everything as took what the run's stages took together."""
    done = [stage for stage in manifest.outcome.stages if stage.epochs]
    if not done:
        return 1
    an_epoch = done[-1].seconds / done[-1].epochs
    return max(1, round(sum(stage.seconds for stage in done) / max(an_epoch, 1e-9)))


def _of_a_rewriter(
    splits: Splits, backbone: Backbone, manifest: Manifest, limits: Limits, began: float
) -> Iterator[Progress | Baseline]:
    """What the encoder-decoder from random weights writes for the test sources."""
    asked = encode(splits.test, backbone.tokenizer.backend_tokenizer, limits)
    path = Seq2SeqPath(backbone, dataclasses.replace(manifest.machine, precision="fp32"), copied=False)
    for found in Rewriter(path, backbone.tokenizer).write(Feed(asked.tokens), "from scratch: evaluate"):
        if isinstance(found, Progress):
            yield found
        else:
            yardstick = Yardstick("scratch", WHAT, found, time.perf_counter() - began)
            yield baseline(task_of(manifest), yardstick, splits.test.targets, Outputs(()))


def _of_a_language(
    splits: Splits, backbone: Backbone, manifest: Manifest, began: float
) -> Iterator[Progress | Baseline]:
    """What the language model from random weights pays for the test documents."""
    window = manifest.truncation.limit
    seconds = time.perf_counter() - began
    chosen = dataclasses.replace(manifest.machine, precision="fp32")
    counts = yield from evidence.scored(backbone, chosen, window, splits.test.texts, "from scratch: evaluate")
    found = measure(Scored(counts))
    yield Baseline("scratch", evidence.WHAT["scratch"], found.metrics, found.intervals, seconds)
