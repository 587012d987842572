"""After the last stage: what the kept weights still need before they are saved.

A head that learnt standardised numbers is scaled back to the person's units, and what the task fixes on validation
(thresholds, how a text is written, the line that numbers lie on) is fixed there.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from graft.backbone import heads
from graft.backbone.paths import ModelPath, predict_logits
from graft.backbone.rewriting import Rewriter, settings
from graft.backbone.seq2seq import Seq2SeqPath
from graft.records import Progress, Said
from graft.tasks.task import Logits, Settled
from graft.train import rewriting
from graft.train.material import Material

BEAMS = (1, 4)


def settled(material: Material) -> Generator[Progress | Said, None, dict[str, float]]:
    """Scale the backbone's head to the person's units, in place; returns what the task settles on validation, but for
    a line that numbers are brought onto, which goes into the head."""
    task = material.task
    if task.head.reads == "decoder":
        return (yield from beams(material))
    if task.head.reads == "language":
        return {}
    factor, shift = task.scale(material.train.targets)
    found = Settled()
    if task.settles:
        logits = yield from _of_validation(material)
        logits = logits.astype(np.float64) * factor + shift  # before the head is scaled: bf16 would round large numbers
        found = task.settle(logits, material.validation.targets, material.classes)
    onto = (found.factor, found.shift) if heads.is_centred(material.backbone) else (1.0, 0.0)
    heads.rescale(material.backbone, onto[0] * factor, onto[0] * shift + onto[1])
    if onto != (1.0, 0.0):
        yield Said(
            f"Its numbers lay off those of validation: they are taken times {onto[0]:.3g}, and {onto[1]:+.3g}, which "
            "changes no order."
        )
    return dict(found.kept)


def _of_validation(material: Material) -> Generator[Progress, None, Logits]:
    """What the kept weights say of validation, before the head is scaled."""
    logits: Logits = np.zeros((0, len(material.classes)), np.float32)
    path = ModelPath(material.backbone, material.machine)
    for event in predict_logits(path, material.validation.feed(), len(material.classes), "settle"):
        if isinstance(event, Progress):
            yield event
        else:
            logits = event
    return logits


def beams(material: Material) -> Generator[Progress, None, dict[str, float]]:
    """How the model writes, kept in its own settings: greedily, or by beams where these do better on validation."""
    path = Seq2SeqPath(material.backbone, material.machine)
    rows = rewriting.some(material.validation)
    feed = material.validation.feed().take(rows)
    most = rewriting.most_tokens(rewriting.replies_of(material.train).lengths)
    tried: dict[int, float] = {}
    model, tokenizer = material.backbone.model, material.backbone.tokenizer
    for width in BEAMS:
        for event in Rewriter(path, tokenizer, settings(model, tokenizer, width, most)).write(feed, "settle"):
            if isinstance(event, Progress):
                yield event
            else:
                found = rewriting.judged(material.task, event, material.validation, rows)
                tried[width] = found[material.task.metrics[0]]
    best = max(tried, key=lambda width: (tried[width], -width))
    model.generation_config = settings(model, tokenizer, best, most)
    return {"beams": float(best), "max_new_tokens": float(most)}
