"""The working copy of a model: what `deepcopy` and `to` give, sharing nothing with the model that it is a copy of."""

from __future__ import annotations

import copy

import pytest
import torch

from graft.backbone.model import Backbone
from graft.backbone.working import working_copy


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["same dtype", "bf16"])
def test_it_is_the_librarys_own_copy(backbone: Backbone, dtype: torch.dtype) -> None:
    next(backbone.model.parameters()).requires_grad_(False)
    backbone.model.train()
    made, wanted = working_copy(backbone.model, "cpu", dtype), copy.deepcopy(backbone.model).to(dtype=dtype)
    found, expected = (
        {**dict(one.named_parameters(remove_duplicate=False)), **dict(one.named_buffers(remove_duplicate=False))}
        for one in (made, wanted)
    )
    assert list(found) == list(expected)
    for name, one in expected.items():
        assert found[name].dtype == one.dtype
        assert found[name].requires_grad == one.requires_grad
        assert torch.equal(found[name], one), name
    assert {id(one) for one in made.parameters()} == {id(found[name]) for name, _ in made.named_parameters()}
    assert len(list(made.parameters())) == len(list(wanted.parameters()))  # what is tied stays tied
    assert not made.training
    assert backbone.model.training


def test_it_shares_no_memory(backbone: Backbone) -> None:
    before = {name: one.detach().clone() for name, one in backbone.model.named_parameters()}
    made = working_copy(backbone.model, "cpu", torch.float32)
    with torch.no_grad():
        for one in made.parameters():
            one.zero_()
    assert all(torch.equal(one, before[name]) for name, one in backbone.model.named_parameters())
