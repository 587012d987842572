"""Heads as functions of features: the family's own head alone computes what it computes within its model."""

from __future__ import annotations

import numpy as np
import torch

from graft.backbone.batch import Collator
from graft.backbone.heads import NativeHeadAlone, PooledHead, pool
from graft.backbone.trunk import Trunk


def test_the_native_head_alone_is_the_models_own(backbone, tokens):
    ids_BT, mask_BT = Collator(tokens, backbone.tokenizer.pad_token_id, "cpu")(np.arange(len(tokens)))
    trunk = Trunk(backbone.model, backbone.family)
    alone = NativeHeadAlone(backbone.model, backbone.family.head)
    with torch.no_grad():
        (states_BTD,) = trunk.states(ids_BT, mask_BT, (len(trunk),))
        torch.testing.assert_close(alone(states_BTD[:, 0]), trunk.logits(ids_BT, mask_BT))


def test_the_native_head_alone_trains_the_models_own_weights(backbone):
    alone = NativeHeadAlone(backbone.model, backbone.family.head)
    alone(torch.ones(2, backbone.record.width)).sum().backward()
    reached = {name for name, parameter in backbone.model.named_parameters() if parameter.grad is not None}
    head = backbone.family.head
    assert reached == {f"{layer}.{kind}" for layer in (head.dense, head.out) for kind in ("weight", "bias")}


def test_pooling_ignores_padding():
    states = torch.tensor([[[1.0], [3.0], [100.0]], [[2.0], [4.0], [6.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert pool(states, mask, "mean").tolist() == [[2.0], [4.0]]
    assert pool(states, mask, "first").tolist() == [[1.0], [2.0]]
    assert pool(states[1:], None, "mean").tolist() == [[4.0]]


def test_pooling_is_wide_and_finite_for_a_row_without_tokens():
    states = torch.randn(2, 3, 4, dtype=torch.bfloat16)
    mask = torch.tensor([[0, 0, 0], [1, 1, 1]])
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
