"""A short sweep of rates before a stage: each is tried on a part of the train split, the best on validation is kept.

A learning-rate finder looks at the training loss alone and points far too high for fine-tuning; a few short trials
measured on validation do not.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from graft.records import Stage
from graft.train.material import Material

SHARE = 0.25  # of the train split that a trial sees once
FEWEST = 1024  # rows, where there are as many
WHY = "the rate is the best of a short sweep"


def sample(material: Material, seed: int, share: float = SHARE) -> Material:
    """The same material with a part of the train split."""
    rows = len(material.train)
    count = min(rows, max(FEWEST, round(share * rows)))
    chosen = np.sort(np.random.default_rng(seed).permutation(rows)[:count])
    return dataclasses.replace(material, train=material.train.take(chosen))


def at_rate(stage: Stage, lr: float) -> Stage:
    """The stage at another rate; a head rate of its own keeps its ratio."""
    settings = stage.optimiser
    head = settings.head_lr * lr / settings.lr if settings.head_lr is not None else None
    return dataclasses.replace(stage, optimiser=dataclasses.replace(settings, lr=lr, head_lr=head))


def trial_stage(stage: Stage, lr: float) -> Stage:
    """One epoch of the stage at this rate, on the sample."""
    return dataclasses.replace(at_rate(stage, lr), epochs=1, cache="off", average=False)
