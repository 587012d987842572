"""An embedding that trains by rows ends where Adam over the whole table would."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from graft.records import Optimiser
from graft.train.rows import RowEmbedding, install
from graft.train.weights import Adam, Average, FlatWeights, Group, scheduled

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


def dense(padding=None):
    model = Reader(padding)
    return model, torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)


def texts(rng_seed, rows=9):
    torch.manual_seed(rng_seed)
    return torch.randint(0, rows, (2, 3))


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
@pytest.mark.parametrize("padding", [None, 0])
def test_the_table_ends_where_adam_over_all_its_rows_would(schedule, padding):
    """Rows that a step does not use go on by their momentum and decay, whenever they are made up for."""
    steps = 40
    settings = dataclasses.replace(SETTINGS, schedule=schedule, warmup=0.2)
    model, weights = by_rows(padding=padding)
    adam = Adam(weights, settings, steps=steps)
    plain, reference = dense(padding)
    for number in range(steps):
        ids = texts(number, rows=9 if number < 10 else 4)  # the last rows are not used for long
        norm = step(model, weights, adam, ids)
        reference.zero_grad()
        nn.functional.cross_entropy(plain(ids), ids[:, 0] % 3).backward()
        expected = nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        reference.param_groups[0]["lr"] = 0.01 * scheduled(settings, number, steps)
        reference.step()
        torch.testing.assert_close(norm, expected, rtol=1e-3, atol=1e-6)
        if number in (7, 8):
            weights.publish()  # settling on the way changes nothing
    weights.publish()
    for name, parameter in plain.named_parameters():
        torch.testing.assert_close(weights.named()[name], parameter.detach(), rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(model.get_parameter(name).detach(), weights.named()[name])


def test_a_row_that_is_used_again_after_a_long_time_is_where_adam_has_it():
    model, weights = by_rows()
    adam = Adam(weights, SETTINGS, steps=1000)
    plain, reference = dense()
    for number in range(600):  # longer than a momentum lasts, and than the first table of shares
        ids = torch.tensor([[1, 2], [2, 5]]) if number in (0, 300, 599) else texts(number, rows=4)
        step(model, weights, adam, ids)
        reference.zero_grad()
        nn.functional.cross_entropy(plain(ids), ids[:, 0] % 3).backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        reference.step()
    torch.testing.assert_close(
        weights.named()["embedding.weight"][5:], plain.embedding.weight[5:].detach(), rtol=1e-3, atol=1e-4
    )


def test_accumulation_over_parts_equals_one_batch():
    ids = torch.tensor([[1, 2], [2, 3], [5, 1], [7, 7]])
    results = []
    for parts in ([ids], ids.split(1), ids.split(3)):
        model, weights = by_rows()
        step(model, weights, Adam(weights, SETTINGS, steps=5), *parts)
        results.append(weights.named()["embedding.weight"].clone())
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, rtol=1e-5, atol=1e-6)


def test_the_working_copy_follows_in_its_dtype_and_small_steps_are_not_lost():
    model, weights = by_rows(torch.bfloat16)
    adam = Adam(weights, Optimiser(lr=2e-5, schedule="constant", warmup=0, clip=0), steps=200)
    before = weights.named()["embedding.weight"].clone()
    for _ in range(200):
        step(model, weights, adam, torch.tensor([[1, 2]]))
    weights.publish()
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
    average = Average(weights)
    average.add()
    held = {name: tensor.clone() for name, tensor in adam.state().items()}
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
    for one in (weights, others):
        one.publish()
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


def test_a_state_taken_between_two_steps_changes_neither_run():
    """Rows whose moves are still owed stay so: settling them early would change the sums."""
    ids = [torch.tensor([[1, 2], [3, 4]]), torch.tensor([[1, 7], [2, 2]]), torch.tensor([[3, 8], [2, 5]])]
    ends = []
    for stop in (None, 1, 2):
        model, weights = by_rows(torch.bfloat16)
        adam = Adam(weights, SETTINGS, steps=5)
        for number, batch in enumerate(ids):
            if number == stop:
                held = {name: tensor.clone() for name, tensor in adam.state().items()}
                model, weights = by_rows(torch.bfloat16)
                adam = Adam(weights, SETTINGS, steps=5)
                adam.restore(held)
            step(model, weights, adam, batch)
        ends.append({name: tensor.clone() for name, tensor in weights.named().items()})
    assert all(torch.equal(ends[0][name], end[name]) for end in ends for name in end)
