"""Law 1, cached equals uncached, at the same batch shape: bit for bit, for every family, cut and dtype."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from graft.backbone.batch import Collator
from graft.backbone.paths import set_attention
from graft.backbone.trunk import Trunk
from graft.records import Stage
from graft.train.groups import groups

CASES = [(torch.float64, True), (torch.float32, False), (torch.bfloat16, True)]  # dtype, padded
NO_EFFECT = ("key.bias", "k_lin.bias", "attn.k.bias")  # the same for every key, which the softmax does not see
TRUTH = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


def alike(lengths):
    """Rows of the length that most rows have."""
    return np.flatnonzero(lengths == np.bincount(lengths).argmax())


def batch_of(backbone, tokens, padded):
    rows = np.arange(len(tokens)) if padded else alike(tokens.lengths)
    ids_BT, mask_BT = Collator(tokens, backbone.tokenizer.pad_token_id, "cpu")(rows)
    assert (mask_BT is not None) == padded
    return ids_BT, mask_BT, TRUTH[: len(rows)]


def trunk_of(backbone, dtype, unfrozen):
    """A working copy in which only what a stage thaws has gradients."""
    model = copy.deepcopy(backbone.model).to(dtype).eval()
    set_attention(model, "eager" if dtype == torch.bfloat16 else "sdpa")  # as `paths` has it
    thawed = {name for group in groups(backbone, Stage("s", unfrozen, 1)) for name in group.names}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in thawed)
    return Trunk(model, backbone.family)


def outcome(trunk, ids_BT, mask_BT, truth):
    logits = trunk.logits(ids_BT, mask_BT)
    loss = torch.nn.functional.cross_entropy(logits.float(), truth)
    loss.backward()
    gradients = {name: p.grad for name, p in trunk.model.named_parameters() if p.grad is not None}
    return logits.detach(), loss.detach(), gradients


@pytest.mark.parametrize(("dtype", "padded"), CASES, ids=str)
def test_cached_equals_uncached_bit_for_bit(backbone, tokens, dtype, padded):
    batch = batch_of(backbone, tokens, padded)
    for cut in (0,) if backbone.family.shared else range(backbone.record.blocks):
        unfrozen = backbone.record.blocks - cut
        full = outcome(trunk_of(backbone, dtype, unfrozen), *batch)
        trunk = trunk_of(backbone, dtype, unfrozen)
        (states_BTD,) = trunk.states(*batch[:2], (cut,))
        with trunk.cut_at(cut) as stand_in:
            assert (stand_in is None) == (cut == 0)
            if stand_in is not None:
                stand_in.states = states_BTD.detach().clone()
            cached = outcome(trunk, *batch)
        assert torch.equal(full[0], cached[0])
        assert torch.equal(full[1], cached[1])
        assert full[2].keys() == cached[2].keys()
        assert len(full[2]) >= (1 if backbone.family.poolings[0] == "last" else 3)  # the head's at the least
        for name, gradient in full[2].items():
            assert torch.equal(gradient, cached[2][name]), (cut, name)
            assert gradient.abs().sum() > 0 or name.endswith(NO_EFFECT), name


def test_cached_equals_uncached_above_every_block(backbone, tokens):
    """Uncached, the last block runs for the first token alone: another shape, so equal to rounding."""
    batch = batch_of(backbone, tokens, padded=True)
    full = outcome(trunk_of(backbone, torch.float64, 0), *batch)
    trunk = trunk_of(backbone, torch.float64, 0)
    (states_BTD,) = trunk.states(*batch[:2], (backbone.record.blocks,))
    with trunk.cut_at(backbone.record.blocks) as stand_in:
        stand_in.states = states_BTD.detach().clone()
        cached = outcome(trunk, *batch)
    torch.testing.assert_close(full[0], cached[0], rtol=1e-6, atol=1e-9)
    assert full[2].keys() == cached[2].keys()
    for name, gradient in full[2].items():
        torch.testing.assert_close(gradient, cached[2][name], rtol=1e-6, atol=1e-9)


def test_above_a_cut_the_cached_states_decide_and_the_blocks_below_do_not_run(backbone, tokens):
    ids_BT, mask_BT, _ = batch_of(backbone, tokens, padded=True)
    cut = 3 if backbone.family.shared else 2
    trunk = trunk_of(backbone, torch.float32, 3 - cut)
    for name, parameter in trunk.blocks[0].named_parameters():
        if "relative_attention_bias" not in name:  # T5's, which every block reads
            parameter.data.fill_(float("nan"))
    width = backbone.record.width
    with torch.no_grad(), trunk.cut_at(cut) as stand_in:
        seen = []
        for seed in (0, 1):
            torch.manual_seed(seed)
            stand_in.states = torch.randn(*ids_BT.shape, width)
            seen.append(trunk.logits(ids_BT, mask_BT))
    assert all(logits.isfinite().all() for logits in seen)
    assert not torch.equal(*seen)
    assert trunk.logits(ids_BT, mask_BT).isnan().any()  # the blocks are back in their slots


def test_blocks_come_back_after_an_error(backbone):
    trunk = trunk_of(backbone, torch.float32, 0)
    slots = trunk.model.base_model.get_submodule(backbone.family.blocks)
    before = tuple(slots)
    with trunk.cut_at(2):
        assert tuple(slots) != before
    with pytest.raises(KeyboardInterrupt), trunk.cut_at(2):
        raise KeyboardInterrupt
    assert len(trunk.blocks) == len(trunk) == 3
    assert tuple(slots) == before == tuple(dict.fromkeys(trunk.blocks))


def test_states_are_those_of_the_library(backbone, tokens):
    ids_BT, mask_BT, _ = batch_of(backbone, tokens, padded=True)
    trunk = trunk_of(backbone, torch.float64, 0)
    with torch.no_grad():
        runs = trunk.model.base_model.get_submodule(backbone.family.runs)
        theirs = runs(input_ids=ids_BT, attention_mask=mask_BT, output_hidden_states=True)
        ours = trunk.states(ids_BT, mask_BT, (3, 0, 1, 2))
        alone = trunk.states(ids_BT, mask_BT, (1,))
        normed = trunk.normed(ours[0])
    for depth, states in zip((0, 1, 2), ours[1:], strict=True):
        torch.testing.assert_close(states, theirs.hidden_states[depth], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(normed, theirs.last_hidden_state, rtol=1e-9, atol=1e-12)
    assert torch.equal(normed, ours[0]) == (not backbone.family.norm)
    assert torch.equal(alone[0], ours[2])


def test_no_block_above_the_deepest_runs(backbone, tokens):
    trunk = trunk_of(backbone, torch.float32, 0)
    ran = []
    for block in dict.fromkeys(trunk.blocks):
        block.register_forward_hook(lambda block, *_: ran.append(block))
    with torch.no_grad():
        trunk.states(*batch_of(backbone, tokens, True)[:2], (2,))
    assert ran == list(trunk.blocks[:2])


def test_a_decoder_that_pads_with_its_opening_token_runs_without_a_warning(loaded, caplog):
    from transformers.utils import logging

    backbone = loaded["gpt2"]
    assert backbone.tokenizer.pad_token_id == backbone.tokenizer.bos_token_id
    logging.get_logger("transformers").addHandler(caplog.handler)
    logging.warning_once.cache_clear()
    try:
        ids = torch.tensor([[backbone.tokenizer.bos_token_id, 7, 9]])
        trunk_of(backbone, torch.float32, 0).logits(ids, None)
        trunk_of(backbone, torch.float32, 0).states(ids, None, (1,))
    finally:
        logging.get_logger("transformers").removeHandler(caplog.handler)
    assert not caplog.records
