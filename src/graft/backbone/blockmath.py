"""The arithmetic of a BERT-like block, forward and backward, in few passes over the data.

    attended = norm(states + drop(attention(states)));  seen = norm(attended + drop(down(gelu(up(attended)))))

Query, key and value come from one product. A residual's gradient is added by the product that comes next. Results that
are only passed on lie in memory that is used again (`Buffers`). Softmax is taken in fp32 where bf16's is slow, and of
rows of a whole vector at least.

Shapes: B texts, T tokens, D width, H heads of width d, F inner width; N = B * T, R = B * H. Weights are out × in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

aten: Any = torch.ops.aten
SHORT = 64  # tokens; below, and where rows fill no whole vectors, torch's softmax in bf16 is two to eight times slower
VECTOR = 16  # numbers of a row that torch takes at once; fewer are taken one by one, which is up to ten times as slow


class Buffers:
    """Named memory that grows to the largest size asked for and is handed out again and again."""

    def __init__(self) -> None:
        self._held: dict[str, Tensor] = {}

    def take(self, name: str, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Uninitialised memory of this shape; what had it before under this name loses it."""
        size = math.prod(shape)
        held = self._held.get(name)
        if held is None or held.numel() < size or held.dtype != dtype:
            with torch.inference_mode(False):  # memory met first in a validation serves training, too
                held = self._held[name] = torch.empty(size, dtype=dtype)
        return held[:size].view(*shape)


@dataclass(frozen=True, slots=True)
class Form:
    """The sizes and constants of a call."""

    batch: int
    tokens: int
    heads: int
    eps: tuple[float, float]  # of the two norms


@dataclass(frozen=True, slots=True)
class Attended:
    """What the attention's backward pass reads."""

    heads_3RTd: Tensor  # query, key and value
    shares_RTT: Tensor  # the softmax, in the working dtype
    exact_RTV: Tensor  # the same as it was taken: in fp32 perhaps, and of rows filled up to a vector
    read_ND: Tensor


@dataclass(frozen=True, slots=True)
class Normed:
    """One of the two norms: its input, output and statistics, and dropout's mask before it."""

    sum_ND: Tensor
    out_ND: Tensor
    mean_N1: Tensor
    inverse_N1: Tensor
    drop_ND: Tensor | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a block's backward pass reads."""

    states_ND: Tensor
    attention: Attended
    attended: Normed
    inner_NF: Tensor
    active_NF: Tensor
    last: Normed


def forward(
    form: Form,
    states_ND: Tensor,
    mask: Tensor | None,
    weights: Sequence[Tensor],
    drops: tuple[Tensor | None, Tensor | None],
    memory: tuple[Buffers, Buffers],
) -> tuple[Tensor, Seen]:
    """The block's output (N × D), and what `backward` needs.

    mask: added to the attention's scores, or false where they do not count; broadcast to B × H × T × T.
    weights: query, key, value, their biases, then weight and bias of the output, norm, up, down and norm layers.
    memory: what the backward pass reads, and what is used up here.
    """
    kept, _ = memory
    out, out_bias, scale1, shift1, up, up_bias, down, down_bias, scale2, shift2 = weights[6:]
    shape_ND, shape_NF, dtype = states_ND.shape, (len(states_ND), len(up)), states_ND.dtype
    attention = _attend(form, states_ND, mask, weights[:6], memory)
    sum_ND = torch.addmm(out_bias, attention.read_ND, out.t(), out=kept.take("attended", shape_ND, dtype))
    attended = _norm(sum_ND, states_ND, drops[0], (scale1, shift1), form.eps[0])
    inner_NF = torch.addmm(up_bias, attended.out_ND, up.t(), out=kept.take("inner", shape_NF, dtype))
    active_NF = aten.gelu.out(inner_NF, out=kept.take("active", shape_NF, dtype))
    sum_ND = torch.addmm(down_bias, active_NF, down.t(), out=kept.take("last", shape_ND, dtype))
    last = _norm(sum_ND, attended.out_ND, drops[1], (scale2, shift2), form.eps[1])
    return last.out_ND, Seen(states_ND, attention, attended, inner_NF, active_NF, last)


def _norm(
    sum_ND: Tensor, before_ND: Tensor, drop_ND: Tensor | None, scale_shift: tuple[Tensor, Tensor], eps: float
) -> Normed:
    """Dropout, residual and norm; `sum_ND` becomes their sum."""
    if drop_ND is not None:
        sum_ND.mul_(drop_ND)
    sum_ND.add_(before_ND)
    return Normed(sum_ND, *torch.native_layer_norm(sum_ND, sum_ND.shape[1:], *scale_shift, eps), drop_ND)


def _attend(
    form: Form, states_ND: Tensor, mask: Tensor | None, weights: Sequence[Tensor], memory: tuple[Buffers, Buffers]
) -> Attended:
    (count, width), dtype, (kept, passing) = states_ND.shape, states_ND.dtype, memory
    batch, tokens, heads = form.batch, form.tokens, form.heads
    size = width // heads
    triple_N3D = passing.take("triple", (count, 3 * width), dtype)
    torch.addmm(side_by_side(weights[3:]), states_ND, side_by_side(weights[:3]).t(), out=triple_N3D)
    heads_3RTd = kept.take("heads", (3, batch * heads, tokens, size), dtype)
    split = triple_N3D.view(batch, tokens, 3, heads, size).permute(2, 0, 3, 1, 4)
    heads_3RTd.view(3, batch, heads, tokens, size).copy_(split)
    query_RTd, key_RTd, value_RTd = heads_3RTd
    shares_RTT = kept.take("shares", (batch * heads, tokens, tokens), dtype)
    torch.baddbmm(shares_RTT, query_RTd, key_RTd.transpose(1, 2), beta=0, alpha=size**-0.5, out=shares_RTT)
    if mask is not None:
        _masked(shares_RTT.view(batch, heads, tokens, tokens), mask)
    exact_RTV = _softmax(shares_RTT, kept)
    read_RTd = passing.take("read by head", (batch * heads, tokens, size), dtype)
    torch.bmm(shares_RTT, value_RTd, out=read_RTd)
    read_ND = kept.take("read", (count, width), dtype)
    read_ND.view(batch, tokens, heads, size).copy_(read_RTd.view(batch, heads, tokens, size).transpose(1, 2))
    return Attended(heads_3RTd, shares_RTT, exact_RTV, read_ND)


def _masked(scores_BHTT: Tensor, mask: Tensor) -> None:
    if mask.dtype == torch.bool:
        scores_BHTT.masked_fill_(~mask, torch.finfo(scores_BHTT.dtype).min)
    else:
        scores_BHTT.add_(mask)


def _softmax(scores_RTT: Tensor, kept: Buffers) -> Tensor:
    """Take the softmax in place; returns it as it was taken."""
    *others, tokens = scores_RTT.shape
    is_slow = scores_RTT.dtype == torch.bfloat16 and (tokens < SHORT or tokens % VECTOR > 0)
    dtype, width = torch.float32 if is_slow else scores_RTT.dtype, max(tokens, VECTOR)
    if (dtype, width) == (scores_RTT.dtype, tokens):
        aten._softmax.out(scores_RTT, -1, False, out=scores_RTT)
        return scores_RTT
    exact_RTV = kept.take("exact", (*others, width), dtype)
    exact_RTV[..., tokens:] = -math.inf
    exact_RTV[..., :tokens].copy_(scores_RTT)
    aten._softmax.out(exact_RTV, -1, False, out=exact_RTV)
    scores_RTT.copy_(exact_RTV[..., :tokens])
    return exact_RTV


def backward(
    form: Form, seen: Seen, grad_ND: Tensor, weights: Sequence[Tensor], passing: Buffers, needs_states: bool = True
) -> tuple[Tensor | None, list[Tensor]]:
    """The gradients of the states and of the weights, in their order. What `seen` holds is used up."""
    out, _, scale1, shift1, up, _, down, _, scale2, shift2 = weights[6:]
    last, attended = seen.last, seen.attended
    sum_ND, grad_scale2, grad_shift2 = _norm_backward(grad_ND, last, scale2, shift2)
    drop_ND = _dropped(sum_ND, last)
    grad_down, grad_down_bias = drop_ND.t() @ seen.active_NF, drop_ND.sum(0)
    inner_NF = torch.mm(drop_ND, down, out=seen.active_NF)
    aten.gelu_backward.grad_input(inner_NF, seen.inner_NF, grad_input=inner_NF)
    grad_up, grad_up_bias = inner_NF.t() @ attended.out_ND, inner_NF.sum(0)
    sum_ND, grad_scale1, grad_shift1 = _norm_backward(torch.addmm(sum_ND, inner_NF, up), attended, scale1, shift1)
    drop_ND = _dropped(sum_ND, attended)
    grad_out, grad_out_bias = drop_ND.t() @ seen.attention.read_ND, drop_ND.sum(0)
    read_ND = torch.mm(drop_ND, out, out=seen.attention.read_ND)
    triple_N3D = _attend_backward(form, seen.attention, read_ND, passing)
    triple = [*(triple_N3D.t() @ seen.states_ND).chunk(3), *triple_N3D.sum(0).chunk(3)]
    states_ND = torch.addmm(sum_ND, triple_N3D, side_by_side(weights[:3])) if needs_states else None
    feed_forward = [grad_up, grad_up_bias, grad_down, grad_down_bias]
    norms = [grad_scale1, grad_shift1], [grad_scale2, grad_shift2]
    return states_ND, [*triple, grad_out, grad_out_bias, *norms[0], *feed_forward, *norms[1]]


def _norm_backward(grad_ND: Tensor, normed: Normed, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of the sum that was normed, of the scale and of the shift."""
    statistics = normed.mean_N1, normed.inverse_N1
    found: tuple[Tensor, Tensor, Tensor] = aten.native_layer_norm_backward(
        grad_ND, normed.sum_ND, scale.shape, *statistics, scale, shift, [True, True, True]
    )
    return found


def _dropped(grad_ND: Tensor, normed: Normed) -> Tensor:
    """A sum's gradient behind dropout; the residual's is `grad_ND` itself."""
    return grad_ND if normed.drop_ND is None else torch.mul(grad_ND, normed.drop_ND, out=normed.sum_ND)


def _attend_backward(form: Form, seen: Attended, grad_ND: Tensor, passing: Buffers) -> Tensor:
    """The gradient of query, key and value together (N × 3D)."""
    query_RTd, key_RTd, value_RTd = seen.heads_3RTd
    (count, width), dtype, size = grad_ND.shape, grad_ND.dtype, query_RTd.shape[2]
    batch, tokens, heads = form.batch, form.tokens, form.heads
    grads_3RTd = passing.take("gradients by head", seen.heads_3RTd.shape, dtype)
    read_RTd = passing.take("read by head", query_RTd.shape, dtype)
    read_RTd.view(batch, heads, tokens, size).copy_(grad_ND.view(batch, tokens, heads, size).transpose(1, 2))
    torch.bmm(seen.shares_RTT.transpose(1, 2), read_RTd, out=grads_3RTd[2])
    scores_RTT = passing.take("scores", seen.shares_RTT.shape, dtype)
    torch.bmm(read_RTd, value_RTd.transpose(1, 2), out=scores_RTT)
    _softmax_backward(scores_RTT, seen, passing)
    scale = size**-0.5
    torch.baddbmm(grads_3RTd[0], scores_RTT, key_RTd, beta=0, alpha=scale, out=grads_3RTd[0])
    torch.baddbmm(grads_3RTd[1], scores_RTT.transpose(1, 2), query_RTd, beta=0, alpha=scale, out=grads_3RTd[1])
    triple_N3D = passing.take("triple", (count, 3 * width), dtype)
    joined = grads_3RTd.view(3, batch, heads, tokens, size).permute(1, 3, 0, 2, 4)
    triple_N3D.view(batch, tokens, 3, heads, size).copy_(joined)
    return triple_N3D


def _softmax_backward(grad_RTT: Tensor, seen: Attended, passing: Buffers) -> None:
    """In place: from the shares' gradient to the scores'."""
    exact_RTV, wide_RTV, tokens = seen.exact_RTV, grad_RTT, grad_RTT.shape[-1]
    if (exact_RTV.dtype, exact_RTV.shape) != (grad_RTT.dtype, grad_RTT.shape):
        wide_RTV = passing.take("wide", exact_RTV.shape, exact_RTV.dtype)
        wide_RTV[..., tokens:] = 0
        wide_RTV[..., :tokens].copy_(grad_RTT)
    aten._softmax_backward_data.out(wide_RTV, exact_RTV, -1, exact_RTV.dtype, grad_input=wide_RTV)
    if wide_RTV is not grad_RTT:
        grad_RTT.copy_(wide_RTV[..., :tokens])


def side_by_side(three: Sequence[Tensor]) -> Tensor:
    """Three tensors joined along their first dimension: a view where they lie so in memory, else a copy."""
    first, *others = (tensor.detach() for tensor in three)
    step = first.numel()
    places = [first.storage_offset() + step, first.storage_offset() + 2 * step]
    storage = first.untyped_storage().data_ptr()
    if all(
        other.untyped_storage().data_ptr() == storage and other.storage_offset() == place
        for other, place in zip(others, places, strict=True)
    ):
        return first.as_strided((3 * len(first), *first.shape[1:]), first.stride())
    return torch.cat([first, *others])
