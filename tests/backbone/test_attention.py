"""Attention by blocks is the library's own, forward and back; what it does not serve goes to the library."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_causal
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModelForCausalLM

from graft.backbone import attention


@pytest.mark.parametrize("length", [1, 2, 127, 128, 129, 300])
def test_blocks_are_the_whole(length: int) -> None:
    torch.manual_seed(length)
    given = [torch.randn(2, 3, length, 8, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    slope = torch.randn(2, 3, length, 8, dtype=torch.float64)
    ours = attention.by_blocks(*given, scale=8**-0.5)
    theirs = scaled_dot_product_attention(*given, is_causal=True)
    torch.testing.assert_close(ours, theirs)
    for own, other in zip(*(torch.autograd.grad(found, given, slope) for found in (ours, theirs)), strict=True):
        torch.testing.assert_close(own, other)


@pytest.mark.parametrize("family", tiny_causal.FAMILIES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_model_says_the_same(family: str, packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packed lines bring a mask, and Qwen2's sliding layers another: both are the library's."""
    monkeypatch.setattr(attention, "QUERIES", 16)
    model = AutoModelForCausalLM.from_pretrained(
        tiny_causal.make(family, tmp_path / family), dtype=torch.float64
    ).eval()
    ids = torch.randint(3, 200, (2, 50))
    places = torch.cat([torch.arange(20), torch.arange(30)]).expand(2, 50) if packed else None
    found = {}
    for name in ("sdpa", attention.install()):
        model.config._attn_implementation = name
        with torch.inference_mode():
            found[name] = model(ids, position_ids=places, use_cache=False).logits
    torch.testing.assert_close(found[attention.BLOCKS], found["sdpa"])
