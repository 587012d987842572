"""Rows with little left to teach: which cross again, and what a fit makes of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graft.backbone.paths import Feed, ModelPath
from graft.data.layout import Layout
from graft.data.tokens import Tokens
from graft.records import Batches, Epoch, Loss, MachineRecord, Optimiser, Recipe, Stage, StageRecord
from graft.train.feeding import thawed
from graft.train.fit import fit
from graft.train.objective import Plain, objective_of
from graft.train.sparing import Sparing, sparing_of
from graft.train.stage import StageRun

STAGE = Stage("all", "all", 3, Optimiser(lr=3e-3, warmup=0.0), Batches(24, keep=0.2))
SIZES = st.lists(st.floats(0, 10, width=32), min_size=2, max_size=40).filter(lambda sizes: max(sizes) > 0)


def seen(sizes, keep=0.2):
    sparing = Sparing(len(sizes), keep)
    sparing.see(np.arange(len(sizes)), torch.tensor(sizes))
    return sparing


def test_every_row_crosses_once_before_any_is_spared():
    batch, sparing = np.arange(6), Sparing(12, 0.2)
    assert sparing.kept(batch, 0).tolist() == batch.tolist()
    sparing.see(batch, torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 9.0]))
    assert sparing.kept(np.arange(6, 12), 0).tolist() == list(range(6, 12))
    assert len(sparing.kept(batch, 0)) < 6


@given(SIZES, st.integers(0, 2**62))
def test_rows_at_or_above_the_mean_always_cross(sizes, seed):
    batch = np.arange(len(sizes))
    kept = seen(sizes).kept(batch, seed)
    assert 1 <= len(kept) <= len(batch)
    assert (np.diff(kept) > 0).all()
    wide = np.array(sizes, np.float32)
    assert set(np.flatnonzero(wide > wide.mean() * 1.001)) <= set(kept.tolist())


@given(SIZES)
def test_the_others_cross_by_a_chance_in_proportion_and_how_many_hardly_varies(sizes):
    sparing, wide = seen(sizes), np.array(sizes, np.float64)
    chances = np.clip(wide / wide.mean(), 0.2, 1)
    counts, times = np.zeros(len(sizes)), 400
    for seed in range(times):
        kept = sparing.kept(np.arange(len(sizes)), seed)
        counts[kept] += 1
        assert abs(len(kept) - chances.sum()) < 1.001
    assert np.abs(counts / times - chances).max() < 0.13


def test_the_same_seed_keeps_the_same_rows_and_state_brings_them_back():
    sparing, batch = seen(np.linspace(0, 1, 50).tolist()), np.arange(50)
    sparing.count(batch, batch[:30])
    again = Sparing(50, 0.2)
    again.restore(sparing.state())
    assert all(sparing.kept(batch, seed).tolist() == again.kept(batch, seed).tolist() for seed in range(5))
    assert again.sentence == sparing.sentence
    assert sparing.sentence.startswith("40% of the rows' turns were spared")


def test_nothing_is_kept_in_mind_where_every_row_crosses():
    sparing = seen([0.0, 1.0], keep=1.0)
    assert not sparing.watches
    assert sparing.kept(np.arange(2), 0).tolist() == [0, 1]
    assert sparing.state() == {}
    assert sparing.sentence == ""


def test_a_gradient_that_is_no_number_makes_no_row_small():
    """A step that was left out must not have the others spared ever after."""
    sparing = seen([1.0, 1.0, float("inf"), float("nan"), 1.0])
    assert sparing.kept(np.arange(5), 3).tolist() == list(range(5))


def test_equal_rows_all_cross():
    assert len(seen([0.5] * 30).kept(np.arange(30), 1)) == 30
    assert len(seen([0.0] * 30).kept(np.arange(30), 1)) == 30


def test_a_row_is_as_large_as_the_gradient_of_its_loss(make):
    """Of cross-entropy: its shares less the truth, in whatever parts a batch crosses."""
    material = make()
    stage = dataclasses.replace(STAGE, batches=Batches(144, tokens=200, keep=0.5), loss=Loss())
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


def test_later_epochs_cross_fewer_tokens_and_the_stage_says_so(make):
    events = list(fit(make(), Recipe("test", (STAGE,), start="random")))
    first, *later = [epoch.tokens for epoch in events if isinstance(epoch, Epoch) and epoch.number]
    assert all(tokens < first for tokens in later)
    (record,) = [event for event in events if isinstance(event, StageRecord)]
    assert "of the rows' turns were spared" in record.why


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
    assert sparing.state()["spared.sizes"].tolist() == pytest.approx([0.0, 5.0, np.nan, 3.0, np.nan], nan_ok=True)


def test_the_loss_that_is_told_counts_the_spared_rows(make):
    """On average over many steps that of all rows, whichever cross; what is stepped by counts them as nothing."""
    material = make()
    path = ModelPath(material.backbone, material.machine)
    path.set_dropout(0.0, 0.0)
    objective = Plain.of(material, STAGE, "")
    sparing, feed, batch = Sparing(144, 0.2), Feed(material.train.tokens), np.arange(48)
    with torch.no_grad():
        whole = float(objective.loss(path, feed, batch)) / 48
        sparing.see(np.arange(144), torch.rand(144, generator=torch.Generator().manual_seed(0)) ** 4)
        both = [sparing.losses(objective, path, feed, sparing.kept(batch, seed), 48.0) for seed in range(1000)]
    assert np.mean([float(told) for _, told in both]) == pytest.approx(whole, rel=0.03)
    assert np.mean([float(loss) for loss, _ in both]) < 0.8 * whole


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
