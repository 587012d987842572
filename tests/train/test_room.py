"""Under a limit of memory a step is planned in parts, beforehand and with the same result."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from graft import machine
from graft.backbone.paths import ModelPath
from graft.records import Batches, Epoch, Optimiser, Recipe, Stage, StageRecord
from graft.train.feeding import thawed
from graft.train.fit import fit
from graft.train.room import per_token, planned

STAGE = Stage("all", "all", 1, Optimiser(lr=1e-3), Batches(48))


def limited(monkeypatch, material, tokens):
    """A limit that leaves room for about so many tokens."""
    monkeypatch.setattr(machine, "resident_memory", lambda: 1 << 30)
    path = ModelPath(material.backbone, material.machine)
    weights = thawed(material, STAGE, path)
    moments = 8 * sum(flat.numel() for flat in weights.flat)
    longest = int(material.train.tokens.lengths.max())
    limit = ((1 << 30) + moments + tokens * per_token(material, STAGE, longest)) / 0.8
    monkeypatch.setattr(machine, "memory_limit", lambda: int(limit) + 1)
    return weights


def test_a_limit_makes_smaller_parts(make, monkeypatch):
    material = make()
    weights = limited(monkeypatch, material, 100)
    tokens, why = planned(material, STAGE, weights)
    assert 99 <= tokens <= 101
    assert "GiB of memory are allowed" in why


def test_without_a_limit_or_with_room_the_recipe_counts(make, monkeypatch):
    material = make()
    weights = limited(monkeypatch, material, 10**9)
    assert planned(material, STAGE, weights) == (STAGE.batches.tokens, "")
    monkeypatch.setattr(machine, "memory_limit", lambda: None)
    assert planned(material, STAGE, weights) == (STAGE.batches.tokens, "")


def test_one_text_goes_through_whatever_the_limit(make, monkeypatch):
    material = make()
    weights = limited(monkeypatch, material, -1000)
    assert planned(material, STAGE, weights)[0] == int(material.train.tokens.lengths.max())


def test_a_head_alone_needs_no_plan(make, monkeypatch):
    material = make()
    weights = limited(monkeypatch, material, 1)
    head = dataclasses.replace(STAGE, unfrozen=0)
    assert planned(material, head, weights) == (head.batches.tokens, "")


def test_the_result_is_the_same_and_the_record_says_why(make, monkeypatch):
    losses = []
    for tokens in (10**9, 60):
        material = make()
        limited(monkeypatch, material, tokens)
        events = list(fit(material, Recipe("test", (STAGE,), start="random")))
        losses.append([event.loss for event in events if isinstance(event, Epoch) and event.number])
        (record,) = (event for event in events if isinstance(event, StageRecord))
        assert ("in parts of" in record.why) == (tokens == 60)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_the_estimate_is_no_less_than_what_a_step_takes(make):
    """Measured by torch: what the tensors kept for the backward pass take per token."""
    material = make()
    path = ModelPath(material.backbone, material.machine)
    path.set_dropout(0.1, 0.1)
    path.module.train()
    rows = torch.arange(48).numpy()
    held = {}

    def keep(tensor):
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    from graft.backbone.paths import Feed

    own = {parameter.untyped_storage().data_ptr() for parameter in path.module.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        path.logits(Feed(material.train.tokens), rows)
    pool = {pool.window(1).untyped_storage().data_ptr() for pool in path.pools}
    taken = sum(size for place, size in held.items() if place not in own | pool)
    longest = int(material.train.tokens.lengths[rows].max())
    assert taken <= per_token(material, STAGE, longest) * longest * len(rows)
