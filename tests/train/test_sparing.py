"""Rows with little left to teach: which cross again, and what a fit makes of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graft.backbone.paths import Feed, ModelPath
from graft.data.tokens.layout import Layout
from graft.data.tokens.tokens import Tokens
from graft.records import Batches, Epoch, Loss, MachineRecord, Optimiser, Recipe, Stage, StageRecord
from graft.train.feeding import thawed
from graft.train.fit import fit
from graft.train.objective import Plain, objective_of
from graft.train.sparing import Sparing, sparing_of
from graft.train.stage import StageRun

STAGE = Stage("all", "all", 3, Optimiser(lr=3e-3, warmup=0.0), Batches(24, keep=0.2))
SMALL = dataclasses.replace(STAGE, batches=Batches(6, keep=0.2))  # 24 of them hold the 144 rows
SIZES = st.lists(st.floats(0, 10, width=32), min_size=2, max_size=40).filter(lambda sizes: max(sizes) > 0)


def seen(sizes, keep=0.2):
    sparing = Sparing(len(sizes), keep)
    sparing.see(np.arange(len(sizes)), torch.tensor(sizes))
    sparing.turn()
    return sparing


def crossing(sparing, seed=0):
    return sparing.crossing(np.random.default_rng(seed)).tolist()


def test_every_row_crosses_in_the_first_epoch_and_a_step_spares_none_of_the_epoch_that_is_under_way():
    sparing = Sparing(12, 0.2)
    assert crossing(sparing) == list(range(12))
    sparing.see(np.arange(12), torch.tensor([0.0] * 11 + [9.0]))
    assert crossing(sparing) == list(range(12))
    sparing.turn()
    assert len(crossing(sparing)) < 12


@given(SIZES, st.integers(0, 2**62))
def test_rows_at_or_above_the_mean_always_cross(sizes, seed):
    kept = np.array(crossing(seen(sizes), seed))
    assert 1 <= len(kept) <= len(sizes)
    assert (np.diff(kept) > 0).all()
    wide = np.array(sizes, np.float32)
    assert set(np.flatnonzero(wide > wide.mean() * 1.001)) <= set(kept.tolist())


@given(SIZES)
def test_the_others_cross_by_a_chance_in_proportion_and_how_many_hardly_varies(sizes):
    sparing, wide = seen(sizes), np.array(sizes, np.float64)
    chances = np.clip(wide / wide.mean(), 0.2, 1)
    counts, times = np.zeros(len(sizes)), 400
    for seed in range(times):
        kept = crossing(sparing, seed)
        counts[kept] += 1
        assert abs(len(kept) - chances.sum()) < 1.001
    assert np.abs(counts / times - chances).max() < 0.13


def test_within_an_epoch_the_same_rows_cross_again_and_state_brings_them_back():
    sparing = seen(np.linspace(0, 1, 50).tolist())
    kept = [crossing(sparing, seed) for seed in range(5)]
    sparing.see(np.array(kept[4][:20]), torch.ones(20))  # by steps of that epoch
    again = Sparing(50, 0.2)
    again.restore(sparing.state())
    assert [crossing(again, seed) for seed in range(5)] == [crossing(sparing, seed) for seed in range(5)] == kept
    for one in (sparing, again):
        one.turn()
    assert crossing(again) == crossing(sparing) != kept[0]


def test_what_was_spared_is_told_over_all_epochs():
    sparing = seen([0.0] * 20 + [1.0] * 20)
    batches = sparing.batches(np.arange(40), Batches(8), np.random.default_rng(0), Squares())
    assert sum(map(len, batches)) == 24
    sparing.turn()
    assert sparing.sentence.startswith("20% of the rows' turns were spared")


def test_nothing_is_kept_in_mind_where_every_row_crosses():
    sparing = seen([0.0, 1.0], keep=1.0)
    assert not sparing.watches
    assert crossing(sparing) == [0, 1]
    assert sparing.state() == {}
    assert sparing.sentence == ""


def test_a_gradient_that_is_no_number_makes_no_row_small():
    """A step that was left out must not have the others spared ever after."""
    assert crossing(seen([1.0, 1.0, float("inf"), float("nan"), 1.0])) == list(range(5))


def test_equal_rows_all_cross():
    assert len(crossing(seen([0.5] * 30))) == 30
    assert len(crossing(seen([0.0] * 30))) == 30


def test_a_row_is_as_large_as_the_gradient_of_its_loss(make):
    """Of cross-entropy: its shares less the truth, in whatever parts a batch crosses."""
    material = make()
    still = Optimiser(lr=1e-12)
    stage = dataclasses.replace(STAGE, optimiser=still, batches=Batches(36, tokens=50, keep=0.5), loss=Loss())
    path = ModelPath(material.backbone, material.machine)
    path.set_dropout(0.0, 0.0)
    weights, feed = thawed(material, stage, path), Feed(material.train.tokens)
    with torch.no_grad():
        logits = path.logits(feed, np.arange(144))
    truth = torch.nn.functional.one_hot(torch.from_numpy(material.train.targets.values).long(), 3)
    run = StageRun(material, stage, path, weights, objective_of(material, stage, ""), (0, 0))
    list(run.epoch(1, feed))
    found = run.sparing.state()["spared.sizes"]
    torch.testing.assert_close(found, (logits.softmax(1) - truth).norm(dim=1), rtol=1e-3, atol=1e-4)


def test_later_epochs_cross_fewer_tokens_in_fewer_steps_and_the_stage_says_so(make):
    events = list(fit(make(), Recipe("test", (SMALL,), start="random")))
    first, *later = [epoch.tokens for epoch in events if isinstance(epoch, Epoch) and epoch.number]
    assert all(tokens < first for tokens in later)
    (record,) = [event for event in events if isinstance(event, StageRecord)]
    assert "of the rows' turns were spared" in record.why
    assert 24 < record.steps < 3 * 24


def test_fewer_steps_go_through_the_whole_schedule(make):
    material = make()
    path = ModelPath(material.backbone, material.machine)
    weights, feed = thawed(material, SMALL, path), Feed(material.train.tokens)
    run = StageRun(material, SMALL, path, weights, objective_of(material, SMALL, ""), (0, 0))
    taken, steps = [], []
    for number in (1, 2, 3):
        list(run.epoch(number, feed))
        taken.append(run.adam.taken)
        steps.append(run.under_way.all_steps)
    assert taken == pytest.approx([24, 48, 72])
    assert steps[0] == 24
    last = steps[2] - steps[1]
    assert last < 24
    assert run.adam._adam.param_groups[0]["lr"] == pytest.approx(3e-3 * (24 / last) / 72)


@pytest.mark.parametrize(
    ("unfrozen", "device", "watches"),
    [("all", "cpu", True), (1, "cpu", True), (0, "cpu", False), ("all", "cuda", False)],
)
def test_it_pays_on_a_cpu_where_blocks_train(make, unfrozen, device, watches):
    material = dataclasses.replace(make(), machine=MachineRecord(device, "test", 2, "fp32", "test"))
    assert sparing_of(material, dataclasses.replace(STAGE, unfrozen=unfrozen)).watches == watches


def test_a_row_of_words_is_as_large_as_all_its_words_together(make):
    """Rows 3, 0 and 1 of five, with two words, none and one; a word's loss has its logits for a gradient."""
    layout = Layout(np.arange(6), np.arange(6), words=np.array([0, 0, 1, 3, 5, 5]), sites=np.arange(5))
    feed, sparing = Feed(Tokens(np.zeros(5, np.int32), np.arange(6)), None, layout), Sparing(5, 0.5)
    objective = dataclasses.replace(Plain.of(make(), STAGE, ""), criterion=Squares())
    said = torch.tensor([[1.0, 2.0], [2.0, 0.0], [0.0, 5.0]], requires_grad=True)
    loss, told = sparing.losses(objective, Said(said), feed, np.array([3, 0, 1]), 2.0)
    assert float(loss.detach()) == float(told) == (9 + 25) / 2 / 2
    loss.backward()
    assert sparing.state()["spared.seen"].tolist() == pytest.approx([0.0, 5.0, np.nan, 3.0, np.nan], nan_ok=True)


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_the_loss_that_is_told_counts_the_spared_rows(make, weights):
    """On average over many epochs that of all rows, whichever cross and in whatever batches; what is stepped by is the
    mean of these."""
    material, every = make(), np.arange(144)
    path = ModelPath(material.backbone, material.machine)
    path.set_dropout(0.0, 0.0)
    objective = Plain.of(material, dataclasses.replace(STAGE, loss=Loss(class_weights=weights)), "")
    sparing, feed, told, stepped = Sparing(144, 0.2), Feed(material.train.tokens), [], []
    with torch.no_grad():
        each_N = objective.criterion.losses(path.logits(feed, every), every)
        sparing.see(every, each_N)
        sparing.turn()
        for seed in range(100):
            batches = sparing.batches(feed.lengths, Batches(24), np.random.default_rng(seed), objective)
            found = [sparing.losses(objective, path, feed, rows, objective.weight(rows)) for rows in batches]
            stepped.append(np.mean([float(loss) for loss, _ in found]))
            told.append(np.mean([float(estimate) for _, estimate in found]))
    whole = float(each_N.sum()) / objective.weight(every)
    assert np.mean(told) == pytest.approx(whole, rel=0.01)
    assert np.mean(stepped) > 1.02 * whole


@given(st.integers(2, 30), st.integers(0, 2**62))
def test_the_rows_that_cross_fill_whole_batches(rows, seed):
    sparing = seen(np.linspace(0, 1, 60).tolist())
    batches = sparing.batches(np.arange(60), Batches(rows), np.random.default_rng(seed), Squares())
    crossing = np.concatenate(batches)
    assert len(np.unique(crossing)) == len(crossing) < 60
    assert [size for size in sorted(map(len, batches), reverse=True)[:-1] if size != rows] == []


def test_few_batches_spare_none(make):
    """They have no time to gain, and the mean of the weights would lean towards the first epoch."""
    stage = dataclasses.replace(STAGE, snapshots=2)
    assert sparing_of(make(rows=8 * 24), stage).watches
    assert not sparing_of(make(rows=8 * 24 - 1), stage).watches


def test_a_checkpoint_of_a_version_that_spared_rows_of_each_batch_is_read():
    sparing = Sparing(3, 0.2)
    sparing.restore({"spared.sizes": torch.tensor([0.0, 0.0, 1.0]), "spared.counts": torch.tensor([6, 3])})
    assert crossing(sparing) == [0, 1, 2]
    assert sparing.sentence.startswith("50%")
    sparing.turn()
    assert len(crossing(sparing)) < 3


class Squares:
    """A criterion by which all should be zero."""

    def losses(self, logits, _rows):
        return logits.square().sum(1) / 2

    def weight(self, rows):
        return float(len(rows))


class Said:
    """A path that says the same of whatever it is asked."""

    module, pools, apart = torch.nn.Identity(), [], False

    def __init__(self, logits):
        self._logits = logits

    def logits(self, _feed, _rows):
        return self._logits * 1
