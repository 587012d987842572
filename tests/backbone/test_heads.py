"""Heads as functions of features: the family's own head alone computes what it computes within its model."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import tiny
import torch

from graft.backbone.batch import Collator
from graft.backbone.families import FAMILIES
from graft.backbone.heads import NativeHeadAlone, PooledHead, pool
from graft.backbone.trunk import Trunk


@pytest.fixture(params=[name for name in tiny.FAMILIES if FAMILIES[name].head is not None])
def backbone(request, loaded):
    original = loaded[request.param]
    return dataclasses.replace(original, model=copy.deepcopy(original.model))


def test_the_native_head_alone_is_the_models_own(backbone, tokens):
    ids_BT, mask_BT = Collator(tokens, backbone.tokenizer.pad_token_id, "cpu")(np.arange(len(tokens)))
    trunk = Trunk(backbone.model, backbone.family)
    alone = NativeHeadAlone(backbone.model, backbone.family.head)
    with torch.no_grad():
        (states_BTD,) = trunk.states(ids_BT, mask_BT, (len(trunk),))
        pooled_BD = pool(trunk.normed(states_BTD), mask_BT, backbone.family.head.reads)
        torch.testing.assert_close(alone(pooled_BD), trunk.logits(ids_BT, mask_BT))


def test_the_native_head_alone_trains_the_models_own_weights(backbone):
    alone = NativeHeadAlone(backbone.model, backbone.family.head)
    alone(torch.ones(2, backbone.record.width)).sum().backward()
    reached = {name for name, parameter in backbone.model.named_parameters() if parameter.grad is not None}
    head = backbone.family.head
    layers = [layer for layer in (head.dense, head.norm, head.out) if layer]
    own = {name for layer in layers for name, _ in backbone.model.get_submodule(layer).named_parameters(layer)}
    assert reached == own
    assert len(own) >= len(layers)


def test_pooling_ignores_padding():
    states = torch.tensor([[[1.0], [3.0], [100.0]], [[2.0], [4.0], [6.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert pool(states, mask, "mean").tolist() == [[2.0], [4.0]]
    assert pool(states, mask, "first").tolist() == [[1.0], [2.0]]
    assert pool(states, mask, "last").tolist() == [[3.0], [6.0]]
    assert pool(states[1:], None, "mean").tolist() == [[4.0]]
    assert pool(states[1:], None, "last").tolist() == [[6.0]]


def test_pooling_is_wide_and_finite_for_a_row_without_tokens():
    states = torch.randn(2, 3, 4, dtype=torch.bfloat16)
    mask = torch.tensor([[0, 0, 0], [1, 1, 1]])
    assert pool(states, mask, "last").isfinite().all()
    pooled = pool(states, mask, "mean")
    assert pooled.dtype == torch.float32
    assert pooled.isfinite().all()
    torch.testing.assert_close(pooled[1], states[1].float().mean(0))
    assert pool(states.double(), mask, "mean").dtype == torch.float64


def test_a_pooled_head_standardises():
    head = PooledHead(2, 3, "mean", 1)
    head.mean.copy_(torch.tensor([1.0, 2.0]))
    head.deviation.copy_(torch.tensor([2.0, 4.0]))
    features = torch.tensor([[3.0, 6.0], [1.0, 2.0]])
    expected = torch.tensor([[1.0, 1.0], [0.0, 0.0]]) @ head.linear.weight.T + head.linear.bias
    torch.testing.assert_close(head(features), expected)
    assert {"mean", "deviation", "linear.weight", "linear.bias"} == set(head.state_dict())
