"""Laws 3 and 4 over real fits: what is frozen stays, the best is kept, and each stage is told as it was."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from graft.backbone import artefact
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.errors import RunError
from graft.records import (
    Batches,
    Epoch,
    HeadRecord,
    Loss,
    Optimiser,
    Progress,
    Recipe,
    Skipped,
    Stage,
    StageRecord,
    Stopping,
    Trial,
)
from graft.records.metrics import METRICS
from graft.tasks import classification_metrics as classification
from graft.train.fit import fit
from graft.train.groups import levels
from graft.train.material import Extracted

FAST = Optimiser(lr=5e-3)
SMALL = Batches(rows=16)


def stage(name, unfrozen, epochs=2, lr=5e-3, **changes):
    return Stage(name, unfrozen, epochs, dataclasses.replace(FAST, lr=lr), SMALL, **changes)


def run(material, *stages, **changes):
    return list(fit(material, Recipe("test", stages, **changes)))


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def snapshot(material):
    return {name: tensor.clone() for name, tensor in material.backbone.model.state_dict().items()}


def changed_levels(material, before):
    """The levels of the model (0: embeddings, blocks, the head) in which any weight differs from before."""
    now = material.backbone.model.state_dict()
    return {
        level
        for level, names in levels(material.backbone.model, material.backbone.family, 3)
        for name in names
        if name not in before or not torch.equal(now[name], before[name])
    }


def validation_of(material):
    """The saved model's validation, from the texts, through every block."""
    path = ModelPath(material.backbone, material.machine)
    *_, logits = predict_logits(path, Feed(material.validation.tokens), 3, "test")
    return classification.validation_metrics(logits, material.validation.targets.values, material.classes)


# ------------------------------------------------------------------------------------------------------------- law 3

THAWED = {0: {4}, 1: {3, 4}, 2: {2, 3, 4}, 3: {1, 2, 3, 4}, "all": {0, 1, 2, 3, 4}}


@pytest.mark.parametrize("cache", ["on", "off"])
@pytest.mark.parametrize("unfrozen", THAWED)
def test_only_what_a_stage_thaws_changes(make, family, unfrozen, cache):
    material = make(family)
    before = snapshot(material)
    loss = Loss(dropout=0.2, attention_dropout=0.1)
    events = run(material, stage("s", unfrozen, loss=loss, cache=cache), start="random", metric="log_loss")
    assert of(Epoch, events)[-1].number == 2
    assert any(epoch.best for epoch in of(Epoch, events) if epoch.number > 0)  # so that something was written back
    assert changed_levels(material, before) == THAWED[unfrozen]


@pytest.mark.parametrize("cache", ["on", "off"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_frozen_modules_are_in_eval_mode_without_gradients(make, family, cache, dropout, monkeypatch):
    from graft.train import stage as stages

    material = make(family)
    seen = []
    step = stages.StageRun._step

    def watched(self, *args):
        result = step(self, *args)
        module = self.path.module
        modes = {name: part.training for name, part in module.named_modules() if name}
        grads = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
        seen.append((modes, grads, {name for name, p in module.named_parameters() if p.grad is not None}))
        return result

    monkeypatch.setattr(stages.StageRun, "_step", watched)
    run(material, stage("s", 1, 1, loss=Loss(dropout=dropout, attention_dropout=dropout), cache=cache))
    assert len(seen) == 9
    prefix = material.backbone.model.base_model_prefix
    blocks = f"{prefix}.{material.backbone.family.blocks}"
    for modes, grads, _ in seen:
        frozen = (f"{prefix}.embeddings", f"{blocks}.0", f"{blocks}.1")
        assert not [name for name, training in modes.items() if training and name.startswith(frozen)]
        assert not [name for name in grads if name.startswith(frozen)]
        dropouts = [name for name in modes if name.startswith(f"{blocks}.2.") and "dropout" in name]
        assert dropouts or cache == "on"
        assert dropout == 0 or all(modes[name] for name in dropouts)


def test_a_frozen_block_drops_nothing(make, family):
    """With one full-batch step and dropout only below the head, cached and recomputed stages agree on the loss."""
    losses = []
    for cache in ("on", "off"):
        whole = dataclasses.replace(stage("s", 1, 2, lr=1e-9, cache=cache), batches=Batches(rows=144))
        whole = dataclasses.replace(whole, loss=Loss(dropout=0.3, attention_dropout=0.3))
        epochs = of(Epoch, run(make(family), whole, start="random"))
        losses.append([epoch.loss for epoch in epochs[1:]])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[0][0] != pytest.approx(losses[0][1], rel=1e-4)  # there was dropout: two epochs differ


# ------------------------------------------------------------------------------------------------------------- law 4


def best_of(events):
    return [epoch for epoch in of(Epoch, events) if epoch.best][-1]


@pytest.mark.parametrize("lr", [1.0, 100.0])
def test_an_absurd_later_stage_does_no_harm(make, family, lr):
    sane, absurd = stage("sane", 1, 3), stage("absurd", "all", 2, lr=lr)
    alone, both = make(family), make(family)
    run(alone, sane)
    events = run(both, sane, absurd)
    epochs = of(Epoch, events)
    assert epochs[-1].validation["log_loss"] > best_of(events).validation["log_loss"]  # it did go wrong
    assert best_of(events).stage == "sane" or best_of(events).number == 0
    assert validation_of(both)["accuracy"] == validation_of(alone)["accuracy"]
    for name, tensor in alone.backbone.model.state_dict().items():
        assert torch.equal(tensor, both.backbone.model.state_dict()[name])


@pytest.mark.parametrize("lr", [1e20, 1e38])
def test_a_stage_that_overflows_says_so_and_leaves_the_best(make, lr):
    material, sane = make(), make()
    run(sane, stage("sane", 1, 2))
    with pytest.raises(RunError, match="not finite") as caught:
        run(material, stage("sane", 1, 2), stage("absurd", "all", 2, lr=lr))
    assert "--lr" in caught.value.remedy
    for name, tensor in sane.backbone.model.state_dict().items():
        assert torch.equal(tensor, material.backbone.model.state_dict()[name])


@pytest.mark.parametrize("metric", classification.VALIDATION_METRICS)
def test_the_best_by_the_metric_is_what_remains(make, metric):
    material = make()
    stages = (stage("head", 0, 3, lr=1e-2), stage("top", 1, 4, average=True), stage("all", "all", 3, lr=5e-3))
    events = run(material, *stages, metric=metric)
    sign = 1 if METRICS[metric].higher else -1
    epochs = of(Epoch, events)
    assert best_of(events).validation[metric] * sign == max(epoch.validation[metric] * sign for epoch in epochs)
    assert validation_of(material) == pytest.approx(best_of(events).validation, rel=1e-4)


def test_best_flags_mark_each_improvement_and_each_later_tie(make):
    epochs = of(Epoch, run(make(), stage("head", 0, 3, lr=1e-2), stage("all", "all", 3)))
    best = -1.0
    for epoch in epochs:
        value = epoch.validation["accuracy"]
        assert epoch.best == (value > best or (value == best and epoch.number > 0))
        best = max(best, value)
    assert [epoch.number for epoch in epochs] == [0, 1, 2, 3] * 2


ORDERS = {
    "head after blocks": [2, 0],
    "cut again after a lower cut": [1, 2, 1],
    "head after all": ["all", 0],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_a_stage_never_reads_states_of_blocks_that_have_changed(make, family, order):
    material = make(family)
    stages = [stage(f"s{number}", unfrozen, 2, cache="on") for number, unfrozen in enumerate(order)]
    events = run(material, *stages)
    epochs = of(Epoch, events)
    assert validation_of(material) == pytest.approx(best_of(events).validation, rel=1e-4)
    first = next(epoch for epoch in epochs if epoch.stage == stages[-1].name)
    before = [epoch for epoch in epochs if epoch.best and epochs.index(epoch) < epochs.index(first)][-1]
    assert first.validation == pytest.approx(before.validation, rel=1e-4)  # the last stage starts from the best


@pytest.mark.parametrize("head", ["native", "pooled"])
def test_the_artefact_predicts_bit_for_bit_as_the_model_in_memory(make, family, tmp_path, head):
    from types import SimpleNamespace

    material = make(family)
    stages = (stage("head", 0, 1), stage("top", 1, 2)) if head == "native" else (stage("probe", 0, 0),)
    events = run(material, *stages, head=head)
    digest = artefact.save(material.backbone, tmp_path, 64)
    manifest = SimpleNamespace(
        outcome=SimpleNamespace(artefact=digest),
        data=SimpleNamespace(classes=material.classes, task="classification"),
        head=of(HeadRecord, events)[0],
        backbone=material.backbone.record,
    )
    loaded = artefact.load(tmp_path, manifest)
    feed = Feed(material.validation.tokens)
    *_, ours = predict_logits(ModelPath(material.backbone, material.machine), feed, 3, "test")
    *_, theirs = predict_logits(ModelPath(loaded, material.machine), feed, 3, "test")
    np.testing.assert_array_equal(ours, theirs)


# ---------------------------------------------------------------------------------------------------- what is told


def test_events_come_in_order_and_say_what_was_done(make):
    events = run(make(), stage("head", 0, 2), stage("top", 1, 2, cache="on"), stage("all", "all", 1))
    kinds = [type(event) for event in events if not isinstance(event, Progress)]
    assert kinds == [
        Extracted,
        HeadRecord,
        *[Epoch] * 3,
        StageRecord,
        *[Epoch] * 3,
        StageRecord,
        *[Epoch] * 2,
        StageRecord,
        Skipped,
    ]
    head, top, everything = of(StageRecord, events)
    assert [(record.cut, record.cached) for record in (head, top, everything)] == [(3, True), (2, True), (0, False)]
    assert (top.epochs, top.steps) == (2, 18)
    assert 0 <= top.padding < 0.5
    seconds = [epoch.seconds for epoch in of(Epoch, events)]
    assert seconds == sorted(seconds)
    trained = [epoch for epoch in of(Epoch, events) if epoch.number]
    assert len({epoch.tokens for epoch in trained}) == 1
    assert all(epoch.loss > 0 and epoch.tokens_per_second > 0 for epoch in trained)


def test_training_learns_and_cuts_agree_with_recomputing(make, family):
    curves = []
    for cache in ("on", "off"):
        events = run(make(family, rows=480), stage("top", 2, 4, cache=cache), start="random")
        curves.append([epoch.validation["log_loss"] for epoch in of(Epoch, events)])
    assert curves[0] == pytest.approx(curves[1], rel=1e-2)
    assert min(curves[0]) < 0.9 * curves[0][0]


def test_a_fit_repeats_bit_for_bit(make):
    stages = (stage("head", 0, 1), stage("top", 1, 2, loss=Loss(dropout=0.2, attention_dropout=0.2)))
    first, second, other = (make() for _ in range(3))
    run(first, *stages, start="random")
    torch.manual_seed(99)  # what happened before does not matter
    run(second, *stages, start="random")
    run(other, *stages, start="random", seed=1)
    same, again, different = (m.backbone.model.state_dict() for m in (first, second, other))
    assert all(torch.equal(tensor, again[name]) for name, tensor in same.items())
    assert any(not torch.equal(tensor, different[name]) for name, tensor in same.items())


def test_patience_ends_a_stage(make):
    events = run(make(), stage("head", 0, 30, lr=1.0, stopping=Stopping(2)))
    (record,) = of(StageRecord, events)
    epochs = of(Epoch, events)
    assert record.epochs < 30
    assert "without a better one" in record.why
    assert [epoch.best for epoch in epochs[-2:]] == [False, False]
    assert epochs[-3].best


def test_without_a_start_the_head_is_random_and_with_one_it_knows_something(make):
    asked = [of(HeadRecord, run(make(rows=240), stage("s", 1, 0), start=how))[0] for how in ("probe", "random")]
    assert [record.start for record in asked] == ["probe", "random"]
    losses = [
        of(Epoch, run(make(rows=240), stage("s", 1, 0), start=how))[0].validation["log_loss"]
        for how in ("probe", "random")
    ]
    assert losses[0] < losses[1]


def test_a_pooled_head_is_picked_on_validation(make, family):
    material = make(family, rows=240)
    events = run(material, stage("probe", 0, 0), head="pooled")
    (record,) = of(HeadRecord, events)
    assert record.kind == "pooled"
    assert len(record.probe_validation) == 7
    assert record.probe_validation[f"{record.pooling}@{record.depth}"] == max(record.probe_validation.values())
    assert record.probe_validation[f"{record.pooling}@{record.depth}"] == pytest.approx(
        of(Epoch, events)[0].validation["accuracy"]
    )
    assert validation_of(material) == pytest.approx(of(Epoch, events)[0].validation, rel=1e-4)


def test_a_sweep_takes_the_rate_that_is_best_on_validation(make):
    events = run(make(), stage("all", "all", 1), sweep=(1e-7, 2e-3, 10.0), metric="log_loss")
    trials = of(Trial, events)
    assert [trial.lr for trial in trials] == [1e-7, 2e-3, 10.0]
    chosen = min(trials, key=lambda trial: trial.validation["log_loss"])
    (record,) = of(StageRecord, events)
    assert "sweep" in record.why
    assert record.trials == tuple(trials)
    assert chosen.lr != 10.0


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_masters_are_kept_in_fp32(make, precision):
    material = make(precision=precision)
    run(material, stage("top", 1, 2))
    assert {tensor.dtype for tensor in material.backbone.model.parameters()} == {torch.float32}
    name = next(n for n, p in material.backbone.model.named_parameters() if ".2." in n and p.dim() > 1)
    weight = material.backbone.model.get_parameter(name)
    assert not torch.equal(weight, weight.bfloat16().float())
