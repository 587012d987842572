"""Blocks in few steps: the library's block in float64, and left alone wherever it is not what the formulas say."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from tiny import FAMILIES
from torch import nn

from graft.backbone.dropout import install
from graft.backbone.fastblock import BLOCKS, FastBlocks
from graft.backbone.trunk import Trunk


@pytest.fixture(params=sorted(BLOCKS.keys() & FAMILIES.keys()))
def backbone(request, loaded):
    original = loaded[request.param]
    return dataclasses.replace(original, model=copy.deepcopy(original.model))


def blocks_of(backbone, dtype=torch.float64):
    model = copy.deepcopy(backbone.model).to(dtype).train()
    return model, list(Trunk(model, backbone.family).blocks)


def states(dtype=torch.float64, texts=3, tokens=7, width=32, seed=0):
    return torch.randn(texts, tokens, width, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def mask(kind):
    """The last two tokens of the second text do not count."""
    counts = torch.ones(3, 1, 1, 7, dtype=torch.bool)
    counts[1, ..., 5:] = False
    added = torch.zeros(3, 1, 1, 7, dtype=torch.float64).masked_fill(~counts, torch.finfo(torch.float64).min)
    return {"none": None, "true or false": counts, "added": added}[kind]


def outcome(block, states_BTD, mask=None):
    """Output and gradients of one pass; the gradient that comes in is not the same everywhere."""
    block.zero_grad()
    given = states_BTD.clone().requires_grad_()
    seen = block(given, mask)
    (seen * torch.linspace(-1, 1, seen.numel(), dtype=seen.dtype).view(seen.shape)).sum().backward()
    return [seen.detach(), given.grad] + [parameter.grad.clone() for parameter in block.parameters()]


def same(found, wanted):
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def computed_here(block, fast):
    with fast.in_place():
        return "forward" in vars(block)


@pytest.mark.parametrize("kind", ["none", "true or false", "added"])
@pytest.mark.parametrize("laid_out", [True, False], ids=["side by side", "apart"])
def test_output_and_gradients_are_the_librarys(backbone, kind, laid_out):
    model, blocks = blocks_of(backbone)
    model.eval()
    model.config._attn_implementation = "sdpa" if kind == "true or false" else "eager"
    fast = FastBlocks(blocks, backbone.family.name)
    theirs = outcome(blocks[0], states(), mask(kind))
    if laid_out:
        fast.lay_out()
    assert computed_here(blocks[0], fast)
    with fast.in_place():
        same(outcome(blocks[0], states(), mask(kind)), theirs)


def test_dropout_takes_the_same_masks(backbone):
    model, blocks = blocks_of(backbone)
    (pool,) = install(model, 0.3, 0.0, "cpu", torch.float64)
    fast = FastBlocks(blocks, backbone.family.name)
    pool.refill(1)
    theirs = outcome(blocks[0], states())
    pool.refill(1)
    with fast.in_place():
        same(outcome(blocks[0], states(), None), theirs)


def test_passes_may_overlap_and_texts_differ_in_length(backbone):
    """Memory is used again, but not while somebody still needs what is in it."""
    model, blocks = blocks_of(backbone)
    model.eval()
    fast = FastBlocks(blocks, backbone.family.name)
    long, short = states(tokens=9), states(tokens=4, seed=1)
    theirs = [outcome(blocks[0], given) for given in (long, short)]
    with fast.in_place():
        for given, wanted in zip((long, short, long), (theirs[0], theirs[1], theirs[0]), strict=True):
            same(outcome(blocks[0], given), wanted)
        open_pass = blocks[0](long.clone().requires_grad_())
        same(outcome(blocks[0], short), theirs[1])
        with torch.no_grad():
            torch.testing.assert_close(blocks[0](short), theirs[1][0], rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(open_pass, theirs[0][0], rtol=1e-9, atol=1e-11)


def test_a_second_backward_pass_fails_rather_than_reads_what_is_there_by_then(backbone):
    model, blocks = blocks_of(backbone)
    model.eval()
    with FastBlocks(blocks, backbone.family.name).in_place():
        seen = blocks[0](states().requires_grad_()).sum()
        seen.backward(retain_graph=True)
        with pytest.raises(AttributeError):
            seen.backward()


def test_bf16_is_as_near_to_the_truth_as_the_librarys(backbone):
    model, blocks = blocks_of(backbone)
    model.eval()
    fast = FastBlocks(blocks, backbone.family.name)
    truth = outcome(blocks[0], states())
    model.to(torch.bfloat16)
    given = states().bfloat16()
    theirs = outcome(blocks[0], given)
    with fast.in_place():
        ours = outcome(blocks[0], given)
    for own, other, exact in zip(ours, theirs, truth, strict=True):
        assert float((own - exact).norm()) <= 1.5 * float((other - exact).norm()) + 1e-3 * float(exact.norm())


def test_other_blocks_keep_the_librarys_forward_pass(backbone):
    model, blocks = blocks_of(backbone)
    fast = FastBlocks(blocks, backbone.family.name)
    install(model, 0.1, 0.1, "cpu", torch.float64)
    assert not computed_here(blocks[0], fast)  # attention's dropout is torch's
    model.eval()
    assert computed_here(blocks[0], fast)
    assert not computed_here(blocks[0], FastBlocks(blocks, "another"))
    handle = next(m for m in blocks[0].modules() if type(m) is nn.Linear).register_forward_hook(lambda *_: None)
    assert not computed_here(blocks[0], fast)
    assert computed_here(blocks[1], fast)
    handle.remove()
    parts = BLOCKS[backbone.family.name](blocks[0])
    assert parts.is_plain
    holder = blocks[0].ffn if backbone.family.name == "distilbert" else blocks[0].intermediate
    setattr(holder, "activation" if hasattr(holder, "activation") else "intermediate_act_fn", nn.ReLU())
    assert not BLOCKS[backbone.family.name](blocks[0]).is_plain


def test_weights_side_by_side_are_the_same_parameters(backbone):
    model, blocks = blocks_of(backbone)
    before = {name: (parameter, parameter.detach().clone()) for name, parameter in model.named_parameters()}
    FastBlocks(blocks, backbone.family.name).lay_out()
    for name, parameter in model.named_parameters():
        assert parameter is before[name][0]
        assert torch.equal(parameter, before[name][1])
