"""The pieces of a block's arithmetic: memory that is used again, weights that are joined, softmax at every length."""

from __future__ import annotations

import pytest
import torch

from graft.backbone.blockmath import Attended, Buffers, _softmax, _softmax_backward, side_by_side


def test_buffers_grow_and_are_the_same_memory():
    buffers = Buffers()
    first = buffers.take("a", (2, 3), torch.float32)
    assert first.shape == (2, 3)
    assert buffers.take("a", (3, 2), torch.float32).data_ptr() == first.data_ptr()
    assert buffers.take("b", (2, 3), torch.float32).data_ptr() != first.data_ptr()
    assert buffers.take("a", (9, 9), torch.float32).shape == (9, 9)
    assert buffers.take("a", (1, 1), torch.bfloat16).dtype == torch.bfloat16


def test_neighbours_are_joined_without_a_copy():
    whole = torch.arange(24.0).view(6, 4)
    parts = whole.chunk(3)
    assert side_by_side(parts).data_ptr() == whole.data_ptr()
    for apart in ([part.clone() for part in parts], [parts[0], parts[2], parts[1]], [parts[1], parts[2], parts[0]]):
        assert torch.equal(side_by_side(apart), torch.cat(list(apart)))


@pytest.mark.parametrize("tokens", [5, 16, 63, 64, 70, 80])
def test_softmax_in_bf16_is_right_at_every_length(tokens):
    scores = torch.randn(3, tokens, tokens).mul(4).bfloat16()
    wanted = torch.softmax(scores.double(), -1)
    shares = scores.clone()
    exact = _softmax(shares, Buffers())
    torch.testing.assert_close(shares.double(), wanted, rtol=2e-2, atol=1e-3)
    assert exact.dtype == (torch.bfloat16 if tokens in (64, 80) else torch.float32)
    torch.testing.assert_close(exact[..., :tokens].double(), wanted, rtol=2e-2, atol=1e-3)
    assert exact[..., tokens:].abs().sum() == 0  # a short row was filled up to a vector


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("tokens", [1, 5, 15, 16, 17])
def test_the_softmaxs_gradient_is_torchs(tokens, dtype):
    scores = torch.randn(6, tokens, tokens, dtype=torch.float64)
    gradient = torch.randn_like(scores)
    leaf = scores.clone().requires_grad_()
    torch.softmax(leaf, -1).backward(gradient)
    shares, found, passing = scores.to(dtype), gradient.to(dtype), Buffers()
    passing.take("wide", (6, 99, 99), torch.float32).fill_(torch.nan)  # what lay there before must not matter
    _softmax_backward(found, Attended(shares, shares, _softmax(shares, Buffers()), shares), passing)
    close = {"rtol": 0.1, "atol": 0.03} if dtype == torch.bfloat16 else {"rtol": 1e-4, "atol": 1e-6}
    torch.testing.assert_close(found.double(), leaf.grad, **close)
