"""Causal attention on a CPU, by blocks of queries: what lies right of a block is never computed.

The library's CPU kernel works through small tiles, one after another; for windows of some hundred tokens plain batched
products in bf16 are faster, forward and back, and half of their work is above the diagonal. Blocks spare most of that
half. Whatever else is asked for (a mask, dropout of the probabilities, one query at a time) is the
library's own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

BLOCKS = "graft_blocks"  # the name by which a model's configuration asks for it
QUERIES = 128  # of a block
LONGEST = 2048  # keys; beyond, the tiles of the library's kernel stay in the cache, and these products do not


def install() -> str:
    """Make it known to the library; the name to put into `config._attn_implementation`."""
    AttentionInterface.register(BLOCKS, attend)
    AttentionMaskInterface.register(BLOCKS, sdpa_mask)
    return BLOCKS


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """The library's protocol of an attention function: query, key and value (batch × heads × T × width) to states
    (batch × T × heads × width). Raises ValueError for what only the attention of other families is given."""
    foreign = [name for name in ("position_bias", "softcap", "s_aux") if others.get(name) is not None]
    if foreign or others.get("is_causal") is False:
        raise ValueError(f"attention by blocks is causal and knows nothing of {', '.join(foreign) or 'both sides'}")
    length = query.shape[2]
    if attention_mask is not None or dropout or length != key.shape[2] or not 1 < length <= LONGEST:
        found, _ = sdpa_attention_forward(module, query, key, value, attention_mask, dropout, scaling)
        return found, None
    groups = query.shape[1] // key.shape[1]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return by_blocks(query, repeat_kv(key, groups), repeat_kv(value, groups), scale).transpose(1, 2), None


def by_blocks(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    """states (batch × heads × T × width) of causal attention."""
    batch, heads, length, _ = query.shape
    q_ND, k_ND, v_ND = (states.reshape(batch * heads, length, -1) for states in (query, key, value))
    found = []
    for start in range(0, length, QUERIES):
        stop = min(start + QUERIES, length)
        hidden_QK = torch.full((stop - start, stop), -torch.inf, dtype=query.dtype, device=query.device).triu(start + 1)
        scores_NQK = torch.baddbmm(
            hidden_QK.expand(batch * heads, -1, -1), q_ND[:, start:stop], k_ND[:, :stop].transpose(1, 2), alpha=scale
        )
        found.append(torch.bmm(torch.softmax(scores_NQK, -1), v_ND[:, :stop]))
    return torch.cat(found, 1).view(batch, heads, length, -1)
