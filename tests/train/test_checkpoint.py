"""Law 6, resume is exact: a fit stopped anywhere and gone on with ends as the uninterrupted one, bit for bit."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from safetensors.torch import load_file

from graft.errors import RunError
from graft.records import Batches, Epoch, Loss, Optimiser, Progress, Recipe, Stage, StageRecord, Stopping, Trial
from graft.train import fit as fits
from graft.train.checkpoint import Best, Checkpoints, State, copied, put
from graft.train.fit import fit

DROPOUT = Loss(dropout=0.2, attention_dropout=0.1)
HEAD = Stage("head", 0, 3, Optimiser(lr=2e-2), Batches(48), stopping=Stopping(2))
TOP = Stage("top", 1, 3, Optimiser(lr=5e-3), Batches(48), DROPOUT, cache="on")
ALL = Stage("all", "all", 2, Optimiser(lr=3e-3, layer_decay=0.8), Batches(48), DROPOUT)
RECIPE = Recipe("test", (HEAD, TOP), start="random")


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr(fits, "SAVE_EVERY", 0.0)


def told(events):
    """What epochs and stages said, without seconds."""
    epochs = [(e.stage, e.number, e.loss, tuple(e.validation.items()), e.best) for e in events if isinstance(e, Epoch)]
    stages = [(e.name, e.cut, e.cached, e.epochs, e.steps) for e in events if isinstance(e, StageRecord)]
    return epochs, stages


def finished(material, recipe, checkpoints=None):
    events = list(fit(material, recipe, checkpoints))
    return material.backbone.model.state_dict(), told(events)


def stopped(material, recipe, folder, count):
    """Run a fit for `count` events, then drop it; returns whether it had more to do."""
    under_way = fit(material, recipe, Checkpoints(folder))
    for _ in range(count):
        if next(under_way, None) is None:
            return False
    under_way.close()
    return True


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def places(events, kind):
    """After how many events a fit is stopped: at each event of this kind, and one event later."""
    found = [place for place, event in enumerate(events, start=1) if isinstance(event, kind)]
    return sorted({*found, *(place + 1 for place in found)})


@pytest.mark.parametrize(
    ("family", "start"), [("bert", "random"), ("roberta", "random"), ("distilbert", "random"), ("bert", "probe")]
)
def test_resume_is_exact_at_every_epoch(make, family, tmp_path, start):
    recipe = dataclasses.replace(RECIPE, start=start)
    material = make(family)
    events = list(fit(material, recipe))
    expected, story = material.backbone.model.state_dict(), told(events)
    for place in places(events, Epoch):
        folder = tmp_path / str(place)
        stopped(make(family), recipe, folder, place)
        found, again = finished(make(family), recipe, Checkpoints(folder))
        assert_same(found, expected)
        assert again == story


def test_resume_is_exact_within_an_epoch(make, tmp_path):
    material = make()
    events = list(fit(material, RECIPE))
    for place in places(events, Progress)[::3]:
        folder = tmp_path / str(place)
        stopped(make(), RECIPE, folder, place)
        found, again = finished(make(), RECIPE, Checkpoints(folder))
        assert_same(found, material.backbone.model.state_dict())
        assert again == told(events)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_resume_is_exact_however_often_it_is_stopped(make, tmp_path, precision):
    recipe = dataclasses.replace(RECIPE, stages=(HEAD, TOP, ALL))
    expected, story = finished(make(precision=precision), recipe)
    count = 9
    while stopped(make(precision=precision), recipe, tmp_path, count):
        count += 6
        assert count < 200
    found, again = finished(make(precision=precision), recipe, Checkpoints(tmp_path))
    assert_same(found, expected)
    assert again == story


def test_resume_is_exact_after_an_error_and_without_the_cache(make, tmp_path, monkeypatch, tmp_path_factory):
    expected, _ = finished(make(), RECIPE)
    under_way = fit(make(), RECIPE, Checkpoints(tmp_path))
    while not isinstance(event := next(under_way), Epoch) or (event.stage, event.number) != ("top", 2):
        pass
    with pytest.raises(KeyboardInterrupt):
        under_way.throw(KeyboardInterrupt)
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path_factory.mktemp("another-cache")))
    found, _ = finished(make(), RECIPE, Checkpoints(tmp_path))
    assert_same(found, expected)


def test_resume_is_exact_with_averaged_weights(make, tmp_path):
    averaged = dataclasses.replace(TOP, epochs=5, average=True)
    recipe = dataclasses.replace(RECIPE, stages=(averaged,))
    material = make()
    events = list(fit(material, recipe))
    for place in places(events, Epoch):
        folder = tmp_path / str(place)
        stopped(make(), recipe, folder, place)
        found, again = finished(make(), recipe, Checkpoints(folder))
        assert_same(found, material.backbone.model.state_dict())
        assert again == told(events)


def test_resume_is_exact_with_a_sweep(make, tmp_path):
    recipe = Recipe("test", (TOP, ALL), start="random", sweep=(1e-4, 3e-3))
    material = make()
    events = list(fit(material, recipe))
    assert sum(isinstance(event, Trial) for event in events) == 2
    for place in (*places(events, Trial), len(events) - 4, len(events) - 1):
        folder = tmp_path / str(place)
        stopped(make(), recipe, folder, place)
        found, again = finished(make(), recipe, Checkpoints(folder))
        assert_same(found, material.backbone.model.state_dict())
        assert again == told(events)


def test_a_finished_fit_is_not_trained_again(make, tmp_path):
    expected, story = finished(make(), RECIPE, Checkpoints(tmp_path))
    material = make()
    events = list(fit(material, RECIPE, Checkpoints(tmp_path)))
    assert_same(material.backbone.model.state_dict(), expected)
    assert told(events) == story
    assert not [event for event in events if isinstance(event, Progress) and event.phase.startswith(("head", "top"))]


def test_checkpoints_do_not_pile_up(make, tmp_path):
    for event in fit(make(), RECIPE, Checkpoints(tmp_path)):
        if isinstance(event, Epoch):
            assert len(list(tmp_path.iterdir())) <= 4  # best, last, state, and what is just being replaced
    assert {path.name.split("-")[0] for path in tmp_path.iterdir()} == {"state.json", "best"}


def test_within_a_stage_checkpoints_are_a_while_apart(make, tmp_path, monkeypatch):
    monkeypatch.setattr(fits, "SAVE_EVERY", 1e9)
    states = []
    for event in fit(make(), RECIPE, Checkpoints(tmp_path)):
        if isinstance(event, (Epoch, StageRecord)):
            found = Checkpoints(tmp_path).state()
            states.append((found.stage, found.epoch) if found else None)
    assert set(states) == {None, (1, 0), (2, 0)}


# --------------------------------------------------------------------------------------------------------- the files


def state_of(**changes):
    state = State(0, 1, Best("s", 1, 0.5), 0, None, (), (), 2.0, {})
    return dataclasses.replace(state, **changes)


@pytest.fixture
def written(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.keep_best({"a": torch.arange(6.0).view(2, 3)}, 1)
    checkpoints.keep_last({"m": torch.ones(2)}, 1)
    checkpoints.commit(state_of())
    return tmp_path


def test_what_is_committed_comes_back(written):
    found = Checkpoints(written)
    state = found.state()
    assert dataclasses.replace(state, files={}) == state_of()
    assert torch.equal(found.load("best")["a"], torch.arange(6.0).view(2, 3))
    assert torch.equal(found.load("last")["m"], torch.ones(2))


def test_nothing_committed(tmp_path):
    found = Checkpoints(tmp_path / "none")
    assert found.state() is None
    assert found.load("best") == {}


def test_a_kill_between_two_writes_leaves_the_state_before(written):
    under_way = Checkpoints(written)
    under_way.state()
    under_way.keep_best({"a": torch.zeros(2, 3)}, 2)
    found = Checkpoints(written)
    assert found.state().epoch == 1
    assert torch.equal(found.load("best")["a"], torch.arange(6.0).view(2, 3))


def test_a_commit_removes_what_it_replaces(written):
    found = Checkpoints(written)
    found.state()
    found.keep_best({"a": torch.zeros(1)}, 2)
    found.forget_last()
    found.commit(state_of(epoch=2))
    assert sorted(path.name for path in written.iterdir()) == ["best-000002.safetensors", "state.json"]


@pytest.mark.parametrize("name", ["best-000001.safetensors", "last-000001.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_a_damaged_file_is_named(written, name, damage):
    path = written / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content[:-3] if damage == "cut" else content[:-1] + b"\x07")
    with pytest.raises(RunError, match="missing or damaged") as caught:
        Checkpoints(written).state()
    assert str(path) in caught.value.found
    assert caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"stage": 1}', b"\xff\xfe"])
def test_a_damaged_state_is_named(written, content):
    (written / "state.json").write_bytes(content)
    with pytest.raises(RunError, match="damaged") as caught:
        Checkpoints(written).state()
    assert str(written / "state.json") in caught.value.found


def test_a_checkpoint_of_another_model_is_refused_before_training(make, tmp_path):
    stopped(make("bert"), RECIPE, tmp_path, 12)
    assert Checkpoints(tmp_path).state() is not None
    with pytest.raises(RunError, match="another model"):
        list(fit(make("roberta"), RECIPE, Checkpoints(tmp_path)))


def test_tensors_are_stored_as_safetensors_in_fp32(written):
    assert load_file(written / "best-000001.safetensors")["a"].dtype == torch.float32


def test_a_copy_is_the_callers_own():
    weight = torch.nn.Parameter(torch.ones(2))
    kept = copied({"w": weight})
    with torch.no_grad():
        weight.zero_()
    assert kept["w"].tolist() == [1, 1]
    assert not kept["w"].requires_grad


def test_put_reaches_parameters_and_buffers():
    module = torch.nn.BatchNorm1d(2)
    put({"weight": torch.tensor([3.0, 4.0]), "running_mean": torch.tensor([5.0, 6.0])}, module)
    assert module.weight.tolist() == [3, 4]
    assert module.running_mean.tolist() == [5, 6]


def test_the_better_one_wins_and_ties_are_broken():
    best = Best("s", 1, 0.5)
    assert Best().beaten_by(-1e9, 0)
    assert best.beaten_by(0.6, 0)
    assert best.beaten_by(0.5, 2)  # a tie goes to the later epoch,
    assert not best.beaten_by(0.5, 0)  # but not to the same weights at the start of the next stage
    assert not best.beaten_by(0.4, 2)
    assert not best.beaten_by(float("nan"), 2)
