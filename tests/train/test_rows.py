"""An embedding that trains by rows: Adam's own steps for the rows in use, nothing for the others."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from graft.records import Optimiser
from graft.train.rows import RowEmbedding, install
from graft.train.weights import Adam, Average, FlatWeights, Group

NAMES = ("embedding.weight", "linear.weight")
GROUPS = [Group(NAMES, 0.5, 0.1)]
SETTINGS = Optimiser(lr=0.02, clip=0.5, warmup=0.0, schedule="constant")


class Reader(nn.Module):
    def __init__(self, padding=None):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(9, 4, padding_idx=padding)
        self.linear = nn.Linear(4, 3, bias=False)

    def get_input_embeddings(self):
        return self.embedding

    def forward(self, ids):
        return self.linear(self.embedding(ids).mean(1))


def by_rows(dtype=torch.float32, padding=None):
    model = Reader(padding).to(dtype)
    install(model, set(NAMES))
    return model, FlatWeights(model, GROUPS)


def step(model, weights, adam, *parts):
    for index, ids in enumerate(parts):
        loss = nn.functional.cross_entropy(model(ids).float(), ids[:, 0] % 3, reduction="sum")
        (loss / sum(len(part) for part in parts)).backward()
        weights.gather(first=index == 0)
    return adam.step()


def test_where_every_step_uses_every_row_it_is_adam():
    model, weights = by_rows()
    adam = Adam(weights, SETTINGS, steps=5)
    plain = Reader()
    reference = torch.optim.AdamW(plain.parameters(), lr=0.01, weight_decay=0.1)
    for seed in range(5):
        torch.manual_seed(seed)
        ids = torch.stack([torch.randperm(9) for _ in range(4)])
        norm = step(model, weights, adam, ids)
        reference.zero_grad()
        nn.functional.cross_entropy(plain(ids), ids[:, 0] % 3).backward()
        expected = nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        reference.step()
        torch.testing.assert_close(norm, expected, rtol=1e-5, atol=1e-7)
    for name, parameter in plain.named_parameters():
        torch.testing.assert_close(weights.named()[name], parameter.detach(), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(model.get_parameter(name).detach(), parameter.detach(), rtol=1e-4, atol=1e-6)


@given(st.lists(st.integers(0, 8), min_size=2, max_size=12), st.integers(1, 3))
def test_only_rows_in_use_move_and_each_by_its_own_count_of_steps(used, steps):
    model, weights = by_rows()
    adam = Adam(weights, SETTINGS, steps=5)
    ids = torch.tensor(used[: len(used) // 2 * 2]).view(2, -1)
    before = weights.named()["embedding.weight"].clone()
    for _ in range(steps):
        step(model, weights, adam, ids)
    moved = (weights.named()["embedding.weight"] != before).any(1)
    assert set(moved.nonzero().flatten().tolist()) == set(ids.flatten().tolist())
    counts = weights.tables["embedding.weight"].state()["step"].flatten()
    assert counts.tolist() == [steps if row in ids else 0 for row in range(9)]


def test_accumulation_over_parts_equals_one_batch():
    ids = torch.tensor([[1, 2], [2, 3], [5, 1], [7, 7]])
    results = []
    for parts in ([ids], ids.split(1), ids.split(3)):
        model, weights = by_rows()
        step(model, weights, Adam(weights, SETTINGS, steps=5), *parts)
        results.append(weights.named()["embedding.weight"].clone())
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, rtol=1e-5, atol=1e-6)


def test_padding_never_trains():
    model, weights = by_rows(padding=0)
    before = weights.named()["embedding.weight"][0].clone()
    step(model, weights, Adam(weights, SETTINGS, steps=5), torch.tensor([[0, 0, 1], [0, 2, 3]]))
    assert torch.equal(weights.named()["embedding.weight"][0], before)
    step(model, weights, Adam(weights, SETTINGS, steps=5), torch.tensor([[0, 0]]))


def test_the_working_copy_follows_in_its_dtype_and_small_steps_are_not_lost():
    model, weights = by_rows(torch.bfloat16)
    adam = Adam(weights, Optimiser(lr=2e-5, schedule="constant", warmup=0, clip=0), steps=200)
    before = weights.named()["embedding.weight"].clone()
    for _ in range(200):
        step(model, weights, adam, torch.tensor([[1, 2]]))
        assert torch.equal(model.embedding.weight, weights.named()["embedding.weight"].bfloat16())
    assert (weights.named()["embedding.weight"] - before)[1:3].abs().mean() > 5e-4


def test_eval_mode_reads_the_working_copy_and_remembers_nothing():
    model, _ = by_rows()
    model.eval()
    model(torch.tensor([[1, 2]]))
    model.train()
    with torch.no_grad():
        model(torch.tensor([[1, 2]]))
    assert model.embedding.used == []


def test_a_state_continues_bit_for_bit_and_an_average_takes_the_table_in():
    ids = [torch.tensor([[1, 2], [3, 4]]), torch.tensor([[1, 7], [2, 2]])]
    model, weights = by_rows(torch.bfloat16)
    adam = Adam(weights, SETTINGS, steps=5)
    step(model, weights, adam, ids[0])
    held = {name: tensor.clone() for name, tensor in adam.state().items()}
    average = Average(weights)
    average.add()
    first = weights.named()["embedding.weight"].clone()
    step(model, weights, adam, ids[1])
    average.add()
    last = weights.named()["embedding.weight"].clone()
    with average.in_place():
        torch.testing.assert_close(weights.named()["embedding.weight"], (first + last) / 2)
        assert torch.equal(model.embedding.weight, ((first + last) / 2).bfloat16())
    assert torch.equal(model.embedding.weight, last.bfloat16())
    again, others = by_rows(torch.bfloat16)
    resumed = Adam(others, SETTINGS, steps=5)
    resumed.restore(held)
    step(again, others, resumed, ids[1])
    for name, master in weights.named().items():
        assert torch.equal(master, others.named()[name])
        assert torch.equal(again.get_parameter(name), model.get_parameter(name))


@pytest.mark.parametrize("why", ["frozen", "shared", "max_norm"])
def test_it_is_left_alone_where_rows_are_not_all_that_matters(why):
    model = Reader()
    if why == "shared":
        model.output = nn.Linear(4, 9, bias=False)
        model.output.weight = model.embedding.weight
    if why == "max_norm":
        model.embedding.max_norm = 1.0
    install(model, set() if why == "frozen" else set(NAMES))
    assert not isinstance(model.embedding, RowEmbedding)
