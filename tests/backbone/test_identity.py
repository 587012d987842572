"""The key of what is kept of a backbone: whatever could change a state changes it, and what could not does not."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import AWKWARD

from graft.backbone import features, identity
from graft.backbone.features import Extractor, Wanted
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.cache import store as stores
from graft.cache.store import Store
from graft.data.tokens.tokens import tokenize
from graft.records import MachineRecord

WANTED = Wanted(depths=(2,), cuts=(1,))
LAW = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def flip(tensor, place, bit):
    """Change one bit of a tensor of fp32."""
    flat = tensor.detach().view(-1).view(torch.int32)
    flat[place % len(flat)] ^= torch.tensor(1 << bit, dtype=torch.int64).to(torch.int32)


ABOVE = ("pooler", "layer.1.", "layer.2.")  # what no state after block 1 depends on


def weight(_, backbone, machine, draw):
    names = [name for name, _ in backbone.model.base_model.named_parameters()]
    name = draw(st.sampled_from([name for name in names if not any(part in name for part in ABOVE)]))
    flip(backbone.model.base_model.get_parameter(name), draw(st.integers(0, 10_000)), draw(st.integers(0, 31)))
    return backbone, machine


def file(_, backbone, machine, draw):
    digest = backbone.record.digest[:-1] + draw(
        st.sampled_from([c for c in "0123456789abcdef" if c != backbone.record.digest[-1]])
    )
    return dataclasses.replace(backbone, record=dataclasses.replace(backbone.record, digest=digest)), machine


def config(_, backbone, machine, draw):
    config = backbone.model.config
    name = draw(st.sampled_from(["layer_norm_eps", "hidden_act", "num_attention_heads", "max_position_embeddings"]))
    setattr(config, name, "relu" if name == "hidden_act" else getattr(config, name) * draw(st.sampled_from([2, 3, 4])))
    return backbone, machine


def device(_, backbone, machine, draw):
    other = draw(st.sampled_from([{"device": "mps"}, {"name": "another processor"}, {"precision": "bf16"}]))
    return backbone, dataclasses.replace(machine, **other)


def attention(patch, backbone, machine, draw):
    name = draw(st.sampled_from(["eager", "flex_attention"]))
    patch.setattr(features, "attention_for", lambda _: name)
    return backbone, machine


def library(patch, backbone, machine, draw):
    where = draw(st.sampled_from(["torch", "transformers"]))
    patch.setattr(getattr(identity, where), "__version__", draw(st.text("0123456789.", min_size=1, max_size=4)))
    return backbone, machine


def code(patch, backbone, machine, draw):
    patch.setattr(stores, "FORMAT", draw(st.integers(100, 999)))
    return backbone, machine


MUTATIONS = [weight, weight, weight, file, config, device, attention, library, code]


@LAW
@given(data=st.data())
def test_a_mutation_of_anything_but_the_row_misses_every_row(loaded, machine, tokens_of_bert, store_of_bert, data):
    """Acceptance: a hundred changes of weights, configuration, device, dtype, attention, libraries and format."""
    original = loaded["bert"]
    backbone = dataclasses.replace(original, model=fresh(original))
    with pytest.MonkeyPatch.context() as patch:
        backbone, changed = data.draw(st.sampled_from(MUTATIONS))(patch, backbone, machine, data.draw)
        kinds = Extractor(backbone, changed, store_of_bert)._kinds(WANTED)
        assert not any(kind.shelf.find(tokens_of_bert.digests()).found.any() for kind in kinds.values())


@LAW
@given(data=st.data())
def test_a_mutation_of_a_row_misses_that_row(loaded, machine, tokens_of_bert, store_of_bert, data):
    """Another word, tokenizer or length limit is other token ids: of changed rows none is found, of the others all."""
    ids, row = tokens_of_bert.ids.copy(), data.draw(st.integers(0, len(tokens_of_bert) - 1))
    start, stop = tokens_of_bert.starts[row : row + 2]
    ids[data.draw(st.integers(start, stop - 1))] += data.draw(st.integers(1, 200))
    kinds = Extractor(loaded["bert"], machine, store_of_bert)._kinds(WANTED)
    mutated = dataclasses.replace(tokens_of_bert, ids=ids)
    for kind in kinds.values():
        found = kind.shelf.find(mutated.digests()).found
        assert np.flatnonzero(~found).tolist() == [row]


@pytest.mark.parametrize("limit", [63, 40, 5])
def test_a_shorter_limit_misses_the_rows_that_it_cuts(loaded, machine, store_of_bert, limit):
    shorter, lengths = tokenize(AWKWARD, loaded["bert"].tokenizer.backend_tokenizer, limit)
    for kind in Extractor(loaded["bert"], machine, store_of_bert)._kinds(WANTED).values():
        assert kind.shelf.find(shorter.digests()).found.tolist() == (lengths <= limit).tolist()


def test_what_cannot_change_a_state_is_no_part_of_the_key(loaded, machine, tokens_of_bert, store_of_bert):
    """Classes, the head's and the pooler's weights, where the model lies, why the precision was chosen."""
    original = loaded["bert"]
    backbone = dataclasses.replace(original, model=fresh(original))
    flip(backbone.model.classifier.weight, 3, 5)
    flip(backbone.model.base_model.pooler.dense.weight, 3, 5)
    backbone.model.config.id2label = {0: "x", 1: "y"}
    record = dataclasses.replace(backbone.record, name="elsewhere", source="hub", revision="abc")
    changed = dataclasses.replace(machine, why="asked for", cores=64)
    extractor = Extractor(dataclasses.replace(backbone, record=record), changed, store_of_bert)
    for _ in extractor.run(tokens_of_bert, WANTED):
        raise AssertionError("something was computed")
    assert extractor.extracted == 0


@pytest.mark.parametrize("kept", [1, 2])
def test_a_model_kept_up_to_a_block_finds_what_the_whole_one_left(folders, machine, tmp_path, kept):
    whole, cut = (load(hub.locate(name), ("a", "b")) for name in (str(folders["bert"]), f"{folders['bert']}@{kept}"))
    tokens = tokenize(AWKWARD, whole.tokenizer.backend_tokenizer, 64)[0]
    store = Store(tmp_path)
    list(Extractor(whole, machine, store).run(tokens, Wanted((1, 2, 3))))
    extractor = Extractor(cut, machine, store)
    assert not list(extractor.run(tokens, Wanted((kept,))))
    assert extractor.extracted == 0


@pytest.mark.parametrize(("block", "found"), [(1, 0), (2, 8)])
def test_a_changed_block_changes_only_what_lies_above_it(loaded, machine, tokens_of_bert, store_of_bert, block, found):
    backbone = dataclasses.replace(loaded["bert"], model=fresh(loaded["bert"]))
    flip(backbone.model.bert.encoder.layer[block].output.dense.weight, 3, 20)
    kind = Extractor(backbone, machine, store_of_bert)._kinds(WANTED)["pooled", 2]
    assert kind.shelf.find(tokens_of_bert.digests()).found.sum() == found


def fresh(backbone):
    return copy.deepcopy(backbone.model)


@pytest.fixture(scope="module")
def tokens_of_bert(loaded):
    return tokenize(AWKWARD, loaded["bert"].tokenizer.backend_tokenizer, 64)[0]


@pytest.fixture(scope="module")
def store_of_bert(loaded, tokens_of_bert, tmp_path_factory):
    """A cache that holds all of it."""
    store = Store(tmp_path_factory.mktemp("mutations"))
    list(Extractor(loaded["bert"], MachineRecord("cpu", "test", 2, "fp32", "test"), store).run(tokens_of_bert, WANTED))
    return store
