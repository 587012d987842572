"""A sweep's parts: a sample that is a part of train, and stages that differ in the rate alone."""

from __future__ import annotations

import numpy as np

from graft.records import Optimiser, Stage
from graft.train import sweep


def test_a_sample_is_a_part_of_train_with_its_labels(make, monkeypatch):
    monkeypatch.setattr(sweep, "FEWEST", 20)
    material = make()
    part = sweep.sample(material, seed=3)
    assert len(part.train.tokens) == len(part.train.targets) == 36
    rows = {}
    for row in range(144):
        start, end = material.train.tokens.starts[row : row + 2]
        rows.setdefault(tuple(material.train.tokens.ids[start:end]), set()).add(int(material.train.targets.values[row]))
    for row in range(36):
        start, end = part.train.tokens.starts[row : row + 2]
        assert int(part.train.targets.values[row]) in rows[tuple(part.train.tokens.ids[start:end])]
    assert part.validation is material.validation
    again, other = sweep.sample(material, 3), sweep.sample(material, 4)
    assert np.array_equal(part.train.targets.values, again.train.targets.values)
    assert not np.array_equal(part.train.tokens.ids, other.train.tokens.ids)


def test_a_small_split_is_taken_whole(make):
    assert len(sweep.sample(make(), 0).train.tokens) == 144


def test_a_trial_differs_in_the_rate_and_is_short():
    stage = Stage("s", 2, 7, Optimiser(lr=1e-4, head_lr=1e-3, layer_decay=0.9))
    trial = sweep.trial_stage(stage, 2e-4)
    assert (trial.optimiser.lr, trial.optimiser.head_lr, trial.epochs, trial.cache) == (2e-4, 2e-3, 1, "off")
    assert sweep.at_rate(sweep.at_rate(stage, 2e-4), 1e-4) == stage
    assert sweep.at_rate(Stage("s", 2, 7), 0.5).optimiser.head_lr is None
