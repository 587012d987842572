"""The last block for the first token alone: all that a classification head reads of it.

Every token's key and value are still needed, but the query, the projections after the attention and the feed-forward
part only where the head looks: ten of a block's twelve weight matrices of width × width then see one token per text.
Of six blocks that spares an eighth of the arithmetic, forward and backward, and the logits are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

Block = Callable[[Any, Tensor, Tensor | None, tuple[Any, ...]], Any]  # block, states, mask, its other arguments


def _bert(block: Any, states_BTD: Tensor, mask: Tensor | None, _: tuple[Any, ...]) -> Tensor:
    attention, within = block.attention, block.attention.self
    first_B1D = states_BTD[:, :1].contiguous()
    query_B1D, key_BTD, value_BTD = within.query(first_B1D), within.key(states_BTD), within.value(states_BTD)
    heads = within.num_attention_heads
    read_B1D = _attend(query_B1D, key_BTD, value_BTD, mask, heads, within.dropout)
    attended_B1D = attention.output(read_B1D, first_B1D)
    seen: Tensor = block.output(block.intermediate(attended_B1D), attended_B1D)
    return seen


def _distilbert(block: Any, states_BTD: Tensor, mask: Tensor | None, _: tuple[Any, ...]) -> Tensor:
    within = block.attention
    first_B1D = states_BTD[:, :1].contiguous()
    query_B1D, key_BTD, value_BTD = within.q_lin(first_B1D), within.k_lin(states_BTD), within.v_lin(states_BTD)
    read_B1D = _attend(query_B1D, key_BTD, value_BTD, mask, within.n_heads, within.dropout)
    attended_B1D = block.sa_layer_norm(within.out_lin(read_B1D) + first_B1D)
    seen: Tensor = block.output_layer_norm(block.ffn(attended_B1D) + attended_B1D)
    return seen


def _mpnet(block: Any, states_BTD: Tensor, mask: Tensor | None, others: tuple[Any, ...]) -> Any:
    attention, within = block.attention, block.attention.attn
    first_B1D = states_BTD[:, :1].contiguous()
    bias = others[0][:, :, :1]  # by query and key, as the mask is
    query_B1D, key_BTD, value_BTD = within.q(first_B1D), within.k(states_BTD), within.v(states_BTD)
    both = bias if mask is None else bias + mask[:, :, :1]
    read_B1D = _attend(query_B1D, key_BTD, value_BTD, both, within.num_attention_heads, within.dropout)
    attended_B1D = attention.LayerNorm(attention.dropout(within.o(read_B1D)) + first_B1D)
    return (block.output(block.intermediate(attended_B1D), attended_B1D),)


BLOCKS: dict[str, Block] = {
    "bert": _bert,
    "roberta": _bert,
    "xlm-roberta": _bert,
    "distilbert": _distilbert,
    "electra": _bert,
    "mpnet": _mpnet,
}


def _attend(
    query_B1D: Tensor, key_BTD: Tensor, value_BTD: Tensor, mask: Tensor | None, heads: int, dropout: nn.Dropout
) -> Tensor:
    """What the first token's query reads of every token. mask: what the library gives a block, by query and key."""
    query, key, value = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in (query_B1D, key_BTD, value_BTD))
    rate = dropout.p if dropout.training else 0.0
    first = None if mask is None else mask[:, :, :1]
    read = scaled_dot_product_attention(query, key, value, attn_mask=first, dropout_p=rate)
    return read.transpose(1, 2).flatten(2).contiguous()


@contextmanager
def first_row_only(block: nn.Module, kind: str) -> Iterator[None]:
    """Within this context the block answers for the first token only; nothing changes for a kind not in BLOCKS."""
    if kind not in BLOCKS:
        yield
        return

    def forward(states_BTD: Tensor, mask: Tensor | None = None, *others: Any) -> Any:
        return BLOCKS[kind](block, states_BTD, mask, others)

    with called_by_place(block), forwarding(block, forward):
        yield


@contextmanager
def called_by_place(block: nn.Module) -> Iterator[None]:
    """Within this context a block is called with its states, its mask and what else it is given without a name."""
    hook = block.register_forward_pre_hook(by_place, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def by_place(_: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A hook before a block's pass: some families name the mask; what else they name, no stand-in reads."""
    states, mask, *others = (*args, None)[: max(2, len(args))]
    return (states, named.get("attention_mask", mask), *others), {}


@contextmanager
def forwarding(block: Any, forward: Callable[..., Tensor]) -> Iterator[None]:
    """Within this context a block's forward pass is this one."""
    before = vars(block).get("forward")  # an enclosing context's
    block.forward = forward
    try:
        yield
    finally:
        del block.forward
        if before is not None:
            block.forward = before
