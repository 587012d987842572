"""Flat masters and their Adam: the same steps as torch's AdamW takes on the plain parameters."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from graft.records import Optimiser
from graft.train.weights import Adam, Average, FlatWeights, Group, scheduled


def network(dtype=torch.float32):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.LayerNorm(7), nn.Linear(7, 3)).to(dtype)


GROUPS = [
    Group(("0.weight",), 0.5, 0.1),
    Group(("0.bias", "2.weight", "2.bias"), 0.5, 0.0),
    Group(("3.weight",), 1.0, 0.1),
    Group(("3.bias",), 1.0, 0.0),
]


def batch(step):
    torch.manual_seed(100 + step)
    return torch.randn(16, 5), torch.randint(0, 3, (16,))


def loss_of(model, features, truth):
    return nn.functional.cross_entropy(model(features), truth)


@pytest.mark.parametrize("clip", [0.0, 0.05, 10.0])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_steps_are_those_of_torchs_adamw(clip, schedule):
    settings = Optimiser(lr=0.02, clip=clip, schedule=schedule, warmup=0.25, betas=(0.8, 0.95))
    ours, theirs = network(), network()
    weights = FlatWeights(ours, GROUPS)
    adam = Adam(weights, settings, steps=8)
    plain = dict(theirs.named_parameters())
    reference = torch.optim.AdamW(
        [{"params": [plain[n] for n in g.names], "weight_decay": g.weight_decay} for g in GROUPS], betas=(0.8, 0.95)
    )
    for step in range(8):
        loss_of(ours, *batch(step)).backward()
        weights.gather(first=True)
        norm = adam.step()
        reference.zero_grad()
        loss_of(theirs, *batch(step)).backward()
        expected = nn.utils.clip_grad_norm_(theirs.parameters(), clip if clip else math.inf)
        for group, spec in zip(reference.param_groups, GROUPS, strict=True):
            group["lr"] = settings.lr * spec.scale * scheduled(settings, step, 8)
        reference.step()
        torch.testing.assert_close(norm, expected, rtol=1e-5, atol=1e-7)
        for flat, spec in zip(weights.flat, GROUPS, strict=True):  # Adam alone would not show a wrong scale
            clipped = torch.cat([plain[name].grad.flatten() for name in spec.names])
            torch.testing.assert_close(flat.grad, clipped, rtol=1e-4, atol=1e-7)
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter, plain[name], rtol=1e-5, atol=1e-6)
        assert not torch.equal(parameter, dict(network().named_parameters())[name])


def test_accumulation_over_parts_equals_one_batch():
    results = []
    for sizes in ([16], [5, 5, 5, 1]):
        model = network()
        weights = FlatWeights(model, GROUPS)
        features, truth = batch(0)
        first = True
        for part, labels in zip(features.split(sizes), truth.split(sizes), strict=True):
            (loss_of(model, part, labels) * len(part) / 16).backward()
            weights.gather(first=first)
            first = False
        results.append([flat.grad.clone() for flat in weights.flat])
    for one, parts in zip(*results, strict=True):
        torch.testing.assert_close(one, parts, rtol=1e-5, atol=1e-7)


def test_gathering_first_forgets_what_was_there_and_clears_the_models_gradients():
    model = network()
    weights = FlatWeights(model, GROUPS)
    for step in (0, 1, 1):
        loss_of(model, *batch(step)).backward()
        weights.gather(first=True)
        assert all(parameter.grad is None for parameter in model.parameters())
    once = [flat.grad.clone() for flat in weights.flat]
    loss_of(model, *batch(1)).backward()
    weights.gather(first=False)
    for flat, gradient in zip(weights.flat, once, strict=True):
        torch.testing.assert_close(flat.grad, 2 * gradient)


def test_a_parameter_that_no_loss_reaches_has_no_gradient():
    model = network()
    weights = FlatWeights(model, GROUPS)
    model[0](batch(0)[0]).sum().backward()
    weights.gather(first=True)
    assert weights.flat[0].grad.abs().sum() > 0
    assert weights.flat[2].grad.abs().sum() == 0


def test_masters_are_fp32_views_under_their_names():
    model = network(torch.bfloat16)
    weights = FlatWeights(model, GROUPS)
    named = weights.named()
    assert list(named) == [name for group in GROUPS for name in group.names]
    assert {tensor.dtype for tensor in named.values()} == {torch.float32}
    for name, tensor in named.items():
        assert torch.equal(tensor.bfloat16(), dict(model.named_parameters())[name])
    weights.flat[3].fill_(7)
    assert named["3.bias"].tolist() == [7, 7, 7]
    weights.publish()
    assert model[3].bias.tolist() == [7, 7, 7]
    assert model[3].bias.dtype == torch.bfloat16


def test_small_steps_are_not_lost_in_bf16():
    model = network(torch.bfloat16)
    weights = FlatWeights(model, GROUPS)
    adam = Adam(weights, Optimiser(lr=1e-5, schedule="constant", warmup=0, clip=0), steps=200)
    before = [flat.clone() for flat in weights.flat]
    for step in range(200):
        features, truth = batch(step % 3)
        loss_of(model, features.bfloat16(), truth).backward()
        weights.gather(first=True)
        adam.step()
    moved = (weights.flat[2] - before[2]).abs().mean()
    assert moved > 2e-4  # each step alone is below bf16's resolution
    for live, master in zip(model.parameters(), weights.named().values(), strict=True):
        assert torch.equal(live, master.bfloat16())


def test_a_state_continues_bit_for_bit():
    def train(steps, stop=None):
        model = network()
        weights = FlatWeights(model, GROUPS)
        adam = Adam(weights, Optimiser(lr=0.02), steps=6)
        for step in range(steps):
            if step == stop:
                held = {name: tensor.clone() for name, tensor in adam.state().items()}
                model = network()
                weights = FlatWeights(model, GROUPS)
                adam = Adam(weights, Optimiser(lr=0.02), steps=6)
                adam.restore(held)
            loss_of(model, *batch(step)).backward()
            weights.gather(first=True)
            adam.step()
        return model.state_dict()

    whole = train(6)
    for stop in range(6):
        assert all(torch.equal(tensor, whole[name]) for name, tensor in train(6, stop).items())


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
@pytest.mark.parametrize(("warmup", "steps"), [(0.0, 10), (0.1, 100), (0.5, 7), (1.0, 5), (0.1, 1)])
def test_schedules_rise_then_fall_within_bounds(schedule, warmup, steps):
    settings = Optimiser(schedule=schedule, warmup=warmup)
    shares = [scheduled(settings, step, steps) for step in range(steps)]
    assert all(0 < share <= 1 for share in shares)
    warm = math.ceil(warmup * steps)
    assert shares[:warm] == sorted(shares[:warm])
    rest = shares[warm:]
    assert rest == sorted(rest, reverse=True)
    if rest and warm == warmup * steps:
        assert rest[0] == 1
    if schedule == "constant":
        assert set(rest) <= {1.0}
    elif len(rest) > 3:
        assert rest[-1] < 0.4


def test_the_shapes_of_the_decays():
    linear, cosine = (Optimiser(schedule=name, warmup=0.0) for name in ("linear", "cosine"))
    assert [scheduled(linear, step, 4) for step in range(4)] == [1, 0.75, 0.5, 0.25]
    assert [scheduled(cosine, step, 4) for step in (0, 2)] == pytest.approx([1, 0.5])
    assert scheduled(cosine, 1, 4) == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))


def test_an_average_is_the_mean_of_what_was_added_and_only_in_place_for_a_while():
    model = network()
    weights = FlatWeights(model, GROUPS)
    average = Average(weights)
    with average.in_place():
        assert torch.equal(model[3].bias, network()[3].bias)
    for value in (1.0, 2.0, 6.0):
        weights.flat[3].fill_(value)
        average.add()
    weights.publish()
    with average.in_place():
        torch.testing.assert_close(model[3].bias, torch.full((3,), 3.0))
        torch.testing.assert_close(weights.named()["3.bias"], torch.full((3,), 3.0))
    assert model[3].bias.tolist() == weights.named()["3.bias"].tolist() == [6, 6, 6]
    with pytest.raises(KeyboardInterrupt), average.in_place():
        raise KeyboardInterrupt
    assert model[3].bias.tolist() == [6, 6, 6]


def test_a_step_that_is_not_finite_moves_nothing_and_the_schedule_goes_on():
    model = network()
    adam = Adam(FlatWeights(model, GROUPS), Optimiser(lr=0.1, schedule="linear", warmup=0.0), steps=4)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    loss_of(model, *batch(0)).backward()
    adam.weights.gather(first=True)
    assert not math.isfinite(adam.step(torch.tensor(math.inf)))
    assert adam.taken == 1.0
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])
