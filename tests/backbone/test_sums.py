"""Gradients of biases, scales and shifts as products: those of the library, in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from graft.backbone.sums import as_products


def passed(model, states, weight):
    states = states.clone().requires_grad_()
    model.zero_grad()
    (model(states) * weight).sum().backward()
    return [states.grad, *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 2**31 - 1))
def test_gradients_are_those_of_the_library(rows, tokens, seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(5, 7), nn.LayerNorm(7), nn.GELU(), nn.Linear(7, 3)).double()
    nn.init.normal_(model[1].weight)
    states, weight = torch.randn(rows, tokens, 5).double() + 2, torch.randn(rows, tokens, 3).double()
    wanted = passed(model, states, weight)
    with as_products(model):
        found = passed(model, states, weight)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("frozen", [0, 1])
def test_what_is_frozen_gets_no_gradient(frozen):
    model = nn.Sequential(nn.Linear(5, 7), nn.LayerNorm(7)).double()
    model[frozen].requires_grad_(False)
    with as_products(model):
        passed(model, torch.randn(2, 5).double(), torch.randn(2, 7).double())
    assert [p.grad is None for p in model[frozen].parameters()] == [True, True]
    assert [p.grad is None for p in model[1 - frozen].parameters()] == [False, False]


def test_layers_of_another_kind_and_without_a_bias_are_left_alone():
    class Other(nn.Linear):
        pass

    model = nn.Sequential(Other(3, 3), nn.Linear(3, 3, bias=False), nn.LayerNorm(3, bias=False))
    before = model(torch.ones(2, 3))
    with as_products(model):
        assert not [part for part in model if "forward" in vars(part)]
        assert torch.equal(model(torch.ones(2, 3)), before)
