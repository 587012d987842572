"""What a stage thaws, as parameter groups: every parameter once, rates by level, no decay of biases and norms."""

from __future__ import annotations

import pytest

from graft.backbone.heads import PooledHead
from graft.backbone.model import HEAD
from graft.records import Optimiser, Stage
from graft.train.groups import cut_of, groups, levels, trains

BLOCKS = 3


@pytest.fixture
def backbone(make, family):
    return make(family).backbone


def stage(unfrozen, **settings):
    return Stage("s", unfrozen, 1, Optimiser(**settings))


def named(found):
    return [name for group in found for name in group.names]


def test_levels_hold_every_parameter_once(backbone):
    by_level = dict(levels(backbone.model, backbone.family, BLOCKS))
    assert sorted(by_level) == [0, 1, 2, 3, 4]
    names = [name for level in by_level.values() for name in level]
    assert sorted(names) == sorted(name for name, _ in backbone.model.named_parameters())
    assert all("embeddings" in name for name in by_level[0])
    for level in (1, 2, 3):
        assert all(f".layer.{level - 1}." in name for name in by_level[level])
    head = backbone.family.head
    assert {f"{layer}.{kind}" for layer in (head.dense, head.out) for kind in ("weight", "bias")} == set(by_level[4])


def test_everything_is_every_parameter_once(backbone):
    names = named(groups(backbone, stage("all")))
    assert sorted(names) == sorted(name for name, _ in backbone.model.named_parameters())


@pytest.mark.parametrize("unfrozen", [0, 1, 2, 3, "all"])
def test_a_stage_thaws_from_the_top(backbone, unfrozen):
    names = set(named(groups(backbone, stage(unfrozen))))
    by_level = dict(levels(backbone.model, backbone.family, BLOCKS))
    lowest = 0 if unfrozen == "all" else BLOCKS + 1 - unfrozen
    assert names == {name for level, held in by_level.items() if level >= lowest for name in held}
    assert cut_of(stage(unfrozen), BLOCKS) == (0 if unfrozen == "all" else BLOCKS - unfrozen)
    assert names == {n for n, _ in backbone.model.named_parameters() if trains(n, backbone, stage(unfrozen))}


def test_rates_decay_over_levels_and_the_head_has_its_own(backbone):
    found = groups(backbone, stage("all", lr=1e-4, head_lr=1e-3, layer_decay=0.5))
    by_level = dict(levels(backbone.model, backbone.family, BLOCKS))
    expected = {4: 10.0, 3: 1.0, 2: 0.5, 1: 0.25, 0: 0.125}
    for level, names in by_level.items():
        scales = [group.scale for group in found if set(group.names) & set(names)]
        assert scales == pytest.approx([expected[level]] * len(scales))
        assert scales


def test_biases_and_norms_are_not_decayed(backbone):
    for group in groups(backbone, stage("all", weight_decay=0.3)):
        plain = all(name.endswith("bias") or "norm" in name.lower() for name in group.names)
        assert group.weight_decay == (0.0 if plain else 0.3)
        assert plain or not any(name.endswith("bias") or "norm" in name.lower() for name in group.names)


def test_a_pooled_head_belongs_to_the_head(backbone):
    backbone.model.add_module(HEAD, PooledHead(backbone.record.width, 3, "mean", 2))
    assert f"{HEAD}.linear.weight" in named(groups(backbone, stage(0)))


def test_containers_train_only_with_what_they_hold(backbone):
    prefix = backbone.model.base_model_prefix
    blocks = f"{prefix}.{backbone.family.blocks}"
    assert trains(f"{blocks}.2", backbone, stage(1))
    assert trains(f"{blocks}.2.anything.dropout", backbone, stage(1))
    assert not trains(f"{blocks}.1.anything.dropout", backbone, stage(1))
    assert not trains(f"{prefix}.embeddings.dropout", backbone, stage(3))
    assert trains(f"{prefix}.embeddings.dropout", backbone, stage("all"))
    assert trains("classifier", backbone, stage(0))


def test_blocks_that_a_pooled_head_does_not_read_stay_as_they_are(backbone):
    backbone.model.add_module(HEAD, PooledHead(backbone.record.width, 3, "mean", 2))
    by_level = dict(levels(backbone.model, backbone.family, BLOCKS))
    names = set(named(groups(backbone, stage("all"))))
    assert not names & set(by_level[3])
    assert names >= {*by_level[0], *by_level[1], *by_level[2]}
