"""BERT-like blocks in few steps, on a CPU that computes in bf16: which blocks can be, and what autograd is told.

The library's block is some sixty small steps that autograd strings together, each with a new result. `blockmath` writes
the same arithmetic out, with its derivative; float64 tests hold both to 1e-9, gradients included. Blocks of another
kind, with layers that were replaced, or with dropout that does not come from a pool, keep the library's forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from graft.backbone import blockmath
from graft.backbone.blockmath import Buffers, Form
from graft.backbone.dropout import PooledDropout
from graft.backbone.firstrow import called_by_place, forwarding


@dataclass(frozen=True, slots=True)
class Parts:
    """A block's modules by what they do."""

    triple: tuple[nn.Linear, nn.Linear, nn.Linear]  # query, key, value
    layers: tuple[nn.Linear, nn.Linear, nn.Linear]  # after the attention, up, down
    norms: tuple[nn.LayerNorm, nn.LayerNorm]  # after the attention, after the feed-forward part
    drops: tuple[nn.Module | None, nn.Module | None]  # before these norms
    attention_drop: nn.Module
    activation: nn.Module
    heads: int

    @property
    def weights(self) -> list[Tensor]:
        """In the order in which `blockmath` takes them."""
        out, up, down = self.layers
        triple = [*(layer.weight for layer in self.triple), *(layer.bias for layer in self.triple)]
        rest = (out, self.norms[0], up, down, self.norms[1])
        return triple + [tensor for module in rest for tensor in (module.weight, module.bias)]

    @property
    def is_plain(self) -> bool:
        """Whether the block is as the formulas have it now: plain layers that nobody listens to, exact GELU, and no
        dropout but that of pools."""
        layers = (*self.triple, *self.layers, *self.norms)
        if any(type(m) not in (nn.Linear, nn.LayerNorm) or m._forward_hooks or m._forward_pre_hooks for m in layers):
            return False
        active = [drop for drop in (*self.drops, self.attention_drop) if drop is not None and drop.training]
        is_pooled = all(isinstance(drop, PooledDropout) or getattr(drop, "p", 1.0) == 0.0 for drop in active)
        return is_pooled and getattr(self.activation, "act", self.activation) is nn.functional.gelu


def _bert(block: Any) -> Parts:
    attention, within = block.attention, block.attention.self
    return Parts(
        (within.query, within.key, within.value),
        (attention.output.dense, block.intermediate.dense, block.output.dense),
        (attention.output.LayerNorm, block.output.LayerNorm),
        (attention.output.dropout, block.output.dropout),
        within.dropout,
        block.intermediate.intermediate_act_fn,
        within.num_attention_heads,
    )


def _distilbert(block: Any) -> Parts:
    within, ffn = block.attention, block.ffn
    return Parts(
        (within.q_lin, within.k_lin, within.v_lin),
        (within.out_lin, ffn.lin1, ffn.lin2),
        (block.sa_layer_norm, block.output_layer_norm),
        (None, ffn.dropout),
        within.dropout,
        ffn.activation,
        within.n_heads,
    )


BLOCKS: dict[str, Callable[[Any], Parts]] = {
    "bert": _bert,
    "roberta": _bert,
    "xlm-roberta": _bert,
    "distilbert": _distilbert,
    "electra": _bert,
}


class Shelf:
    """Buffers that are not in use. Two passes at once, or one whose gradient is never asked for, cost memory only."""

    def __init__(self) -> None:
        self._free: list[Buffers] = []

    def lend(self) -> Buffers:
        return self._free.pop() if self._free else Buffers()

    def give_back(self, buffers: Buffers) -> None:
        if not self._free:
            self._free.append(buffers)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A block as it is now, and its memory."""

    parts: Parts
    kept: Shelf  # for what the backward pass reads; one per block
    passing: Shelf  # for what is used up at once; one for all blocks


class FastBlocks:
    """The blocks of one working model that can be computed here."""

    def __init__(self, blocks: Sequence[nn.Module], kind: str) -> None:
        self._parts_of = BLOCKS.get(kind)
        self._shelves = [(block, Shelf()) for block in blocks] if self._parts_of else []
        self._passing = Shelf()

    def _plans(self) -> Iterator[tuple[nn.Module, _Plan]]:
        """Found anew each time: a block's dropout, or more, may have been replaced."""
        for block, kept in self._shelves:
            assert self._parts_of is not None
            yield block, _Plan(self._parts_of(block), kept, self._passing)

    def lay_out(self) -> None:
        """Put each block's query, key and value weights side by side in memory, so that one product reads all three.
        The parameters stay the same objects with the same values."""
        for _, plan in self._plans():
            for name in ("weight", "bias"):
                three = [getattr(layer, name) for layer in plan.parts.triple]
                for tensor, place in zip(three, torch.cat([t.detach() for t in three]).chunk(3), strict=True):
                    tensor.data = place

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this context these blocks are computed here, those that can be."""
        with ExitStack() as stack:
            for block, plan in self._plans():
                if plan.parts.is_plain:
                    stack.enter_context(called_by_place(block))
                    stack.enter_context(forwarding(block, _taking(plan)))
            yield


def _taking(plan: _Plan) -> Callable[..., Tensor]:
    """A forward pass that takes what the library gives a block."""

    def forward(states_BTD: Tensor, mask: Tensor | None = None, *_: Any) -> Tensor:
        return _run(plan, states_BTD, mask)

    return forward


def _run(plan: _Plan, states_BTD: Tensor, mask: Tensor | None) -> Tensor:
    weights = plan.parts.weights
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (states_BTD, *weights)):
        seen_BTD: Tensor = _Block.apply(plan, mask, states_BTD, *weights)  # type: ignore[no-untyped-call]
        return seen_BTD
    buffers = plan.passing.lend()
    seen_ND, _ = _forward(plan, mask, states_BTD, weights, (buffers, buffers))
    plan.passing.give_back(buffers)
    return seen_ND.view(states_BTD.shape)


def _forward(
    plan: _Plan, mask: Tensor | None, states_BTD: Tensor, weights: Sequence[Tensor], memory: tuple[Buffers, Buffers]
) -> tuple[Tensor, blockmath.Seen]:
    states_ND = states_BTD.reshape(-1, states_BTD.shape[-1])
    first, second = (None if drop is None else _drop(drop, states_ND) for drop in plan.parts.drops)
    return blockmath.forward(_form(plan.parts, states_BTD), states_ND, mask, weights, (first, second), memory)


def _form(parts: Parts, states_BTD: Tensor) -> Form:
    batch, tokens, _ = states_BTD.shape
    return Form(batch, tokens, parts.heads, (parts.norms[0].eps, parts.norms[1].eps))


def _drop(module: nn.Module, states_ND: Tensor) -> Tensor | None:
    return module.mask(states_ND.shape) if isinstance(module, PooledDropout) else None


class _Block(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, plan: _Plan, mask: Tensor | None, states_BTD: Tensor, *weights: Tensor) -> Tensor:
        kept, passing = plan.kept.lend(), plan.passing.lend()
        seen_ND, ctx.seen = _forward(plan, mask, states_BTD, weights, (kept, passing))
        plan.passing.give_back(passing)
        ctx.plan, ctx.kept, ctx.weights, ctx.form = plan, kept, weights, _form(plan.parts, states_BTD)
        return seen_ND.view(states_BTD.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_BTD: Tensor) -> tuple[Tensor | None, ...]:
        plan, seen, passing = ctx.plan, ctx.seen, ctx.plan.passing.lend()
        ctx.seen = None  # it is used up: a second backward pass fails instead of reading what is there by then
        grad_ND = grad_BTD.reshape(-1, grad_BTD.shape[-1])
        needs_states = ctx.needs_input_grad[2]
        states_ND, grads = blockmath.backward(ctx.form, seen, grad_ND, ctx.weights, passing, needs_states)
        plan.passing.give_back(passing)
        plan.kept.give_back(ctx.kept)
        return None, None, None if states_ND is None else states_ND.view(grad_BTD.shape), *grads
