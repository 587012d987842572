"""After the last stage: what the kept weights still need before they are saved.

A head that learnt standardised numbers is scaled back to the person's units, and what the task fixes on validation
(thresholds) is fixed there.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from graft.backbone import heads
from graft.backbone.paths import ModelPath, predict_logits
from graft.records import Progress
from graft.train.material import Material


def settled(material: Material) -> Generator[Progress, None, dict[str, float]]:
    """Scale the backbone's head to the person's units, in place; returns what the task settles on validation."""
    task = material.task
    if task.head.reads == "language":
        return {}
    heads.rescale(material.backbone, *task.scale(material.train.targets))
    if not task.settles:
        return {}
    logits = np.zeros((0, len(material.classes)), np.float32)
    path = ModelPath(material.backbone, material.machine)
    for event in predict_logits(path, material.validation.feed(), len(material.classes), "settle"):
        if isinstance(event, Progress):
            yield event
        else:
            logits = event
    return task.settle(logits, material.validation.targets, material.classes)
