"""Laws 1, 2 and 7 for heads that look for answers: above a cut, beside other questions, through windows, and in plain
transformers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tiny
import torch

from graft.backbone import heads
from graft.backbone.features import Extractor, Wanted
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.cache.store import Store
from graft.data.asked import asked
from graft.data.tokens.encode import encode
from graft.data.tokens.longtexts import Limits
from graft.errors import ModelError
from graft.tasks.candidates import Candidates
from graft.tasks.task import Head

HEAD = Head("AutoModelForQuestionAnswering", "", "span")
ENCODER_DECODERS = ("t5", "mt5", "bart")
QUESTIONS = [
    ("was the bread fresh", "the bread was fresh and the waiter kind"),
    ("", "one"),
    ("who", ""),
    ("[SEP] who </s>", "[SEP] a bad [CLS] soup </s> cold <pad> rice [PAD] <s> [MASK] <mask>"),
    ("was it warm", "we waited an hour for cold rice and the tea was not warm " * 3),
    ("good " * 40, "bad bad bad"),
    ("why", "  the   tea "),
]


@pytest.fixture(params=[name for name in tiny.FAMILIES if name not in ENCODER_DECODERS])
def model(request, folders):
    return load(hub.locate(str(folders[request.param])), ("start", "end"), head=HEAD)


@pytest.fixture
def feed(model):
    (rows,) = asked(QUESTIONS, "questions")
    read = encode(rows, model.tokenizer.backend_tokenizer, Limits(30, "windows", 8))
    assert len(read.tokens) > len(read.layout) + 1  # some take several windows
    assert int(read.tokens.lengths.max()) <= 30
    assert read.cut == 1
    return Feed(read.tokens, None, read.layout)


def path_of(model, machine):
    path = ModelPath(model, machine)
    path.module.double()
    return path


def test_cached_equals_uncached(model, feed, machine):
    blocks = model.record.blocks
    extractor = Extractor(model, machine, Store())
    extractor.dtype = torch.float64  # the law is stated in float64, which no run works in
    list(extractor.run(feed.tokens, Wanted(cuts=tuple(range(1, blocks + 1)))))
    rows = np.array([4, 0, 6, 2])
    with torch.no_grad():
        full = path_of(model, machine).logits(feed, rows)
        for cut in range(1, blocks + 1):
            path = path_of(model, machine)
            with path.above(cut):
                cached = Feed(feed.tokens, extractor.features.boundaries[cut], feed.layout)
                torch.testing.assert_close(path.logits(cached, rows), full, rtol=1e-6, atol=1e-12)


def test_gradients_above_a_cut_are_those_of_the_whole(model, feed, machine):
    cut, rows = model.record.blocks - 1, np.array([4, 1])
    extractor = Extractor(model, machine, Store())
    extractor.dtype = torch.float64
    list(extractor.run(feed.tokens, Wanted(cuts=(cut,))))
    found = []
    for above in (0, cut):
        path = path_of(model, machine)
        cached = Feed(feed.tokens, extractor.features.boundaries[cut] if above else None, feed.layout)
        with path.above(above):
            path.logits(cached, rows).square().sum().backward()
        learnt = [
            *path.trunk.blocks[-1].parameters(),
            *heads.last_layer(dataclasses.replace(model, model=path.module)).parameters(),
        ]
        found.append([parameter.grad for parameter in learnt])
    assert any(grad is not None for grad in found[0])
    for whole, part in zip(*found, strict=True):
        if whole is not None and not model.family.shared:  # a shared block has gradients from every turn
            torch.testing.assert_close(part, whole, rtol=1e-6, atol=1e-10)


def test_answers_do_not_depend_on_their_neighbours(model, feed, machine):
    path = path_of(model, machine)
    *_, together = predict_logits(path, feed, 2, "test")
    assert len(together) == len(QUESTIONS)
    for row in range(len(feed)):
        *_, alone = predict_logits(path, feed.take(np.array([row])), 2, "test")
        one, other = Candidates(alone), Candidates(together[row : row + 1])
        np.testing.assert_allclose(one.none, other.none, rtol=1e-5)
        np.testing.assert_allclose(one.scores[0, 0], other.scores[0, 0], rtol=1e-5)
        assert (one.starts[0, 0], one.ends[0, 0]) == (other.starts[0, 0], other.ends[0, 0])


def test_plain_transformers_says_the_same(model, machine, tmp_path):
    """The saved model's own logits, at the tokens of the context and at the first one."""
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    from graft.backbone.artefact import save

    save(model, tmp_path, 64)
    (rows,) = asked(QUESTIONS[:1], "questions")
    read = encode(rows, model.tokenizer.backend_tokenizer, Limits(64))
    plain = AutoModelForQuestionAnswering.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokens = tokenizer(*QUESTIONS[0], return_tensors="pt")
    inside = torch.tensor([part == 1 for part in tokens.sequence_ids(0)])
    with torch.no_grad():
        found = plain(**tokens)
        both = torch.stack((found.start_logits[0], found.end_logits[0]), dim=1)
        ours = ModelPath(model, machine).logits(Feed(read.tokens, None, read.layout), np.array([0]))
    torch.testing.assert_close(ours, torch.cat((both[:1], both[inside])), rtol=1e-4, atol=1e-5)


def test_the_heads_last_layer_is_found(model):
    assert heads.last_layer(model).out_features == 2


@pytest.mark.parametrize("name", ENCODER_DECODERS)
def test_an_encoder_decoder_is_refused(name, folders):
    with pytest.raises(ModelError, match="cannot train to find answers"):
        load(hub.locate(str(folders[name])), ("start", "end"), head=HEAD)
