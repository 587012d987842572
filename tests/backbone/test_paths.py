"""Law 2 through the paths that training and prediction take: the store on disk, buckets, padding."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graft.backbone.features import Extractor, Wanted
from graft.backbone.heads import PooledHead
from graft.backbone.model import HEAD
from graft.backbone.paths import Feed, HeadPath, ModelPath, predict_logits
from graft.cache.store import Store
from graft.data.tokens.tokens import Tokens, tokenize
from graft.records import Progress

LAW = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def double_path(backbone, machine):
    path = ModelPath(backbone, machine)
    path.module.double()
    return path


def rows_alone(path, tokens):
    feed = Feed(tokens)
    with torch.no_grad():
        return torch.cat([path.logits(feed, np.array([row])) for row in range(len(tokens))])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_predictions_above_a_cut_equal_those_of_the_whole_model(backbone, tokens, machine, precision):
    machine = dataclasses.replace(machine, precision=precision)
    extractor = Extractor(backbone, machine, Store())
    list(extractor.run(tokens, Wanted(cuts=(2,))))
    path = ModelPath(backbone, machine)
    *_, whole = predict_logits(path, Feed(tokens), 3, "test")
    with path.above(2):
        *_, above = predict_logits(path, Feed(tokens, extractor.features.boundaries[2]), 3, "test")
    np.testing.assert_allclose(above, whole, atol=1e-5 if precision == "fp32" else 0.1)
    assert whole.std(axis=0).min() > 1e-3


@LAW
@given(data=st.data())
def test_a_text_does_not_depend_on_its_neighbours(backbone, tokens, machine, data):
    path = double_path(backbone, machine)
    alone = rows_alone(path, tokens)
    rows = np.array(data.draw(st.lists(st.integers(0, len(tokens) - 1), min_size=1, max_size=12)))
    with torch.no_grad():
        together = path.logits(Feed(tokens), rows)
    torch.testing.assert_close(together, alone[torch.from_numpy(rows)], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("budget", [1, 64, 200, 4096])
def test_bucketed_predictions_equal_one_at_a_time(backbone, tokens, machine, budget):
    path = double_path(backbone, machine)
    *progress, logits = predict_logits(path, Feed(tokens), 3, "test", batch_tokens=budget)
    assert all(isinstance(event, Progress) for event in progress)
    assert progress[-1].done == progress[-1].total == len(tokens.ids)
    np.testing.assert_allclose(logits, rows_alone(path, tokens).float().numpy(), rtol=1e-6)
    assert logits.dtype == np.float32


@pytest.mark.parametrize("pooling", ["token", "mean", "layers"])
def test_neighbours_do_not_matter_to_a_pooled_head(backbone, tokens, machine, pooling):
    pooling = backbone.family.poolings[0] if pooling == "token" else pooling
    head = PooledHead(backbone.record.width, 3, pooling, 2)
    backbone.model.add_module(HEAD, head)
    path = double_path(backbone, machine)
    with torch.no_grad():
        together = path.logits(Feed(tokens), np.arange(len(tokens)))
    torch.testing.assert_close(together, rows_alone(path, tokens), rtol=1e-6, atol=1e-12)
    assert together.std(0).min() > 1e-3


def test_many_short_lived_splits_through_one_path(backbone, machine):
    """A predictor hands over chunk after chunk, each freed before the next is made."""
    path = ModelPath(backbone, machine)
    tokenizer = backbone.tokenizer.backend_tokenizer
    for text in ["good", "bad soup", "the bread was stale and cold", "tea", "a kind waiter", "rice"] * 3:
        *_, reused = predict_logits(path, Feed(tokenize([text], tokenizer, 64)[0]), 3, "test")
        *_, fresh = predict_logits(ModelPath(backbone, machine), Feed(tokenize([text], tokenizer, 64)[0]), 3, "test")
        np.testing.assert_array_equal(reused, fresh)


def test_a_split_without_rows_has_no_logits(backbone, machine):
    none = Tokens(np.zeros(0, np.int32), np.zeros(1, np.int64))
    (logits,) = predict_logits(ModelPath(backbone, machine), Feed(none), 3, "test")
    assert logits.shape == (0, 3)


def test_a_path_is_a_copy_and_leaves_the_true_model_alone(backbone, machine):
    before = {name: p.clone() for name, p in backbone.model.named_parameters()}
    path = ModelPath(backbone, machine)
    for parameter in path.module.parameters():
        parameter.data.zero_()
    assert all(torch.equal(p, before[name]) for name, p in backbone.model.named_parameters())


def test_a_head_alone_needs_features(backbone, tokens):
    path = HeadPath(backbone, torch.nn.Linear(4, 3))
    with pytest.raises(AssertionError, match="pooled features"):
        path.logits(Feed(tokens), np.array([0]))
