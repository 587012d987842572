"""One stage's steps: the loss, its weights, and parts of a batch that make the same step as the whole."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graft.backbone.paths import Feed, ModelPath
from graft.errors import RunError
from graft.records import Batches, Loss, Optimiser, Stage
from graft.tasks.classification import class_weights
from graft.train.feeding import thawed
from graft.train.objective import objective_of
from graft.train.stage import StageRun, Trained, snapshot_steps

STAGE = Stage("s", "all", 2, Optimiser(lr=1e-3, warmup=0.0), Batches(rows=24))


def run_of(material, stage=STAGE, seed=(0, 0)):
    path = ModelPath(material.backbone, material.machine)
    path.set_dropout(stage.loss.dropout, stage.loss.attention_dropout)
    return StageRun(material, stage, path, thawed(material, stage, path), objective_of(material, stage, ""), seed)


def epoch(run, number=1):
    *progress, trained = run.epoch(number, Feed(run.material.train.tokens))
    assert isinstance(trained, Trained)
    return progress, trained


@pytest.mark.parametrize("loss", [Loss(), Loss(class_weights="balanced"), Loss(0.1, "balanced")], ids=str)
def test_a_batch_in_parts_makes_the_same_step(make, loss):
    material = make()
    gradients, losses = [], []
    for budget in (10**6, 60):
        stage = dataclasses.replace(STAGE, loss=loss, batches=Batches(rows=144, tokens=budget))
        run = run_of(material, stage)
        losses.append(epoch(run)[1].loss)
        gradients.append(torch.cat([flat.grad for flat in run.weights.flat]))
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_class_weights_give_each_class_the_same_total():
    train = np.array([0] * 6 + [1] * 3 + [2] * 1, np.int32)
    weights = class_weights(train, 3, "balanced")
    totals = [float(weights[code]) * count for code, count in enumerate((6, 3, 1))]
    assert totals == pytest.approx([10 / 3] * 3)
    assert class_weights(train, 3, "none") is None
    assert np.isfinite(class_weights(train, 4, "balanced")).all()


def test_the_loss_is_cross_entropy(make):
    material = make()
    run = run_of(material, dataclasses.replace(STAGE, loss=Loss(0.1, "balanced"), batches=Batches(rows=144)))
    rows = np.arange(144)
    with torch.no_grad():
        logits = run.path.logits(Feed(material.train.tokens), rows)
    codes = material.train.targets.values
    weights = torch.from_numpy(class_weights(codes, 3, "balanced"))
    truth = torch.from_numpy(codes.astype(np.int64))
    each = torch.nn.functional.cross_entropy(logits, truth, label_smoothing=0.1, reduction="none")
    expected = (each * weights[truth]).sum() / weights[truth].sum()
    assert epoch(run)[1].loss == pytest.approx(float(expected), rel=1e-5)


def test_an_epoch_says_what_it_did(make):
    material = make()
    run = run_of(material)
    progress, trained = epoch(run)
    tokens = int(material.train.tokens.lengths.sum())
    assert (trained.tokens, len(progress)) == (tokens, 6)
    assert progress[-1].done == progress[-1].total == tokens
    assert tokens <= run.under_way.padded < 1.3 * tokens


def test_an_epoch_is_made_of_its_seed_stage_and_number(make):
    material = make()
    stage = dataclasses.replace(STAGE, loss=Loss(dropout=0.2, attention_dropout=0.2))
    losses = {}
    for seed, number in (((0, 0), 1), ((0, 0), 1), ((0, 0), 2), ((0, 1), 1), ((1, 0), 1)):
        torch.manual_seed(len(losses))
        losses.setdefault((seed, number), set()).add(epoch(run_of(material, stage, seed), number)[1].loss)
    assert all(len(found) == 1 for found in losses.values())
    assert len({found.pop() for found in losses.values()}) == 4


def test_a_loss_that_is_not_finite_stops_with_the_remedy(make):
    material = make()
    with torch.no_grad():
        next(material.backbone.model.parameters()).fill_(float("inf"))
    with pytest.raises(RunError, match="not finite in stage s") as caught:
        epoch(run_of(material))
    assert "--lr" in caught.value.remedy
    assert "train rows" in caught.value.found


def test_training_in_bf16_follows_fp32(make):
    losses = []
    for precision in ("fp32", "bf16"):
        run = run_of(make(precision=precision))
        losses.append([epoch(run, number)[1].loss for number in (1, 2)])
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_batches_and_draws_are_the_same_whatever_the_number_of_threads(make):
    """Nothing that is random hangs on who computes: neither the order of the rows nor the seeds of the steps."""
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            run = run_of(make(), dataclasses.replace(STAGE, loss=Loss(dropout=0.3)))
            order = run._ordered(1, Feed(run.material.train.tokens))
            kept = [pool.window(64).clone() for pool in run.path.pools]
            found.append((np.concatenate(order.batches).tolist(), order.seeds.tolist(), kept))
    finally:
        torch.set_num_threads(before)
    for rows, seeds, kept in found[1:]:
        assert (rows, seeds) == found[0][:2]
        assert all(torch.equal(mine, first) for mine, first in zip(kept, found[0][2], strict=True))


@given(st.integers(1, 400), st.integers(1, 30))
def test_snapshots_lie_at_even_distances_up_to_the_end(steps, snapshots):
    chosen = sorted(snapshot_steps(steps, snapshots))
    assert len(chosen) == min(steps, snapshots)
    assert chosen[0] >= 1
    assert chosen[-1] == steps
    gaps = np.diff([0, *chosen])
    assert gaps.max() - gaps.min() <= 1


def test_an_average_is_the_mean_of_the_weights_at_its_snapshots(make):
    stage = dataclasses.replace(STAGE, average=True, snapshots=3, batches=Batches(rows=8))
    run = run_of(make(), stage)
    wanted = snapshot_steps(run.steps_per_epoch, 3)
    seen, step = [], 0
    for number in (1, 2):
        for event in run.epoch(number, Feed(run.material.train.tokens)):
            if isinstance(event, Trained):
                step = 0
                continue
            step += 1
            if step in wanted:
                seen.append([master.clone() for master in run.weights.masters])
    assert len(seen) == 6
    with run.average.in_place():
        for place, mean in enumerate(run.weights.masters):
            expected = torch.stack([weights[place] for weights in seen]).double().mean(0)
            assert torch.allclose(mean.double(), expected, atol=1e-6)
