"""Steps recorded on a GPU: the same gradients as without, for every family, through the widths that come up."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from graft.backbone.batch import Widths
from graft.backbone.graphs import FIRST, STEP, StepGraphs
from graft.backbone.paths import Feed, ModelPath
from graft.records import MachineRecord

UNRECORDED = {"mpnet", "deberta-v2", "t5", "mt5", "bart"}  # these look at their own numbers on the way
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that CUDA knows")
GPU = MachineRecord("cuda", "test", 2, "fp32", "test")


def gradients(path, feed, rows):
    logits = path.logits(feed, rows)
    (logits.float() ** 2).sum().backward()
    found = [None if p.grad is None else p.grad.clone() for p in path.module.parameters()]
    for parameter in path.module.parameters():
        parameter.grad = None
    return logits.detach().clone(), found


def plain_and_recorded(backbone, machine):
    paths = [ModelPath(backbone, machine) for _ in range(2)]
    for path in paths:
        path.set_dropout(0.0, 0.0)
        path.module.requires_grad_()
    paths[0]._graphs.forget()
    return paths


@needs_gpu
def test_a_recorded_step_has_the_same_gradients(backbone, tokens):
    plain, recorded = plain_and_recorded(backbone, GPU)
    feed = Feed(tokens)
    orders = [np.roll(np.arange(len(tokens)), shift) for shift in range(FIRST + 3)]
    for rows in orders:
        (logits, wanted), (found_logits, found) = (gradients(path, feed, rows) for path in (plain, recorded))
        torch.testing.assert_close(found_logits, logits, rtol=1e-4, atol=1e-5)
        for one, other in zip(found, wanted, strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5 + 1e-3 * float(other.abs().max()))


@needs_gpu
def test_which_families_can_be_recorded(backbone, tokens):
    _, path = plain_and_recorded(backbone, dataclasses.replace(GPU, precision="bf16"))
    for _ in range(FIRST + 2):
        gradients(path, Feed(tokens), np.arange(len(tokens)))
    held = bool(path._graphs._recordings)
    assert held == (backbone.family.name not in UNRECORDED)


@needs_gpu
def test_dropout_is_drawn_anew_at_every_replay_and_alike_from_the_same_seed(backbone, tokens):
    path = ModelPath(backbone, GPU)
    path.set_dropout(0.3, 0.0)
    if not any(isinstance(part, torch.nn.Dropout) and part.p for part in path.module.modules()):
        pytest.skip("an architecture without dropout of hidden states")
    path.module.train().requires_grad_()
    said = []
    for seed in (*range(FIRST + 1), 7, 8, 7):
        torch.cuda.manual_seed(seed)
        said.append(gradients(path, Feed(tokens), np.arange(len(tokens)))[0])
    assert torch.equal(said[-1], said[-3])
    assert not torch.equal(said[-1], said[-2])


def test_on_a_processor_nothing_is_recorded():
    calls = []
    graphs = StepGraphs(torch.nn.Linear(2, 2), lambda ids: calls.append(1) or ids)
    for _ in range(FIRST + 2):
        graphs.outputs(torch.ones(2, 2, requires_grad=True))
    assert len(calls) == FIRST + 2


def test_widths_are_steps_up_to_the_limit():
    widths = Widths(STEP, 60)
    assert [widths.above(longest) for longest in (1, 8, 9, 57, 60, 61)] == [8, 8, 16, 60, 60, 61]
    assert Widths().above(7) == 7
