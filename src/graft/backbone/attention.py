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
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **more: Any
) -> tuple[Tensor, None]:
    """The library's protocol of an attention function: query, key and value (batch × heads × T × width) to states
    (batch × T × heads × width)."""
    width, length = query.shape[-1], query.shape[2]
    plain = attention_mask is None and not more.get("dropout") and more.get("position_bias") is None
    causal = more.get("is_causal")
    causal = getattr(module, "is_causal", True) if causal is None else causal
    if not plain or not causal or length != key.shape[2] or not 1 < length <= LONGEST:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **more)
    groups = query.shape[1] // key.shape[1]
    scaling = more.get("scaling")
    states = by_blocks(query, repeat_kv(key, groups), repeat_kv(value, groups), scaling or width**-0.5)
    return states.transpose(1, 2), None


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
