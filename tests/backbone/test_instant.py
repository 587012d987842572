"""The first answers of a process: those of torch, to rounding, from numpy alone."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
import transformers
from test_artefact import CLASSES, LIMIT, TEXTS, manifest_of, trained
from tokenizers import Tokenizer, pre_tokenizers

from graft.backbone import artefact, instant
from graft.backbone.heads import PairedHead, PooledHead
from graft.backbone.model import HEAD
from graft.backbone.models import hub
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.data.tokens.pairs import tokenize_pairs
from graft.data.tokens.tokens import Tokens, tokenize
from graft.errors import RunError
from graft.records import HeadRecord

PAIRS = [("good bread", "bad soup"), ("", "one [SEP] two"), ("bad " * 100, "rice " * 50), ("", "")]
NATIVE = HeadRecord("native", "first", 0, "random", "")


@pytest.fixture(params=instant.NAMES)
def plain(request, loaded):
    """A backbone of each family whose blocks are written out in numpy."""
    original = loaded[request.param]
    return trained(dataclasses.replace(original, model=copy.deepcopy(original.model)))


def saved(backbone, machine, folder, head=NATIVE):
    digests = artefact.save(backbone, folder, LIMIT)
    return manifest_of(backbone, machine, head, digests)


def agree(found, backbone, machine, tokens):
    *_, expected = predict_logits(ModelPath(backbone, machine), Feed(tokens), len(CLASSES), "test")
    np.testing.assert_allclose(found.logits(tokens), expected, atol=2e-5, rtol=1e-5)
    assert expected.std(axis=0).min() > 1e-3


def test_the_native_head_says_the_same(plain, machine, tmp_path):
    found = instant.load(tmp_path, saved(plain, machine, tmp_path))
    agree(found, plain, machine, tokenize(TEXTS, found.tokenizer, LIMIT)[0])
    agree(found, plain, machine, tokenize_pairs(PAIRS, found.tokenizer, LIMIT, "joined")[0])


@pytest.mark.parametrize(("pooling", "depth"), [("first", 3), ("mean", 2), ("layers", 3)])
def test_a_pooled_head_says_the_same(plain, machine, tmp_path, pooling, depth):
    head = PooledHead(plain.record.width, len(CLASSES), pooling, depth)
    head.mean.normal_()
    head.deviation.uniform_(0.5, 2)
    plain.model.add_module(HEAD, head)
    found = instant.load(tmp_path, saved(plain, machine, tmp_path, HeadRecord("pooled", pooling, depth, "probe", "")))
    agree(found, plain, machine, tokenize(TEXTS, found.tokenizer, LIMIT)[0])


def test_a_head_for_pairs_read_apart_says_the_same(plain, machine, tmp_path):
    head = PairedHead(plain.record.width, len(CLASSES), "mean", 2)
    torch.nn.init.normal_(head.linear.weight)
    plain.model.add_module(HEAD, head)
    found = instant.load(tmp_path, saved(plain, machine, tmp_path, HeadRecord("paired", "mean", 2, "probe", "")))
    agree(found, plain, machine, tokenize_pairs(PAIRS, found.tokenizer, LIMIT, "apart")[0])


def of_the_library(name):
    """A tokenizer of one of the library's own classes, which build their backend anew from the vocabulary."""
    if name == "bert":
        return transformers.AutoTokenizer.from_pretrained(hub.locate(hub.EMBEDDED).folder)
    if name == "roberta":
        letters = sorted(pre_tokenizers.ByteLevel.alphabet())
        vocab = {
            piece: place for place, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters, "oo"])
        }
        return transformers.RobertaTokenizer(vocab=vocab, merges=[("o", "o")])
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *"abcdefghijklmnopqrstuvwxyz\u2581", "\u2581the", "good", "<mask>"]
    return transformers.XLMRobertaTokenizer(vocab=[(piece, -float(place)) for place, piece in enumerate(pieces)])


@pytest.mark.parametrize("name", ["bert", "roberta", "xlm-roberta"])
def test_texts_become_the_same_tokens(name, tmp_path):
    made = of_the_library(name)
    made.save_pretrained(tmp_path)
    artefact._settle_tokenizer(tmp_path / "tokenizer_config.json", LIMIT, typed=name == "bert", reads=True)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert type(theirs) is type(made)
    own = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    texts = [*TEXTS, "the good <pad> </s> [PAD] soup<mask>"]
    for way in ("joined", "apart"):
        read, expected = (tokenize_pairs(PAIRS, one, LIMIT, way)[0] for one in (own, theirs.backend_tokenizer))
        np.testing.assert_array_equal(read.ids, expected.ids)
        np.testing.assert_array_equal(read.firsts, expected.firsts)
    read, expected = (tokenize(texts, one, LIMIT)[0] for one in (own, theirs.backend_tokenizer))
    np.testing.assert_array_equal(read.ids, expected.ids)
    np.testing.assert_array_equal(read.starts, expected.starts)


def test_padding_that_a_person_wrote_is_counted_as_the_library_counts_it(plain, machine, tmp_path):
    found = instant.load(tmp_path, saved(plain, machine, tmp_path))
    pad = plain.tokenizer.pad_token_id
    ids = tokenize(TEXTS, found.tokenizer, LIMIT)[0]
    ids.ids[[1, 5, 6, len(ids.ids) - 3]] = pad
    agree(found, plain, machine, ids)


def test_it_stops_where_torch_is_worth_its_import(plain, machine, tmp_path, monkeypatch):
    monkeypatch.setattr(instant, "WORK", 1e9)
    found = instant.load(tmp_path, saved(plain, machine, tmp_path))
    some = tokenize(TEXTS * 20, found.tokenizer, LIMIT)[0]
    many = some.take(np.arange(len(some)).repeat(1000))
    assert not found.affords(many)
    asked = 0
    while found.affords(some):  # what was not answered has not counted
        asked += 1
    assert 1 < asked < 1000


@pytest.mark.parametrize("together", [1, 7, 30, 1000])
def test_texts_of_one_length_cross_together_and_do_not_matter_to_each_other(
    plain, machine, tmp_path, monkeypatch, together
):
    found = instant.load(tmp_path, saved(plain, machine, tmp_path))
    tokens = tokenize([*TEXTS, *reversed(TEXTS), "good", "bad", "rice"], found.tokenizer, LIMIT)[0]
    alone = np.concatenate([found.logits(tokens.take(np.array([row]))) for row in range(len(tokens))])
    monkeypatch.setattr(instant, "TOGETHER", together)
    np.testing.assert_allclose(found.logits(tokens), alone, atol=1e-5, rtol=1e-5)


def test_a_text_without_tokens_is_left_to_torch(plain, machine, tmp_path):
    found = instant.load(tmp_path, saved(plain, machine, tmp_path))
    assert found.affords(Tokens(np.array([1, 2], np.int32), np.array([0, 2])))
    assert not found.affords(Tokens(np.array([1, 2], np.int32), np.array([0, 2, 2])))


def test_other_kinds_are_left_to_torch(backbone, machine, tmp_path):
    manifest = saved(backbone, machine, tmp_path)
    assert (instant.load(tmp_path, manifest) is not None) == (backbone.family.name in instant.NAMES)
    assert instant.load(tmp_path, dataclasses.replace(manifest, head=None)) is None
    assert (
        instant.load(tmp_path, dataclasses.replace(manifest, head=dataclasses.replace(NATIVE, kind="paired"))) is None
    )


def test_another_activation_is_left_to_torch(plain, machine, tmp_path):
    config = plain.model.config
    setattr(config, "activation" if plain.family.name == "distilbert" else "hidden_act", "relu")
    if plain.family.name == "distilbert":
        config.hidden_act = "gelu"  # which it does not read
    assert instant.load(tmp_path, saved(plain, machine, tmp_path)) is None


def test_a_large_model_is_left_to_torch(plain, machine, tmp_path, monkeypatch):
    monkeypatch.setattr(instant, "LARGEST", 1000)
    assert instant.load(tmp_path, saved(plain, machine, tmp_path)) is None


def test_what_these_libraries_cannot_read_is_left_to_torch(plain, machine, tmp_path, monkeypatch):
    manifest = saved(plain, machine, tmp_path)

    def fails(_path):
        raise Exception("unknown variant")  # of no other class, as the library does

    monkeypatch.setattr(Tokenizer, "from_file", fails)
    assert instant.load(tmp_path, manifest) is None


def test_weights_that_are_not_those_of_the_run_are_refused(plain, machine, tmp_path):
    manifest = saved(plain, machine, tmp_path)
    weights = tmp_path / artefact.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    with pytest.raises(RunError, match="not the one that this run saved"):
        instant.load(tmp_path, manifest)
    weights.unlink()
    with pytest.raises(RunError, match="missing"):
        instant.load(tmp_path, manifest)


def test_weights_of_another_precision_are_left_to_torch(plain, machine, tmp_path):
    plain.model.to(torch.bfloat16)
    assert instant.load(tmp_path, saved(plain, machine, tmp_path)) is None
