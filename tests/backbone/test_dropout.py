"""Dropout from pools: the same rate and mean as torch's, repeatable by seed, and off in eval mode."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from graft.backbone.dropout import MaskPool, PooledDropout, install

ATTENTION_ALONE = ("llama", "qwen2", "qwen3")  # nothing else drops
ATTENTIONS = {"albert": 1, "t5": 7, "mt5": 7, "bart": 7}  # a shared block; an encoder of 3 and a decoder of 2 blocks


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_masks_drop_at_the_rate_and_keep_the_mean(rate, dtype):
    pool = MaskPool(rate, dtype)
    pool.refill(0)
    mask = pool.window(200_000)
    assert mask.dtype == dtype
    assert float((mask == 0).float().mean()) == pytest.approx(rate, abs=0.01)
    assert float(mask.float().mean()) == pytest.approx(1, abs=0.02)
    assert len(mask.unique()) == 2


def test_masks_repeat_with_the_seed_and_differ_from_use_to_use():
    pool = MaskPool(0.5, torch.float32)
    pool.refill(7)
    first, second = pool.window(1000).clone(), pool.window(1000).clone()
    pool.refill(7)
    assert torch.equal(pool.window(1000), first)
    assert not torch.equal(first, second)
    pool.refill(8)
    assert not torch.equal(pool.window(1000), first)


def test_a_window_larger_than_the_pool():
    pool = MaskPool(0.5, torch.float32)
    assert pool.window(3_000_000).shape == (3_000_000,)


def test_dropout_is_off_in_eval_mode_and_scales_gradients_in_train_mode():
    pool = MaskPool(0.5, torch.float32)
    pool.refill(0)
    layer = PooledDropout(pool)
    states = torch.ones(40, 50, requires_grad=True)
    assert torch.equal(layer.eval()(states), states)
    dropped = layer.train()(states)
    dropped.sum().backward()
    assert torch.equal(states.grad, dropped)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_every_dropout_of_a_model_is_set(backbone):
    model = copy.deepcopy(backbone.model)
    pools = install(model, 0.3, 0.2, "cpu", torch.float32)
    assert [pool.rate for pool in pools] == ([] if backbone.family.name in ATTENTION_ALONE else [0.3])
    pooled = [module for module in model.modules() if isinstance(module, PooledDropout)]
    rates = [module.p for module in model.modules() if isinstance(module, nn.Dropout)]
    numbers = ("dropout", "attention_dropout", "layerdrop")
    held = [(name, vars(module)[name]) for module in model.modules() for name in numbers if name in vars(module)]
    assert {rate for name, rate in held if name == "layerdrop"} <= {0.0}
    rates += [rate for name, rate in held if name != "layerdrop"]
    assert set(rates) <= {0.2, 0.3}
    assert rates.count(0.2) == ATTENTIONS.get(backbone.family.name, backbone.record.blocks)
    hidden = len(pooled) + rates.count(0.3)
    assert hidden == 0 if backbone.family.name in ATTENTION_ALONE else hidden >= 3


def test_without_dropout_nothing_is_random(backbone, tokens):
    model = copy.deepcopy(backbone.model)
    assert install(model, 0.0, 0.0, "cpu", torch.float32) == []
    ids = torch.from_numpy(tokens.ids[: tokens.starts[1]]).long()[None]
    with torch.no_grad():
        assert torch.equal(model.train()(input_ids=ids).logits, model.eval()(input_ids=ids).logits)


@pytest.mark.parametrize(("hidden", "attention"), [(0.5, 0.0), (0.0, 0.5)])
def test_each_rate_makes_training_random(backbone, tokens, hidden, attention):
    if hidden and backbone.family.name in ATTENTION_ALONE:
        hidden, attention = attention, hidden
    model = copy.deepcopy(backbone.model).train()
    for pool in install(model, hidden, attention, "cpu", torch.float32):
        pool.refill(0)
    ids = torch.from_numpy(tokens.ids[: tokens.starts[1]]).long()[None]
    with torch.no_grad():
        assert not torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits)
