"""Gradients of biases, and of norms' scales and shifts, as products: sums over all tokens, for which the library's own
kernels took twice as long on the GPU where it was tried (`docs/benchmarks.md`).

Each is a sum of some thousand rows, here a product with a row of ones. For recordings only (`graphs.py`): what autograd
is told costs Python's time at every call.

Shapes: N tokens, I and O widths of a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from graft.backbone.firstrow import forwarding

aten: Any = torch.ops.aten


class Ones:
    """Rows of ones, each made once within a recording."""

    def __init__(self) -> None:
        self._held: dict[int, Tensor] = {}

    def like(self, grad_NO: Tensor) -> Tensor:
        count = len(grad_NO)
        if count not in self._held:
            self._held[count] = grad_NO.new_ones(1, count)
        return self._held[count]


@contextmanager
def as_products(module: nn.Module) -> Iterator[None]:
    """Within this context the plain linear layers and norms of a model take these gradients so."""
    ones = Ones()
    with ExitStack() as stack:
        for part in module.modules():
            if type(part) is nn.Linear and part.bias is not None:
                stack.enter_context(forwarding(part, _linear(part, ones)))
            elif type(part) is nn.LayerNorm and len(part.normalized_shape) == 1 and part.bias is not None:
                stack.enter_context(forwarding(part, _norm(part, ones)))
        yield


def _linear(layer: nn.Linear, ones: Ones) -> Callable[[Tensor], Tensor]:
    return lambda states: _Linear.apply(ones, states, layer.weight, layer.bias)  # type: ignore[no-untyped-call]


def _norm(layer: nn.LayerNorm, ones: Ones) -> Callable[[Tensor], Tensor]:
    return lambda states: _Norm.apply(ones, states, layer.weight, layer.bias, layer.eps)  # type: ignore[no-untyped-call]


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, ones: Ones, states: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.ones = ones
        ctx.save_for_backward(states, weight)
        return nn.functional.linear(states, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        states, weight = ctx.saved_tensors
        _, needs_states, needs_weight, needs_bias = ctx.needs_input_grad
        grad_NO = grad.reshape(-1, grad.shape[-1])
        of_states = (grad_NO @ weight).view(states.shape) if needs_states else None
        of_weight = grad_NO.t() @ states.reshape(-1, states.shape[-1]) if needs_weight else None
        of_bias = (ctx.ones.like(grad_NO) @ grad_NO).squeeze(0) if needs_bias else None
        return None, of_states, of_weight, of_bias


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, ones: Ones, states: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        normed: Tensor
        normed, mean, inverse = torch.native_layer_norm(states, states.shape[-1:], scale, shift, eps)
        ctx.ones = ones
        ctx.save_for_backward(states, mean, inverse, scale, shift)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        states, mean, inverse, scale, shift = ctx.saved_tensors
        _, needs_states, needs_scale, needs_shift, _ = ctx.needs_input_grad
        of_states, of_scale, of_shift = None, None, None
        if needs_states:
            asked = [True, False, False]
            of_states = aten.native_layer_norm_backward(
                grad, states, states.shape[-1:], mean, inverse, scale, shift, asked
            )[0]
        if needs_scale or needs_shift:
            grad_NO, ones_1N = grad.reshape(-1, grad.shape[-1]), ctx.ones.like(grad.reshape(-1, grad.shape[-1]))
            means_1N, inverse_1N = mean.reshape(1, -1), inverse.reshape(1, -1)
            # the sum of grad (states - mean) inverse, without an array of that size in fp32
            away_1N = (means_1N * inverse_1N).to(grad.dtype)
            both_2O = torch.cat((ones_1N, away_1N)) @ grad_NO
            product_NO = grad_NO * states.reshape(grad_NO.shape)
            of_scale = (inverse_1N.to(grad.dtype) @ product_NO).squeeze(0) - both_2O[1]
            of_shift = both_2O[0]
        return None, of_states, of_scale, of_shift, None
