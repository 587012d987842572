"""Laws 1 and 2 for every family and every way to read rows. At every cut, the loss and all gradients from states that
lay in the cache are those of the whole model; what is said of a row does not depend on its neighbours (float64, 1e-6).

The ways to read stand for the tasks: a loss is a function of what a head says, so each way is tried with another one.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tiny
import torch
from tiny import AWKWARD
from torch.nn import functional

from graft.backbone.features import Extractor, Wanted
from graft.backbone.heads import PairedHead
from graft.backbone.language import LanguagePath
from graft.backbone.model import HEAD, load
from graft.backbone.models import hub
from graft.backbone.paths import Feed, ModelPath
from graft.cache.store import Store
from graft.data.asked import asked
from graft.data.tokens.encode import encode
from graft.data.tokens.longtexts import Limits
from graft.records import Stage
from graft.tasks.task import ROW_HEAD, Head
from graft.train.groups import trains

ROUNDED = ("modernbert", "gpt_neox", "llama", "qwen2", "qwen3")  # they rotate or norm in fp32 whatever they are given
NAMES = ("bad", "good", "so-so")
TOKEN_HEAD = Head("AutoModelForTokenClassification", "", "token")
LANGUAGE_HEAD = Head("AutoModelForCausalLM", "", "language")
ENCODER_DECODERS = ("t5", "mt5", "bart")
CAUSAL = ("gpt2", "gpt_neox", "llama", "qwen2", "qwen3")
PAIRS = list(zip(AWKWARD, reversed(AWKWARD), strict=True))
ROWS = np.array([3, 0, 5, 2, 6])  # 3 is longer than any limit, 2 holds special tokens


@dataclasses.dataclass(frozen=True)
class Way:
    """How rows are read: what is asked, within which limits, by which head, judged by which loss."""

    kind: str
    limits: Limits
    loss: str
    head: Head = ROW_HEAD
    apart: bool = False


WAYS = {
    "texts": Way("texts", Limits(24, "truncate"), "classes"),
    "beginnings and ends": Way("texts", Limits(20, "head-tail"), "number"),
    "windows": Way("texts", Limits(20, "windows", 6), "labels"),
    "pairs joined": Way("pairs", Limits(30, "truncate"), "number"),
    "pairs apart": Way("pairs", Limits(30, "truncate"), "classes", apart=True),
    "words in windows": Way("words", Limits(20, "windows", 6), "classes", TOKEN_HEAD),
}
CASES = [
    (family, way)
    for way in WAYS
    for family in tiny.FAMILIES
    if not (family in ENCODER_DECODERS and WAYS[way].head is TOKEN_HEAD)
]


def loss_of(logits: torch.Tensor, kind: str) -> torch.Tensor:
    """Of classes, of several labels per row, or of a number."""
    rows = torch.arange(len(logits))
    if kind == "classes":
        return functional.cross_entropy(logits, rows % len(NAMES))
    wanted = (rows[:, None] + torch.arange(logits.shape[1])) % 2
    if kind == "labels":
        return functional.binary_cross_entropy_with_logits(logits, wanted.double())
    return functional.mse_loss(logits[:, 0], wanted[:, 0].double())


def outcome(path, backbone, cut, loss):
    """The loss and the gradients of all that trains above a cut."""
    blocks = backbone.record.blocks
    stage = Stage("above", blocks - cut, 1)
    for name, parameter in path.module.named_parameters():
        parameter.requires_grad_(trains(name, backbone, stage))
    found = loss(path)
    found.backward()
    named = {name: p.grad for name, p in path.module.named_parameters() if p.grad is not None}
    assert named
    return {"loss": found.detach()} | named


def same(one, other, name):
    assert one.keys() == other.keys()
    for what, value in one.items():
        atol = 1e-6 * float(value.abs().max()) if name in ROUNDED else 1e-12
        torch.testing.assert_close(other[what], value, rtol=1e-6, atol=atol, msg=lambda said, of=what: f"{of}: {said}")


def extracted(backbone, machine, tokens, cuts):
    extractor = Extractor(backbone, machine, Store())
    extractor.dtype = torch.float64  # the law is stated in float64, which no run works in
    list(extractor.run(tokens, Wanted(cuts=tuple(cuts))))
    return extractor.features.boundaries


def made(family, way, folders):
    """A model with the head that a way asks for, and the awkward rows as it reads them."""
    backbone = load(hub.locate(str(folders[family])), NAMES, head=way.head)
    if way.apart:
        backbone.model.add_module(HEAD, PairedHead(backbone.record.width, len(NAMES), "mean", backbone.record.blocks))
    (rows,) = asked(PAIRS if way.kind == "pairs" else AWKWARD, way.kind)
    return backbone, encode(rows, backbone.tokenizer.backend_tokenizer, way.limits, "apart" if way.apart else "joined")


@pytest.mark.parametrize(("family", "way"), CASES)
def test_a_row_does_not_depend_on_its_neighbours(family, way, folders, machine):
    backbone, read = made(family, WAYS[way], folders)
    path = ModelPath(backbone, machine)
    path.module.double()
    feed = Feed(read.tokens, None, read.layout)
    with torch.no_grad():
        together = path.logits(feed, ROWS)
        alone = torch.cat([path.logits(feed, ROWS[place : place + 1]) for place in range(len(ROWS))])
    torch.testing.assert_close(together, alone, rtol=1e-6, atol=1e-12)
    assert together.std(0).min() > 1e-4


@pytest.mark.parametrize(("family", "way"), CASES)
def test_loss_and_gradients_above_every_cut(family, way, folders, machine):
    way = WAYS[way]
    backbone, read = made(family, way, folders)
    blocks = backbone.record.blocks
    cuts = (blocks,) if backbone.family.shared else range(1, blocks + 1)
    states = extracted(backbone, machine, read.tokens.apart if way.apart else read.tokens, cuts)
    for cut in cuts:
        if way.apart and cut == blocks:
            continue  # the head alone trains then, over pooled features
        full, above = (ModelPath(backbone, machine) for _ in range(2))
        full.module.double()
        above.module.double()
        whole = Feed(read.tokens, None, read.layout)
        cached = Feed(read.tokens, states[cut], read.layout)
        expected = outcome(full, backbone, cut, lambda path, feed=whole: loss_of(path.logits(feed, ROWS), way.loss))
        with above.above(cut):
            found = outcome(above, backbone, cut, lambda path, feed=cached: loss_of(path.logits(feed, ROWS), way.loss))
        same(expected, found, family)


@pytest.mark.parametrize("family", CAUSAL)
def test_loss_of_the_next_tokens_above_every_cut(family, folders, machine):
    backbone = load(hub.locate(str(folders[family])), (), head=LANGUAGE_HEAD)
    blocks = backbone.record.blocks
    (rows,) = asked([text for text in AWKWARD if text.strip()], "texts")
    tokens = encode(rows, backbone.tokenizer.backend_tokenizer, Limits(24, "truncate")).tokens
    states = extracted(backbone, machine, tokens, range(1, blocks))
    fresh, batch = np.maximum(tokens.lengths - 1, 0), np.array([2, 0, 4, 1])
    for cut in range(1, blocks):
        full, above = (LanguagePath(backbone, machine, 32) for _ in range(2))
        full.module.double()
        above.module.double()
        expected = outcome(full, backbone, cut, lambda path: path.loss(Feed(tokens), fresh, batch))
        with above.above(cut):
            cached = Feed(tokens, states[cut])
            found = outcome(above, backbone, cut, lambda path, feed=cached: path.loss(feed, fresh, batch))
        same(expected, found, family)
