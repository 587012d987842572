"""The head of pairs that are read apart: its start, what it computes, and the laws of caching and neighbours."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
import tiny
import torch

from graft.backbone.heads import PairedHead, paired_features
from graft.backbone.model import HEAD
from graft.backbone.paths import Feed, ModelPath
from graft.data.targets import Codes
from graft.data.tokens.pairs import tokenize_pairs
from graft.records import Batches, HeadRecord, Optimiser, Recipe, Stage, StageRecord
from graft.train import pairing, start, sweep
from graft.train.fit import fit
from graft.train.material import Labelled

FROZEN = Recipe("r", (Stage("head", 0, 0),), pairs="apart")


@pytest.fixture
def material(make):
    """Pairs whose class tells how many words they share."""
    own = make()
    rng = random.Random(0)
    pairs, labels = [], []
    for _ in range(96):
        words, shared = [rng.choice(tiny.WORDS) for _ in range(6)], rng.choice((0, 3, 6))
        pairs.append((" ".join(words), " ".join(words[:shared] + [rng.choice(tiny.WORDS) for _ in range(6 - shared)])))
        labels.append(shared // 3)
    tokens, _ = tokenize_pairs(pairs, own.backbone.tokenizer.backend_tokenizer, 64, "apart")
    whole = Labelled(tokens, Codes(np.array(labels, np.int32)))
    train, held = whole.take(np.arange(64)), whole.take(np.arange(64, 96))
    return dataclasses.replace(own, train=train, validation=held)


def started(material, recipe=FROZEN):
    *_, extracted = start.extract(material, recipe)
    return start.start_head(material, recipe, extracted), extracted


def weights_of_head(material):
    """Of the head that the model has now."""
    return material.backbone.model.get_submodule(HEAD).linear.weight


def test_the_features_start_with_the_cosine():
    u, v = torch.randn(5, 8), torch.randn(5, 8)
    features = paired_features(torch.cat((u, v), dim=1))
    assert features.shape == (5, 33)
    torch.testing.assert_close(features[:, 0] / 4, torch.nn.functional.cosine_similarity(u, v))
    same = paired_features(torch.cat((u, 3 * u), dim=1))
    torch.testing.assert_close(same[:, 1:9], torch.zeros(5, 8), atol=1e-6, rtol=0)


def test_the_head_starts_from_the_cosine_alone(material):
    head, _ = started(material)
    assert (head.kind, head.start, set(head.probe_validation)) == ("paired", "probe", {"cosine"})
    weight = material.backbone.model.get_submodule(HEAD).linear.weight
    assert weight[:, 0].abs().min() > 0
    assert weight[:, 1:].abs().max() == 0


def test_a_few_rows_are_enough_for_the_start_of_a_cosine(material, monkeypatch):
    recipe = dataclasses.replace(FROZEN, stages=(Stage("all", "all", 1),))
    monkeypatch.setattr(start, "START_PAIRS", 24)
    head, extracted = started(material, recipe)
    assert extracted.train.pooled[3].shape[0] == 2 * 24
    assert head.probe_validation == {}
    few = weights_of_head(material).clone()
    monkeypatch.setattr(start, "START_PAIRS", 1000)
    started(material, recipe)
    assert torch.nn.functional.cosine_similarity(few[:, 0], weights_of_head(material)[:, 0], dim=0) > 0.9


def test_a_pooled_recipe_may_start_from_all_features(material):
    head, _ = started(material, dataclasses.replace(FROZEN, head="pooled"))
    assert set(head.probe_validation) == {"cosine", "u, v, |u − v|, u ∘ v"}


def test_the_whole_model_computes_what_the_head_alone_does(material):
    head, extracted = started(material)
    features = start.head_features(extracted.validation.pooled, head)
    path = ModelPath(material.backbone, material.machine)
    rows = np.array([7, 0, 31])
    with torch.no_grad():
        alone = material.backbone.model.get_submodule(HEAD)(features[rows])
        whole = path.logits(Feed(material.validation.tokens), rows)
        one = path.logits(Feed(material.validation.tokens), rows[:1])
    torch.testing.assert_close(whole, alone, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(one, whole[:1], rtol=1e-4, atol=1e-4)


def test_cached_equals_uncached(material):
    started(material)
    *_, extracted = start.extract(material, Recipe("r", (Stage("top", 1, 2),), pairs="apart"))
    rows = np.array([3, 40, 1])
    cached = extracted.train.boundaries[2]
    path = ModelPath(material.backbone, material.machine)
    with torch.no_grad():
        full = path.logits(Feed(material.train.tokens), rows)
        with path.above(2):
            above = path.logits(Feed(material.train.tokens, cached), rows)
    torch.testing.assert_close(above, full, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("unfrozen", [0, 1, "all"])
def test_stages_train_a_paired_head(material, unfrozen):
    stage = Stage("s", unfrozen, 2, Optimiser(lr=1e-3), Batches(16))
    events = list(fit(material, Recipe("r", (stage,), pairs="apart")))
    (head,) = [event for event in events if isinstance(event, HeadRecord)]
    assert head.kind == "paired"
    assert isinstance(material.backbone.model.get_submodule(HEAD), PairedHead)


def test_the_better_way_is_kept_and_the_backbone_left_alone(material):
    texts = {way: dataclasses.replace(material) for way in pairing.WAYS}
    before = {name: value.clone() for name, value in material.backbone.model.state_dict().items()}
    stage = Stage("s", "all", 2, Optimiser(lr=1e-4), Batches(16))
    said = []

    def through():
        way = yield from pairing.decide(texts, Recipe("r", (stage,)))
        said.append(way)

    *_, last = through()
    assert said[0] in pairing.WAYS
    assert f"Pairs are read {said[0]}" in last.text
    after = material.backbone.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_both_ways_see_an_eighth_of_train_and_are_judged_on_the_same_rows_of_validation(material, monkeypatch):
    monkeypatch.setattr(pairing, "JUDGED", 10)
    monkeypatch.setattr(sweep, "FEWEST", 8)
    recipe = Recipe("r", (Stage("s", "all", 1, Optimiser(lr=1e-4), Batches(16)),))
    rows = len(material.validation)
    judged, learnt = [], []

    def seen(part, trial):
        judged.append(part.validation)
        learnt.append(len(part.train))
        return fit(part, trial)

    monkeypatch.setattr(pairing, "fit", seen)
    *_, last = pairing.decide({way: dataclasses.replace(material) for way in pairing.WAYS}, recipe)
    assert [len(one) for one in judged] == [10, 10]
    assert learnt == [round(len(material.train) / 8)] * 2
    np.testing.assert_array_equal(judged[0].tokens.ids, judged[1].tokens.ids)
    assert f"on 10 of {rows} validation rows" in last.text


@pytest.mark.parametrize(("enough", "ends_untrained"), [((-1.0, -9.0), True), ((2.0, 0.0), False)])
def test_a_trial_ends_as_soon_as_it_is_won(material, enough, ends_untrained):
    recipe = Recipe("r", (Stage("s", "all", 2, Optimiser(lr=1e-4), Batches(16)),))
    trial = pairing._try(material, recipe, "apart", enough)
    phases = []
    while True:
        try:
            phases.append(next(trial).phase)
        except StopIteration as end:
            best = end.value
            break
    assert set(phases) == {"try apart"}
    if ends_untrained:
        assert best.number == 0
    everything = list(pairing._try(material, recipe, "apart", (2.0, 0.0)))
    assert (len(phases) < len(everything)) == ends_untrained


def uneven(material):
    """Pairs whose texts are as long together as those of other pairs, and not as long by themselves."""
    rng = random.Random(1)
    pairs = []
    for _ in range(96):
        first = rng.randint(1, 20)
        pairs.append((" ".join(rng.choices(tiny.WORDS, k=first)), " ".join(rng.choices(tiny.WORDS, k=20 - first))))
    tokens, _ = tokenize_pairs(pairs, material.backbone.tokenizer.backend_tokenizer, 64, "apart")
    return dataclasses.replace(material, train=Labelled(tokens, Codes(np.arange(96, dtype=np.int32) % 3)))


def test_batches_hold_pairs_whose_longer_texts_are_alike(material):
    own = uneven(material)
    started(own)
    recipe = Recipe("r", (Stage("all", "all", 1, batches=Batches(rows=8), cache="off"),), pairs="apart")
    (stage,) = [event for event in fit(own, recipe) if isinstance(event, StageRecord)]
    firsts = own.train.tokens.firsts
    texts = np.maximum(firsts, own.train.tokens.lengths - firsts)
    least = 1 - own.train.tokens.lengths.sum() / (2 * texts.sum())  # what a pair's shorter text is padded by
    assert least <= stage.padding < least + 0.05


def test_the_start_is_judged_by_the_metric_that_was_asked_for(material):
    pooled = dataclasses.replace(FROZEN, head="pooled")
    for metric in ("accuracy", "log_loss"):
        head, _ = started(material, dataclasses.replace(pooled, metric=metric))
        better = max if metric == "accuracy" else min
        scores = head.probe_validation
        assert head.why.endswith(better(scores, key=scores.__getitem__))
        logits = ModelPath(material.backbone, material.machine).logits(
            Feed(material.validation.tokens), np.arange(len(material.validation))
        )
        reached = material.task.validate(logits.detach().numpy(), material.validation.targets, material.classes)
        assert reached[metric] == pytest.approx(better(scores.values()), abs=1e-3)
