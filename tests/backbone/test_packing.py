"""Packed equals separate: loss and gradients of rows that share lines are those of each row alone, for every family."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_causal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from graft.backbone.packing import Packed, bins, pack
from graft.backbone.vocabulary import IGNORED, summed_loss
from graft.data.tokens.tokens import Tokens

SIZE = 40


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreTrainedModel]:
    root: Path = tmp_path_factory.mktemp("causal")
    return {
        name: AutoModelForCausalLM.from_pretrained(tiny_causal.make(name, root / name), dtype=torch.float64).eval()
        for name in tiny_causal.FAMILIES
    }


def rows_of(lengths: list[int], seed: int = 0) -> Tokens:
    ids = np.random.default_rng(seed).integers(3, 200, sum(lengths)).astype(np.int32)
    return Tokens(ids, np.concatenate(([0], np.cumsum(lengths))).astype(np.int64))


def loss_of(model: PreTrainedModel, packed: Packed) -> torch.Tensor:
    hidden = model.base_model(
        input_ids=packed.ids_BT, position_ids=packed.positions_BT, use_cache=False
    ).last_hidden_state
    head = model.get_output_embeddings()
    assert isinstance(head, nn.Linear)
    return summed_loss(hidden.flatten(0, 1), head, packed.targets_BT.flatten())


def gradients(model: PreTrainedModel) -> torch.Tensor:
    found = torch.cat([parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None])
    model.zero_grad()
    return found


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("family", tiny_causal.FAMILIES)
def test_packed_equals_separate(models: dict[str, PreTrainedModel], family: str, attention: str) -> None:
    model = models[family]
    model.set_attn_implementation(attention)
    tokens = rows_of([40, 13, 9, 17, 2, 25, 6, 1, 8])
    fresh = np.array([1, 5, 1, 2, 1, 20, 1, 1, 7])
    rows = np.arange(len(tokens))
    packed = pack(tokens, fresh, rows, SIZE)
    assert len(packed.ids_BT) == 4  # 121 tokens in lines of 40
    together = loss_of(model, packed)
    together.backward()
    by_packing = gradients(model)
    apart = sum(loss_of(model, pack(tokens, fresh, rows[row : row + 1], SIZE)) for row in rows)
    assert isinstance(apart, torch.Tensor)
    apart.backward()
    by_rows = gradients(model)
    near = 1e-9 if attention == "sdpa" else 1e-6  # eager attention takes its softmax in fp32
    assert together.item() == pytest.approx(apart.item(), rel=near)
    assert float((by_packing - by_rows).norm() / by_rows.norm()) < near


@pytest.mark.parametrize("family", tiny_causal.FAMILIES)
def test_a_row_of_a_padded_line_is_the_row_alone(models: dict[str, PreTrainedModel], family: str) -> None:
    model = models[family]
    tokens, fresh = rows_of([40, 30, 35]), np.array([1, 1, 1])
    packed = pack(tokens, fresh, np.arange(3), SIZE)
    assert packed.positions_BT is None
    apart = [loss_of(model, pack(tokens, fresh, np.array([row]), SIZE)).item() for row in range(3)]
    assert loss_of(model, packed).item() == pytest.approx(sum(apart), rel=1e-9)


def test_targets_are_the_next_tokens_that_are_asked_for() -> None:
    tokens = Tokens(np.arange(10, 19, dtype=np.int32), np.array([0, 5, 9]))
    packed = pack(tokens, np.array([1, 3]), np.array([0, 1]), 9)
    assert packed.ids_BT.tolist() == [[10, 11, 12, 13, 14, 15, 16, 17, 18]]
    assert packed.targets_BT.tolist() == [[11, 12, 13, 14, IGNORED, IGNORED, IGNORED, 18, IGNORED]]
    assert packed.positions_BT is not None
    assert packed.positions_BT.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 3]]
    assert packed.owner_BT.tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, 1]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 20), max_size=40))
def test_bins_hold_every_row_once_with_little_waste(lengths: list[int]) -> None:
    found = bins(lengths, 20)
    assert sorted(row for line in found for row in line) == list(range(len(lengths)))
    assert all(sum(lengths[row] for row in line) <= 20 for line in found)
    assert len(found) <= max(11 / 9 * -(-sum(lengths) // 20) + 4, len([n for n in lengths if n > 10]) + 1, 1)


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="21 tokens"):
        bins([3, 21], 20)
