"""What a recipe needs extracted, and the head's start."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from graft.backbone.model import HEAD
from graft.cache.store import Store
from graft.records import HeadRecord, Optimiser, Recipe, Stage
from graft.train import pooled, start
from graft.train.material import Extracted, below
from graft.train.start import wanted


def stage(unfrozen, epochs=2, cache="auto", name=None):
    return Stage(name or f"s{unfrozen}", unfrozen, epochs, cache=cache)


CASES = {
    "all from a probe": (Recipe("r", (stage("all"),)), (3,), ()),
    "all from random": (Recipe("r", (stage("all"),), start="random"), (), ()),
    "a head stage": (Recipe("r", (stage(0),), start="random"), (3,), ()),
    "a pooled head": (Recipe("r", (stage(0),), head="pooled"), (1, 2, 3), ()),
    "a cut": (Recipe("r", (stage(1),), start="random"), (), (2,)),
    "every block": (Recipe("r", (stage(3),), start="random"), (), ()),
    "one epoch": (Recipe("r", (stage(1, 1),), start="random"), (), ()),
    "one epoch, but asked for": (Recipe("r", (stage(1, 1, "on"),), start="random"), (), (2,)),
    "no cache": (Recipe("r", (stage(1, 5, "off"),), start="random"), (), ()),
    "two cuts": (Recipe("r", (stage(1), stage(2), stage("all")), start="random"), (), (2, 1)),
    "a cut above blocks that were trained": (Recipe("r", (stage(2), stage(1)), start="random"), (), (1,)),
    "the same cut twice": (Recipe("r", (stage(1), stage(1, name="t")), start="random"), (), (2,)),
}


@pytest.mark.parametrize(("recipe", "depths", "cuts"), CASES.values(), ids=CASES)
def test_what_a_recipe_needs(make, recipe, depths, cuts):
    found = wanted(make(), recipe)
    assert (found.depths, found.cuts) == (depths, cuts)


def test_states_that_do_not_fit_are_not_kept(make):
    material = make()
    material.extractor.store = Store(limit=1000)
    assert wanted(material, Recipe("r", (stage(1),), start="random")).cuts == ()


def extract(material, recipe):
    *_, extracted = start.extract(material, recipe)
    assert isinstance(extracted, Extracted)
    return extracted


def test_extraction_gives_both_splits(make):
    material = make()
    found = extract(material, Recipe("r", (stage(0), stage(1))))
    assert found.train.pooled[3].shape == (144, 2, 32)
    assert found.validation.pooled[3].shape == (48, 2, 32)
    assert found.train.boundaries[2].nbytes == 4 * 32 * len(material.train.tokens.ids)
    assert found.validation.boundaries[2].nbytes == 4 * 32 * len(material.validation.tokens.ids)


def test_a_start_alone_needs_a_sample_of_train_only(make, monkeypatch):
    monkeypatch.setattr(start, "START_ROWS", 50)
    material = make()
    recipe = Recipe("r", (stage("all"),), seed=4)
    found = extract(material, recipe)
    rows = start.start_rows(material, recipe)
    assert found.train.pooled[3].shape == (50, 2, 32)
    assert found.validation.pooled == {}
    assert len(set(rows)) == 50
    assert np.array_equal(rows, start.start_rows(material, recipe))
    record = start.start_head(material, recipe, found)
    assert (record.start, record.probe_validation) == ("probe", {})
    assert "50 rows" in record.why


def test_the_sampled_start_reads_the_labels_of_its_own_rows(make, monkeypatch):
    """With every row it is the full start; so a sample's features and labels belong together."""
    recipe = Recipe("r", (stage("all"),))
    accuracies = []
    for rows in (144, 100):
        monkeypatch.setattr(start, "START_ROWS", rows)
        material = make()
        start.start_head(material, recipe, extract(material, recipe))
        with torch.no_grad():
            every = extract(material, Recipe("r", (stage(0),))).train.pooled[3][:, 0]
            from graft.backbone.heads import NativeHeadAlone

            logits = NativeHeadAlone(material.backbone.model, material.backbone.family.head)(every)
        accuracies.append(float((logits.argmax(1).numpy() == material.train.targets.values).mean()))
    assert min(accuracies) > 0.6  # a shuffled pairing would be at chance, a third


def test_a_random_start_leaves_the_model_alone(make):
    material = make()
    before = {name: tensor.clone() for name, tensor in material.backbone.model.state_dict().items()}
    recipe = Recipe("r", (stage("all"),), start="random")
    record = start.start_head(material, recipe, extract(material, recipe))
    assert record.start == "random"
    assert all(torch.equal(tensor, before[n]) for n, tensor in material.backbone.model.state_dict().items())


def test_a_head_of_another_shape_starts_at_random(make):
    material = make()
    backbone = dataclasses.replace(material.backbone, family=dataclasses.replace(material.backbone.family, head=None))
    material = dataclasses.replace(material, backbone=backbone)
    recipe = Recipe("r", (Stage("s", 0, 2, Optimiser(lr=1e-2)),))
    record = start.start_head(material, recipe, extract(material, recipe))
    assert record.start == "random"
    assert "another shape" in record.why


@pytest.mark.parametrize(("pooling", "depth"), [("first", 2), ("mean", 3), ("layers", 3)])
def test_head_features_are_those_that_were_picked(make, pooling, depth):
    found = extract(make(), Recipe("r", (stage(0),), head="pooled")).train
    features = start.head_features(found.pooled, HeadRecord("pooled", pooling, depth, "probe", ""))
    expected = {
        "first": found.pooled[2][:, 0],
        "mean": found.pooled[3][:, 1],
        "layers": torch.stack([found.pooled[level][:, 1] for level in (1, 2, 3)]).mean(0),
    }
    torch.testing.assert_close(features, expected[pooling])


def test_what_stays_true_below_a_cut(make):
    found = extract(make(), Recipe("r", (stage(1), stage(2)), head="pooled"))
    for cut, depths, cuts in ((3, {1, 2, 3}, {1, 2}), (2, {1, 2}, {1, 2}), (1, {1}, {1}), (0, set(), set())):
        left = below(found, cut)
        assert set(left.train.pooled) == set(left.validation.pooled) == depths
        assert set(left.train.boundaries) == set(left.validation.boundaries) == cuts


def contest(make, monkeypatch, **changes):
    """A pooled head's start on 100 of 144 rows; what was fitted: the rows, the penalties, the view, and its score."""
    fits, original = [], pooled._Contest.attempt

    def watched(self, chosen, rows, penalties, steps, warm=False):
        original(self, chosen, rows, penalties, steps, warm)
        fits.append((len(rows), penalties, list(chosen or self.tried), warm, dict(self.scores)))

    monkeypatch.setattr(pooled._Contest, "attempt", watched)
    monkeypatch.setattr(start, "START_ROWS", 100)
    material, recipe = make(), Recipe("r", (stage(0),), head="pooled", **changes)
    return start.start_head(material, recipe, extract(material, recipe)), fits


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_the_best_views_are_tried_on_all_of_train_and_the_best_of_these_at_weaker_penalties(make, monkeypatch, metric):
    head, fits = contest(make, monkeypatch, metric=metric)
    sign = -1 if metric == "log_loss" else 1

    def best(scores, among, count):
        return sorted(among, key=lambda view: (sign * scores[view], view[1]), reverse=True)[:count]

    (rows, first, views, _, scores), (every, second, finalists, _, whole), (last, third, promoted, warm, final) = fits
    assert (rows, every, last) == (100, 144, 144)
    assert (first, second, third) == (pooled.PENALTIES[:1], pooled.PENALTIES[:1], pooled.PENALTIES[1:])
    assert (len(views), warm) == (2 * 3 + 1, True)
    assert finalists == best(scores, views, pooled.FINALISTS)
    assert promoted == best(whole, finalists, pooled.PROMOTED)
    assert all(sign * final[view] >= sign * whole[view] for view in promoted)
    assert [(head.pooling, head.depth)] == best(final, finalists, 1)


def test_a_fit_that_goes_on_keeps_the_view_that_its_weights_belong_to(make, monkeypatch):
    head, _ = contest(make, monkeypatch)
    other = dataclasses.replace(head, pooling="first", depth=1)
    material, recipe = make(), Recipe("r", (stage(0),), head="pooled")
    assert start.start_head(material, recipe, extract(material, recipe), other) == other
    module = material.backbone.model.get_submodule(HEAD)
    assert (module.pooling, module.depth) == ("first", 1)
