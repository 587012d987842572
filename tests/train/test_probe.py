"""The probe is logistic regression, and a native head that starts from it answers as it does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from graft.backbone.features import Extractor, Wanted
from graft.backbone.heads import NativeHeadAlone
from graft.cache.store import Store
from graft.data.targets import Codes
from graft.tasks.classification import CLASSIFICATION
from graft.train import probe as probe_module
from graft.train.pooled import pooled_head
from graft.train.probe import PENALTIES, Examples, start_native
from graft.train.probe import fit_probe as fit_probe_of


def task(rows=300, width=12, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, width)) * rng.uniform(0.1, 5, width) + rng.normal(size=width)
    logits = ((features - features.mean(0)) / features.std(0)) @ rng.normal(size=(width, classes)) * 0.7
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(1)
    return torch.from_numpy(features).float(), torch.from_numpy(labels)


def examples(features, labels):
    return Examples(features, Codes(labels.numpy().astype(np.int32)))


def fit_probe(train, labels, validation, truth, classes, penalties=PENALTIES):
    names = tuple(map(str, range(classes)))
    return fit_probe_of(CLASSIFICATION, examples(train, labels), examples(validation, truth), names, penalties)


@pytest.mark.parametrize("penalty", [1e-3, 1e-2, 1e-1])
@pytest.mark.parametrize("classes", [2, 3, 6])
def test_the_probe_is_scikit_learns_logistic_regression(penalty, classes):
    features, labels = task(classes=classes)
    train, held = slice(0, 200), slice(200, 300)
    probe = fit_probe(features[train], labels[train], features[held], labels[held], classes, [penalty])
    mean, deviation = features[train].mean(0), features[train].std(0, correction=0)
    standard = ((features - mean) / deviation).double().numpy()
    strength = (2 if classes == 2 else 1) / (200 * penalty)  # for two classes theirs has one vector of weights, not two
    reference = LogisticRegression(C=strength, max_iter=2000, tol=1e-8).fit(standard[train], labels[train])
    for part in (train, held):
        ours = log_loss(labels[part], probe.logits(features[part]).double().softmax(1), labels=range(classes))
        theirs = log_loss(labels[part], reference.predict_proba(standard[part]), labels=range(classes))
        assert ours == pytest.approx(theirs, abs=1e-2)
    assert probe.score == pytest.approx(reference.score(standard[held], labels[held]), abs=0.021)


def test_the_penalty_is_chosen_on_validation():
    features, labels = task(rows=160, width=60)
    split = (features[:80], labels[:80], features[80:], labels[80:], 3)
    penalties = (1e-5, 1e-2, 10.0)
    alone = [fit_probe(*split, [penalty]).score for penalty in penalties]
    assert fit_probe(*split, penalties).score >= max(alone) - 0.03
    assert min(alone) < max(alone)


@pytest.mark.parametrize("seed", range(4))
def test_going_on_from_the_strongest_penalty_is_as_one_fit_over_all(seed):
    features, labels = task(rows=160, width=30, seed=seed)
    learnt, held = examples(features[:80], labels[:80]), examples(features[80:], labels[80:])
    whole = fit_probe_of(CLASSIFICATION, learnt, held, ("a", "b", "c"))
    first = fit_probe_of(CLASSIFICATION, learnt, held, ("a", "b", "c"), PENALTIES[:1])
    further = fit_probe_of(CLASSIFICATION, learnt, held, ("a", "b", "c"), PENALTIES[1:], warm_start=first)
    assert further.score == whole.score
    torch.testing.assert_close(further.weight_CD, whole.weight_CD)
    unjudged = fit_probe_of(CLASSIFICATION, learnt, None, ("a", "b", "c"), PENALTIES[1:], warm_start=first)
    torch.testing.assert_close(unjudged.weight_CD, first.weight_CD)


def test_the_penalty_is_chosen_by_the_metric_that_is_asked_for():
    """Noisy features: weak penalties may answer as well and are far too sure of it."""
    features, labels = task(rows=160, width=60)
    learnt, held = examples(features[:80], labels[:80]), examples(features[80:], labels[80:])
    penalties = (1e-4, 1e-3, 1e-2, 1e-1)

    def loss(probe):
        return log_loss(labels[80:], probe.logits(features[80:]).double().softmax(1), labels=range(3))

    alone = [fit_probe_of(CLASSIFICATION, learnt, held, ("a", "b", "c"), [penalty]) for penalty in penalties]
    chosen = fit_probe_of(CLASSIFICATION, learnt, held, ("a", "b", "c"), penalties, metric="log_loss")
    assert loss(chosen) == pytest.approx(min(map(loss, alone)), abs=1e-3)


@pytest.mark.parametrize("classes", [2, 4])
def test_features_too_many_to_turn_have_the_same_probe(monkeypatch, classes):
    features, labels = task(classes=classes)
    turned = fit_probe(features, labels, features, labels, classes, [1e-2])
    monkeypatch.setattr(probe_module, "WIDEST", 0)
    as_they_are = fit_probe(features, labels, features, labels, classes, [1e-2])
    shares = [probe.logits(features).softmax(1) for probe in (turned, as_they_are)]
    torch.testing.assert_close(*shares, rtol=0, atol=0.03)


def test_weaker_penalties_are_not_tried_once_validation_gets_worse(monkeypatch):
    tried = []
    values = {1.0: 0.5, 0.1: 0.7, 0.01: 0.6, 0.001: 0.9}

    def solve(_axes, _criterion, penalty, start, _steps):
        tried.append(penalty)
        return torch.full_like(start[0], penalty), start[1]

    monkeypatch.setattr(probe_module, "_solve", solve)
    monkeypatch.setattr(
        probe_module, "_validated", lambda *_: {"accuracy": values[tried[-1]], "macro_f1": 0, "mcc": 0, "log_loss": 1.0}
    )
    features, labels = task()
    probe = fit_probe(features, labels, features, labels, 3, tuple(values))
    assert tried == [1.0, 0.1, 0.01]
    assert float(probe.weight_CD[0, 0]) == pytest.approx(0.1)


def test_constant_features_and_missing_classes_do_no_harm():
    features, labels = task()
    features[:, 3] = 2.5
    labels = labels.clamp_max(1)
    probe = fit_probe(features, labels, features, labels, 4)
    logits = probe.logits(features)
    assert logits.isfinite().all()
    assert not (logits.argmax(1) >= 2).any()


def test_no_validation_rows():
    features, labels = task()
    assert fit_probe(features, labels, features[:0], labels[:0], 3).score == 0.0


def test_features_in_bf16():
    features, labels = task()
    probe = fit_probe(features.bfloat16(), labels, features.bfloat16(), labels, 3)
    assert probe.weight_CD.dtype == torch.float32
    assert probe.score > 0.5


def test_a_pooled_head_computes_what_the_probe_computes():
    features, labels = task()
    probe = fit_probe(features, labels, features, labels, 3)
    head = pooled_head(probe, "mean", 2)
    torch.testing.assert_close(head(features), probe.logits(features), rtol=1e-4, atol=1e-5)
    assert (head.pooling, head.depth) == ("mean", 2)


def test_a_native_head_answers_as_the_probe_but_softly(make, family):
    material = make(family, rows=300)
    extractor = Extractor(material.backbone, material.machine, Store())
    list(extractor.run(material.train.tokens, Wanted(depths=(3,))))
    first = extractor.features.pooled[3][:, 0]
    codes = torch.from_numpy(material.train.targets.values)
    probe = fit_probe(first, codes, first, codes, 3, [1e-2])
    head = NativeHeadAlone(material.backbone.model, material.backbone.family.head)
    with torch.no_grad():
        before = head(first)
        start_native(head, probe, first)
        after = head(first)
    ours, theirs = after.argmax(1), probe.logits(first).argmax(1)
    assert (ours == theirs).float().mean() > 0.9
    assert (before.argmax(1) == theirs).float().mean() < 0.7
    assert after.std() < 0.5 * probe.logits(first).std()
