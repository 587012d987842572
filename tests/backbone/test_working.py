"""The working copy of a model: what `deepcopy` and `to` give, sharing nothing with the model that it is a copy of."""

from __future__ import annotations

import copy

import pytest
import torch

from graft.backbone.model import Backbone
from graft.backbone.working import converted, working_copy


def _frequencies(backbone: Backbone) -> dict[str, torch.Tensor]:
    """The frequencies of rotary positions, which the library leaves in their dtype."""
    saved = backbone.model.state_dict()
    return {name: one for name, one in backbone.model.named_buffers() if name not in saved and "inv_freq" in name}


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
    for name, one in _frequencies(backbone).items():
        assert found[name].dtype == one.dtype, name
        assert torch.equal(found[name], one), name
        del expected[name]
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


def test_a_model_in_bf16_keeps_what_is_not_saved(backbone: Backbone) -> None:
    kept = {name: one.clone() for name, one in _frequencies(backbone).items()}
    made = converted(backbone.model, "cpu", torch.bfloat16)
    assert made is backbone.model
    assert all(one.dtype == torch.bfloat16 for one in made.parameters())
    found = dict(made.named_buffers())
    assert all(torch.equal(found[name], one) and found[name].dtype == one.dtype for name, one in kept.items())
    assert not set(kept) & set(made.state_dict())
