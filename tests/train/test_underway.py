"""Steps that go wrong: a number that is none stops at once or is left out, and short memory makes smaller parts."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from graft.backbone.heads import PairedHead
from graft.backbone.model import HEAD
from graft.backbone.paths import Feed, ModelPath
from graft.data.targets import Codes
from graft.data.tokens.pairs import tokenize_pairs
from graft.errors import GraftError, NotFinite
from graft.machine import is_out_of_memory
from graft.records import Batches, Epoch, Loss, Optimiser, Progress, Recipe, Said, Skip, Skipped, Stage
from graft.tasks.classification import CrossEntropy
from graft.train.checkpoint import Checkpoints
from graft.train.feeding import thawed
from graft.train.fit import fit
from graft.train.material import Labelled
from graft.train.objective import Plain, objective_of
from graft.train.stage import StageRun
from graft.train.underway import MOST_IN_A_ROW, UnderWay

STAGE = Stage("all", "all", 2, Optimiser(lr=1e-3, warmup=0.0), Batches(16), Loss())
RECIPE = Recipe("test", (STAGE,), start="random")
SKIP = dataclasses.replace(RECIPE, on_nonfinite="skip")


def run_of(material, stage):
    path = ModelPath(material.backbone, material.machine)
    path.set_dropout(0.0, 0.0)
    return StageRun(material, stage, path, thawed(material, stage, path), objective_of(material, stage, ""), (0, 0))


def poisoned(monkeypatch, rows, value=float("nan"), gradient=False):
    """From now on the loss (or only its gradient) of these train rows is no number."""
    losses = CrossEntropy.losses

    def spoiled(self, logits_BC, chosen):
        found = losses(self, logits_BC, chosen)
        if not np.isin(rows, chosen).any():
            return found
        if gradient:
            return found + (logits_BC * 0).abs().sqrt().sum()  # 0 forward, and a gradient of 0 times infinity
        return found * value

    monkeypatch.setattr(CrossEntropy, "losses", spoiled)


def weights_of(material):
    return {name: tensor.clone() for name, tensor in material.backbone.model.state_dict().items()}


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_fit_stops_within_the_step_and_names_the_row(make, monkeypatch, value):
    poisoned(monkeypatch, [17], value)
    material, events = make(), []
    with pytest.raises(NotFinite) as caught:
        events.extend(fit(material, RECIPE))
    assert caught.value.rows == (17,)
    assert "because of 1 of the 16 texts" in caught.value.found
    assert "--on-nonfinite skip" in caught.value.remedy


def test_a_gradient_alone_stops_it_too(make, monkeypatch):
    poisoned(monkeypatch, [17], gradient=True)
    with pytest.raises(NotFinite) as caught:
        list(fit(make(), RECIPE))
    assert 17 in caught.value.rows
    assert len(caught.value.rows) == 16  # no text's own loss shows it


def test_no_weight_moves_by_such_a_step(make, monkeypatch):
    """The masters after the stop are those of before the step: the run of the steps before it alone."""
    poisoned(monkeypatch, range(144))
    seen = []
    step = StageRun._judge

    def watched(self, found, order, feed):
        seen.append({name: master.clone() for name, master in self.weights.named().items()})
        return step(self, found, order, feed)

    monkeypatch.setattr(StageRun, "_judge", watched)
    material = make()
    before = weights_of(material)
    with pytest.raises(NotFinite):
        list(fit(material, RECIPE))
    assert len(seen) == 1
    assert all(torch.equal(master, before[name]) for name, master in seen[0].items())


def test_skipping_goes_on_without_the_step_and_records_it(make, monkeypatch):
    poisoned(monkeypatch, [17, 90])
    material = make()
    events = list(fit(material, SKIP))
    skips = of(Skip, events)
    assert {row for skip in skips for row in skip.rows} == {17, 90}
    assert all(np.isfinite(epoch.loss) for epoch in of(Epoch, events) if epoch.number)
    (skipped,) = of(Skipped, events)
    assert skipped.steps == len(skips)
    assert skipped.first == tuple(skips)
    assert all(torch.isfinite(tensor).all() for tensor in material.backbone.model.state_dict().values())


def test_resume_is_exact_with_steps_left_out(make, monkeypatch, tmp_path):
    poisoned(monkeypatch, [17, 90])
    monkeypatch.setattr("os.fsync", lambda _: None)
    material = make()
    whole = list(fit(material, SKIP))
    under_way = fit(make(), SKIP, Checkpoints(tmp_path, every=0))
    for _ in range(3):
        next(event for event in under_way if isinstance(event, Skip))
    under_way.close()
    last = make()
    again = list(fit(last, SKIP, Checkpoints(tmp_path)))
    assert of(Skipped, again) == of(Skipped, whole)
    assert all(torch.equal(t, last.backbone.model.state_dict()[n]) for n, t in weights_of(material).items())


def test_skipping_has_an_end(make, monkeypatch):
    """Where every step is no good it is not the texts."""
    poisoned(monkeypatch, range(1000))
    events = []
    with pytest.raises(NotFinite):
        events.extend(fit(make(rows=16 * (MOST_IN_A_ROW + 2)), SKIP))  # takes in what came before the error
    assert len(of(Skip, events)) == MOST_IN_A_ROW - 1


def test_an_epoch_without_a_good_step_has_no_loss(make, monkeypatch):
    poisoned(monkeypatch, range(1000))
    with pytest.raises(NotFinite):
        list(fit(make(rows=48), SKIP))


def test_steps_in_a_row_are_counted():
    way = UnderWay(1)
    assert [way.leave_out(step) for step in (0, 1, 3, 4)] == [True] * 4
    assert way.in_a_row == 2
    way.losses = {5: torch.tensor(1.0)}
    assert all(way.leave_out(step) for step in range(5, 5 + MOST_IN_A_ROW - 3))
    assert way.losses == {}
    assert not way.leave_out(5 + MOST_IN_A_ROW - 3)


def test_counts_of_checkpoints_from_before_rows_were_spared_are_read():
    def standing(way):
        return way.budget, way.step, way.crossed, way.tokens, way.padded, way.all_steps

    way = UnderWay(64)
    way.count(np.array([3, 4]), np.array([4, 4]))
    way.finish()
    way.count(np.array([2, 2]), np.array([2, 2]))
    tensors = way.state([]) | {"taken": torch.tensor(5)}
    again = UnderWay(1)
    again.restore(tensors, torch.device("cpu"))
    assert standing(again) == (64, 1, 4, 11, 12, 2)
    for counts, wanted in {(64, 1, -1, 0, 7, 70, 80): 7, (64, 1, -1, 0, 70, 80): 0}.items():
        tensors["epoch.counts"] = torch.tensor(counts)
        again.restore(tensors, torch.device("cpu"))
        assert standing(again) == (64, 1, wanted, 70, 80, 5)


# ------------------------------------------------------------------------------------------------------------- memory


def narrow(monkeypatch, tokens, error):
    """From now on more padded tokens than these do not go through a model at once."""
    loss = Plain.loss

    def bounded(self, path, feed, rows):
        if len(rows) * feed.tokens.lengths[rows].max() > tokens:
            raise error
        return loss(self, path, feed, rows)

    monkeypatch.setattr(Plain, "loss", bounded)


ERRORS = [
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to …"),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("could not create a primitive"),
]


@pytest.mark.parametrize("error", ERRORS, ids=["python", "cpu", "gpu", "onednn"])
def test_short_memory_makes_smaller_parts_with_the_same_result(make, monkeypatch, error):
    events = []
    for tokens in (10**9, 60):
        with monkeypatch.context() as patch:
            narrow(patch, tokens, error)
            events.append(list(fit(make(), RECIPE)))
    said = of(Said, events[1])
    assert not of(Said, events[0])
    assert 0 < len(said) < 10
    assert "Memory was short" in said[0].text
    losses = [[epoch.loss for epoch in of(Epoch, found) if epoch.number] for found in events]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_smaller_parts_give_the_same_gradient(make, monkeypatch):
    gradients = []
    for tokens in (10**9, 60):
        with monkeypatch.context() as patch:
            narrow(patch, tokens, MemoryError())
            material = make()
            run = run_of(material, STAGE)
            list(itertools.takewhile(lambda e: not isinstance(e, Progress), run.epoch(1, Feed(material.train.tokens))))
            gradients.append(torch.cat([gradient.flatten() for gradient in run.weights.gradients]))
    assert float((gradients[0] - gradients[1]).norm() / gradients[0].norm()) < 1e-6


def test_what_does_not_fit_at_all_says_what_would(make, monkeypatch):
    narrow(monkeypatch, 5, MemoryError())
    with pytest.raises(GraftError, match="not enough memory") as caught:
        list(fit(make(), RECIPE))
    assert "--max-tokens" in caught.value.remedy


def test_of_a_pair_whose_texts_cross_apart_its_longer_text_is_what_does_not_fit(make, monkeypatch):
    material = make()
    backbone = material.backbone
    tokens, _ = tokenize_pairs([("a", "word " * 20)] * 24, backbone.tokenizer.backend_tokenizer, 64, "apart")
    targets = Codes(np.arange(24, dtype=np.int32) % 3)
    backbone.model.add_module(HEAD, PairedHead(backbone.record.width, 3, "mean", backbone.record.blocks))
    run = run_of(dataclasses.replace(material, train=Labelled(tokens, targets)), STAGE)
    narrow(monkeypatch, 5, MemoryError())
    longest = int((tokens.lengths - tokens.firsts).max())
    with pytest.raises(GraftError, match=f"a pair of texts of {longest} tokens") as caught:
        list(run.epoch(1, Feed(tokens)))
    assert f"--max-tokens {longest // 2})" in caught.value.remedy


def test_other_errors_are_no_matter_of_memory(make, monkeypatch):
    narrow(monkeypatch, 5, RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes"):
        list(fit(make(), RECIPE))
    assert not is_out_of_memory(ValueError("out of memory"))
