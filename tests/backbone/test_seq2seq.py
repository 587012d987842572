"""Encoder-decoders: laws 1 and 2 for the loss and its gradients at every cut, and what is written."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graft.backbone.features import Extractor, Wanted
from graft.backbone.model import Backbone, load
from graft.backbone.models import hub
from graft.backbone.paths import Feed
from graft.backbone.precision import serving
from graft.backbone.rewriting import Rewriter
from graft.backbone.rewriting import settings as writing
from graft.backbone.seq2seq import OutputLayer, Seq2SeqPath
from graft.cache.store import Store
from graft.data.tokens.tokens import Tokens, tokenize
from graft.errors import ModelError
from graft.tasks.rewriting import REWRITING

FAMILIES = ("t5", "mt5", "bart")
REPLIES = ["good bread", "one", "the waiter was kind and the soup cold", "</s> tea <pad>", "a", "bad", "wine", "two"]
LAW = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def writers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Backbone]:
    root = tmp_path_factory.mktemp("writers")
    found = {name: tiny.rewriter(name, root / name, layers=2) for name in FAMILIES}
    return {name: load(hub.locate(str(folder)), (), head=REWRITING.head) for name, folder in found.items()}


@pytest.fixture(params=FAMILIES)
def backbone(request: pytest.FixtureRequest, writers: dict[str, Backbone]) -> Backbone:
    original = writers[request.param]
    return dataclasses.replace(original, model=copy.deepcopy(original.model))


@pytest.fixture
def feed(backbone: Backbone, tokens: Tokens) -> Feed:
    return Feed(tokens, replies=tokenize(REPLIES, backbone.tokenizer.backend_tokenizer, 16)[0])


def double_path(backbone, machine):
    path = Seq2SeqPath(backbone, machine)
    path.module.double()
    return path


def test_teacher_forcing_is_the_librarys(backbone, feed, machine):
    """The summed loss is that of `labels` in plain transformers, row by row and together, padding ignored."""
    path, rows = double_path(backbone, machine), np.arange(len(feed))
    total = 0.0
    for row in rows:
        ids, labels = (
            torch.from_numpy(part.ids[part.starts[row] : part.starts[row + 1]]).long()[None]
            for part in (feed.tokens, feed.replies)
        )
        total += path.module(input_ids=ids, labels=labels).loss.item() * labels.shape[1]
    torch.testing.assert_close(path.loss(feed, rows).item(), total, rtol=1e-9, atol=0)


def test_cached_equals_uncached_at_every_cut(backbone, feed, machine):
    """Law 1, gradients of all that trains included."""
    extractor = Extractor(backbone, machine, Store())
    extractor.dtype = torch.float64
    blocks = backbone.record.blocks
    list(extractor.run(feed.tokens, Wanted(cuts=tuple(range(1, blocks + 1)))))
    rows = np.array([7, 0, 5, 3])
    for cut in range(1, blocks + 1):
        seen = []
        for cached in (None, extractor.features.boundaries[cut]):
            path = double_path(backbone, machine)
            for block in path.trunk.blocks[:cut]:
                block.requires_grad_(False)
            if cached is None:
                loss = path.loss(feed, rows)
            else:
                with path.above(cut):
                    loss = path.loss(dataclasses.replace(feed, cached=cached), rows)
            loss.backward()
            names = [name for name, _ in path.module.named_parameters() if "decoder" in name or f"block.{cut}" in name]
            seen.append([loss.detach(), *(path.module.get_parameter(name).grad for name in names)])
        assert len(seen[0]) > 10
        for full, from_store in zip(*seen, strict=True):
            torch.testing.assert_close(from_store, full, rtol=1e-6, atol=1e-12)


@LAW
@given(data=st.data())
def test_a_row_does_not_depend_on_its_neighbours(backbone, feed, machine, data):
    """Law 2: neither its loss nor what is written for it."""
    path = double_path(backbone, machine)
    rows = np.array(data.draw(st.lists(st.integers(0, len(feed) - 1), min_size=2, max_size=4)))
    part = feed.take(rows)
    *_, together = path.nats(part, "test")
    alone = [list(path.nats(part.take(np.array([row])), "test"))[-1][0] for row in range(len(rows))]
    np.testing.assert_allclose(together, alone, rtol=1e-6)
    for beams in (1, 2):
        wanted = writing(path.module, backbone.tokenizer, beams, 5)
        *_, texts = Rewriter(path, backbone.tokenizer, wanted).write(part, "test")
        for row in range(len(rows)):
            *_, own = Rewriter(path, backbone.tokenizer, wanted).write(part.take(np.array([row])), "test")
            assert own[0] == texts[row]


def test_what_is_written_above_a_cut_is_what_the_whole_model_writes(backbone, feed, machine):
    path = double_path(backbone, machine)
    extractor = Extractor(backbone, machine, Store())
    extractor.dtype = torch.float64
    list(extractor.run(feed.tokens, Wanted(cuts=(1,))))
    rewriter = Rewriter(path, backbone.tokenizer, writing(path.module, backbone.tokenizer, 2, 5))
    *_, whole = rewriter.write(feed, "test")
    with path.above(1):
        *_, above = rewriter.write(dataclasses.replace(feed, cached=extractor.features.boundaries[1]), "test")
    assert whole.tolist() == above.tolist()
    assert len(set(whole.tolist())) > 1


def test_nothing_broken_and_no_special_token_is_written(backbone, feed, machine):
    """Random weights write any byte: what is no whole character is left out."""
    path = Seq2SeqPath(backbone, machine)
    *_, texts = Rewriter(path, backbone.tokenizer, writing(path.module, backbone.tokenizer, 1, 12)).write(feed, "test")
    for text in texts:
        assert "\N{REPLACEMENT CHARACTER}" not in text
        assert not any(str(special) in text for special in backbone.tokenizer.all_special_tokens)


def test_a_bias_that_the_model_keeps_apart_counts(writers, machine):
    """BART and Marian add a bias over the vocabulary after the layer."""
    backbone = writers["bart"]
    changed = dataclasses.replace(backbone, model=copy.deepcopy(backbone.model))
    changed.model.final_logits_bias.normal_()
    path = double_path(changed, machine)
    bart = Feed(
        tokenize(["one"], backbone.tokenizer.backend_tokenizer, 16)[0],
        replies=tokenize(["two tea"], backbone.tokenizer.backend_tokenizer, 16)[0],
    )
    ids, labels = (torch.from_numpy(part.ids).long()[None] for part in (bart.tokens, bart.replies))
    wanted = path.module(input_ids=ids, labels=labels).loss * labels.shape[1]
    torch.testing.assert_close(path.loss(bart, np.array([0])), wanted)


def test_what_bf16_does_not_serve_is_trained_in_fp32(writers, machine):
    """T5's attention is not scaled: where its scores grow, bf16 loses the gradients."""
    backbone = dataclasses.replace(writers["t5"], model=copy.deepcopy(writers["t5"].model))
    asked = dataclasses.replace(machine, precision="bf16")
    for block in backbone.model.encoder.block:
        block.layer[0].SelfAttention.q.weight.data.mul_(30)
        block.layer[0].SelfAttention.k.weight.data.mul_(30)
    assert serving(backbone, asked).precision == "fp32"
    assert serving(writers["bart"], asked).precision == "bf16"


def test_the_output_layer_is_put_back(backbone):
    layer = backbone.model.get_output_embeddings()
    with pytest.raises(ValueError, match="input_ids"):
        OutputLayer(backbone.model).states({})
    assert backbone.model.get_output_embeddings() is layer


@pytest.mark.parametrize("beams", [1, 3])
def test_a_decoder_deeper_than_its_encoder_writes(beams, machine, tmp_path):
    # The library's cache for T5 has as many layers as the encoder has blocks, and failed at the next one.
    folder = tiny.rewriter("t5", tmp_path / "t5", layers=1, seed=1)  # its decoder has two
    backbone = load(hub.locate(str(folder)), (), head=REWRITING.head)
    path = double_path(backbone, machine)
    ids, _ = tokenize(["an old story", "a"], backbone.tokenizer.backend_tokenizer, 16)
    kept = writing(path.module, backbone.tokenizer, beams, 6)
    kept.min_new_tokens = 4
    *_, texts = Rewriter(path, backbone.tokenizer, kept).write(Feed(ids), "test")
    path.module.config.num_layers = 2  # now the library's own has room for all of the decoder
    *_, again = Rewriter(path, backbone.tokenizer, kept).write(Feed(ids), "test")
    assert texts.tolist() == again.tolist()
    assert any(texts.tolist())


@pytest.mark.parametrize(("family", "told"), [("bert", "writes none"), ("gpt2", "no encoder")])
def test_other_models_are_refused(family: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"(?s){told}.*t5-small"):
        load(hub.locate(str(tiny.make(family, tmp_path / family))), (), head=REWRITING.head)


def test_an_encoder_without_its_decoder_is_refused(tmp_path: Path) -> None:
    """The library would fill the decoder with random numbers."""
    from safetensors.torch import load_file, save_file

    folder = tiny.rewriter("t5", tmp_path / "t5", layers=1)
    kept = {name: part for name, part in load_file(folder / "model.safetensors").items() if "decoder" not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"decoder.* is missing"):
        load(hub.locate(str(folder)), (), head=REWRITING.head)
