"""A cache with room ahead holds what the library's own holds, through growth, choice of rows and new storage."""

from __future__ import annotations

import torch
from transformers import GPT2Config, Qwen2Config
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from graft.backbone.growing import AHEAD, GrowingLayer, cache_for


def states(rows: int, tokens: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    keys, values = (torch.randn(rows, 2, tokens, 4, generator=generator) for _ in range(2))
    return keys, values


def test_it_holds_what_the_librarys_layer_holds() -> None:
    own, library = GrowingLayer(), DynamicLayer()
    for step, (rows, tokens) in enumerate([(3, 5), *[(3, 1)] * (AHEAD + 2), (2, 1), (2, 40), *[(2, 1)] * 5]):
        if own.keys is not None and rows < len(own.keys):
            chosen = torch.tensor([2, 0])
            own.batch_select_indices(chosen)
            library.batch_select_indices(chosen)
        added = states(rows, tokens, step)
        for found, expected in zip(own.update(*added), library.update(*added), strict=True):
            assert torch.equal(found, expected)
        assert own.get_seq_length() == library.get_seq_length()
        assert own.get_mask_sizes(1) == library.get_mask_sizes(1)


def test_a_step_copies_nothing_but_its_token() -> None:
    layer = GrowingLayer()
    first, _ = layer.update(*states(1, 3, 0))
    later, _ = layer.update(*states(1, 1, 1))
    assert later.data_ptr() == first.data_ptr()


def test_blocks_that_read_a_sliding_window_keep_their_own() -> None:
    assert [type(layer) for layer in cache_for(GPT2Config(n_layer=2)).layers] == [GrowingLayer, GrowingLayer]
    config = Qwen2Config(num_hidden_layers=2, use_sliding_window=True, sliding_window=8, max_window_layers=1)
    assert [type(layer) for layer in cache_for(config).layers] == [GrowingLayer, DynamicSlidingWindowLayer]
