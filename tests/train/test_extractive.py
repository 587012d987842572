"""What a head learns of answers: the tokens at their ends, over all windows of their contexts."""

from __future__ import annotations

import answered
import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.backbone.model import load
from graft.backbone.models import hub
from graft.backbone.paths import ModelPath
from graft.backbone.spans import log_shares
from graft.data.read import ReadOptions, read
from graft.data.tokens.encode import encode, within
from graft.data.tokens.longtexts import Limits
from graft.records import Loss, MachineRecord, Stage
from graft.tasks.answering import ANSWERING
from graft.train.extractive import Spans, places
from graft.train.material import Labelled, Material

LIMITS = Limits(24, "windows", 6)
TOKENIZERS = {"bert": tiny._wordpiece(), "roberta": tiny._byte_level(), "llama": tiny._opened()}


@pytest.fixture(scope="module")
def rows():
    given = answered.flat(answered.articles(4, 0.3))
    twice = given[0]["answers"]
    twice["text"].append("the " + twice["text"][0])
    twice["answer_start"].append(twice["answer_start"][0] - 4)
    return read(given).parts["train"]


@pytest.fixture(scope="module")
def backbone(tiny_bert):
    return load(hub.locate(str(tiny_bert)), ("start", "end"), head=ANSWERING.head)


@pytest.fixture(scope="module")
def material(rows, backbone):
    found = encode(rows, backbone.tokenizer.backend_tokenizer, LIMITS)
    part = Labelled(found.tokens, rows.targets, found.layout)
    machine = MachineRecord("cpu", "test", 2, "fp32", "test")
    return Material(backbone, part, part, ("start", "end"), machine, None, ANSWERING)


def objective(material, **loss):
    return Spans.of(material, Stage("all", "all", 1, loss=Loss(**loss)), "")


def test_answers_lie_where_their_tokens_say(rows, material):
    found, layout = places(rows.targets, material.train.layout), material.train.layout
    assert found.learnt.all()
    for row in range(len(rows)):
        edges = found.edges[found.bounds[row] : found.bounds[row + 1]].tolist()
        if rows.targets.open[row]:
            assert edges == [[0, 0]]
            continue
        chars = layout.chars[layout.words[row] : layout.words[row + 1]]
        context = rows.targets.context(row)
        said = [context[chars[start - 1, 0] : chars[end - 1, 1]] for start, end in edges]
        assert said == rows.targets.texts(row)


def test_the_loss_is_the_mean_over_references_and_ends(material):
    made, path = objective(material), ModelPath(material.backbone, material.machine)
    order = np.array([3, 0, 5])
    with torch.no_grad():
        said = path.logits(material.train.feed(), order)
        shares = log_shares(said, np.diff(material.train.layout.words)[order])
        expected = 0.0
        for place, row in enumerate(order):
            edges = made.places.edges[made.places.bounds[row] : made.places.bounds[row + 1]]
            each = [-(shares[place, start, 0] + shares[place, end, 1]) / 2 for start, end in edges]
            expected += float(sum(each)) / len(each)
        assert float(made.loss(path, material.train.feed(), order)) == pytest.approx(expected, rel=1e-5)
        smoothed = float(objective(material, label_smoothing=0.1).loss(path, material.train.feed(), order))
    assert made.weight(order) == 3
    assert smoothed != pytest.approx(expected)


def test_answers_that_the_limit_cuts_off_teach_nothing(rows, backbone, material):
    found = encode(rows, backbone.tokenizer.backend_tokenizer, Limits(14, "truncate"))
    part = Labelled(found.tokens, rows.targets, found.layout)
    made = objective(Material(backbone, part, part, ("start", "end"), material.machine, None, ANSWERING))
    lost = np.flatnonzero(~made.places.learnt)
    assert len(lost)
    path = ModelPath(backbone, material.machine)
    for parameter in path.module.parameters():
        parameter.requires_grad_(True)
    loss = made.loss(path, part.feed(), lost[:2])
    loss.backward()
    assert float(loss.detach()) == 0
    assert made.weight(lost) < 1e-6


def test_a_longer_answer_may_be_asked_for_later(rows, backbone):
    tokenizer = backbone.tokenizer.backend_tokenizer
    found = encode(rows, tokenizer, Limits(60, "windows", 6))
    again = within(found, rows, tokenizer, Limits(60, "windows", 6, answer=50))
    assert (found.layout.longest, again.layout.longest) == (30, 50)
    assert again.tokens is found.tokens


LETTERS = st.sampled_from(["cat", "Zoë", "🐈", "日本", "naïve", "[SEP]", "</s>", "don't", "3.5", "x"])


@pytest.mark.parametrize("kind", ["bert", "roberta", "llama"])
@given(words=st.lists(LETTERS, min_size=1, max_size=8), data=st.data())
@settings(max_examples=25, deadline=None)
def test_the_tokens_of_an_answer_cover_it(kind, words, data):
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    context, answer = " ".join(words), " ".join(words[first : last + 1])
    start = len(" ".join(words[:first])) + (first > 0)
    row = {"question": "what", "context": context, "answer": answer, "answer_start": start}
    rows = read([row] * 2, options=ReadOptions(task="question-answering")).parts["train"]
    found = encode(rows, TOKENIZERS[kind].backend_tokenizer, Limits(60))
    made = places(rows.targets, found.layout)
    for low, high in made.edges[made.bounds[0] : made.bounds[1]].tolist():
        chars = found.layout.chars[found.layout.words[0] : found.layout.words[1]]
        assert chars[low - 1, 0] <= start or not context[start : chars[low - 1, 0]].strip()
        assert chars[high - 1, 1] >= start + len(answer)


def test_white_space_before_a_token_is_no_part_of_an_answer():
    context = " the  cat \u3000 Zoë "
    row = {"question": "who", "context": context, "answer": "cat", "answer_start": 6}
    rows = read([row] * 2, options=ReadOptions(task="question-answering")).parts["train"]
    for kind in TOKENIZERS:
        layout = encode(rows, TOKENIZERS[kind].backend_tokenizer, Limits(60)).layout
        pieces = [context[start:end] for start, end in layout.chars.tolist()]
        assert not any(piece[:1].isspace() for piece in pieces), kind
        assert "cat" in "".join(pieces)
