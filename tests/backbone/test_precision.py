"""An architecture that graft does not know, or that bf16 may not serve, is tried before it is trained."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

from graft.backbone.model import load
from graft.backbone.models import hub
from graft.backbone.precision import gradients, serving
from graft.errors import ModelError
from graft.machine import NAMED
from graft.tasks.task import Head


def in_bf16(machine, why="measured"):
    return dataclasses.replace(machine, precision="bf16", why=why)


def unknown(backbone):
    return dataclasses.replace(
        backbone, family=dataclasses.replace(backbone.family, known=False), model=copy.deepcopy(backbone.model)
    )


def test_known_encoders_and_decoders_are_alike_in_bf16_and_not_tried(backbone, machine, monkeypatch):
    """That they need not be tried is what is tested here."""
    if backbone.model.config.is_encoder_decoder:
        return
    tried = serving(unknown(backbone), in_bf16(machine))
    assert (tried.precision, tried.why) == ("bf16", "measured")
    monkeypatch.setattr("graft.backbone.precision.gradients", None)
    assert serving(backbone, in_bf16(machine)) == in_bf16(machine)


def test_states_that_bf16_cannot_hold_are_computed_in_fp32(loaded, machine):
    """As in a T5 whose embeddings are small beside what its blocks add to them."""
    backbone = unknown(loaded["t5"])
    with torch.no_grad():
        for block in backbone.model.base_model.encoder.block:
            block.layer[0].SelfAttention.q.weight.mul_(30)
            block.layer[0].SelfAttention.k.weight.mul_(30)
    tried = serving(backbone, in_bf16(machine))
    assert tried.precision == "fp32"
    assert "gradients differ" in tried.why
    assert serving(backbone, in_bf16(machine, NAMED)).precision == "bf16"  # who names it gets it


def refusing(backbone, refused):
    """A backbone that cannot be computed in one dtype."""

    def before(embeddings, *_):
        if embeddings.word_embeddings.weight.dtype == refused:
            raise RuntimeError(f"no kernel for {refused}\nand more")

    made = unknown(backbone)
    made.model.base_model.embeddings.register_forward_pre_hook(before)
    return made


def test_what_cannot_be_computed_in_bf16_is_computed_in_fp32(loaded, machine):
    backbone = refusing(loaded["bert"], torch.bfloat16)
    tried = serving(backbone, in_bf16(machine))
    assert (tried.precision, tried.why) == ("fp32", "a 'bert' model cannot be computed in bf16")
    with pytest.raises(ModelError, match=r"in bf16: no kernel for torch\.bfloat16\.\n.*leave out --precision"):
        serving(backbone, in_bf16(machine, NAMED))


def test_what_cannot_be_computed_at_all_is_one_message(loaded, machine):
    backbone = refusing(loaded["bert"], torch.float32)
    with pytest.raises(ModelError, match=r"cannot be trained by graft: no kernel for torch\.float32\.\n") as caught:
        serving(backbone, machine)
    assert "and more" not in str(caught.value)


def test_every_kind_of_head_can_be_tried(folders, machine):
    for head in (Head(), Head(problem="regression"), Head("AutoModelForTokenClassification", "", "token")):
        backbone = load(hub.locate(str(folders["electra"])), ("a",), head=head)
        assert any(float(gradient.abs().sum()) > 0 for gradient in gradients(backbone, machine))
