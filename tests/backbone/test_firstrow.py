"""The last block for the first token alone: the logits and gradients of the whole block."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from tiny import FAMILIES

from graft.backbone.batch import Collator
from graft.backbone.firstrow import BLOCKS, first_row_only
from graft.backbone.paths import set_attention
from graft.backbone.trunk import Trunk

QUICK = tuple(sorted(BLOCKS.keys() & FAMILIES.keys()))
TRUTH = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


@pytest.fixture(params=QUICK)
def backbone(request, loaded):
    original = loaded[request.param]
    return dataclasses.replace(original, model=copy.deepcopy(original.model))


def outcome(model, ids_BT, mask_BT, trunk=None):
    model.zero_grad()
    logits = trunk.logits(ids_BT, mask_BT) if trunk else model(input_ids=ids_BT, attention_mask=mask_BT).logits
    torch.nn.functional.cross_entropy(logits, TRUTH[: len(ids_BT)]).backward()
    return logits.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("padded", [True, False], ids=["padded", "plain"])
def test_logits_and_gradients_are_those_of_the_library(backbone, tokens, padded, attention):
    model = copy.deepcopy(backbone.model).double().eval()
    set_attention(model, attention)
    rows = np.arange(len(tokens)) if padded else np.flatnonzero(tokens.lengths == 2)
    batch = Collator(tokens, backbone.tokenizer.pad_token_id, "cpu")(rows)
    whole, first = outcome(model, *batch), outcome(model, *batch, Trunk(model, backbone.family))
    torch.testing.assert_close(first[0], whole[0], rtol=1e-9, atol=1e-12)
    assert first[1].keys() == whole[1].keys()
    for name, gradient in whole[1].items():
        torch.testing.assert_close(first[1][name], gradient, rtol=1e-6, atol=1e-10)


def test_other_tokens_pass_the_last_blocks_feed_forward_part_no_more(backbone, tokens):
    seen = []
    trunk = Trunk(copy.deepcopy(backbone.model).eval(), backbone.family)
    feed_forward = next(m for m in trunk.blocks[-1].modules() if isinstance(m, torch.nn.Linear) and m.out_features > 32)
    feed_forward.register_forward_hook(lambda _, args, __: seen.append(args[0].shape[1]))
    batch = Collator(tokens, backbone.tokenizer.pad_token_id, "cpu")(np.arange(len(tokens)))
    trunk.logits(*batch)
    trunk.states(*batch, (backbone.record.blocks,))
    assert seen == [1, batch[0].shape[1]]


def test_attention_dropout_holds_while_training(backbone, tokens):
    model = copy.deepcopy(backbone.model).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    last = Trunk(model, backbone.family).blocks[-1]
    own = ("attention.self.dropout", "attention.attn.dropout", "attention.dropout")
    next(last.get_submodule(name) for name in own if name in dict(last.named_modules())).p = 0.5
    batch = Collator(tokens, backbone.tokenizer.pad_token_id, "cpu")(np.arange(len(tokens)))
    trunk = Trunk(model, backbone.family)
    assert not torch.equal(trunk.logits(*batch), trunk.logits(*batch))


def test_afterwards_the_block_is_whole_again_even_after_an_error(backbone):
    block = Trunk(backbone.model, backbone.family).blocks[-1]
    with pytest.raises(KeyboardInterrupt), first_row_only(block, backbone.family.name):
        raise KeyboardInterrupt
    assert "forward" not in vars(block)
    with first_row_only(block, "another"):
        assert "forward" not in vars(block)
