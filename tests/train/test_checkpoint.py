"""Law 6, resume is exact: a fit stopped anywhere and gone on with ends as the uninterrupted one, bit for bit."""

from __future__ import annotations

import dataclasses
import itertools
import shutil

import pytest
import torch
from safetensors.torch import load_file

from graft.errors import RunError
from graft.records import (
    Batches,
    Epoch,
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
from graft.train import pooled
from graft.train.checkpoint import Best, Checkpoints, State, Sweep, copied, put
from graft.train.fit import fit

DROPOUT = Loss(dropout=0.2, attention_dropout=0.1)
HEAD = Stage("head", 0, 3, Optimiser(lr=2e-2), Batches(48), stopping=Stopping(2))
TOP = Stage("top", 1, 3, Optimiser(lr=5e-3), Batches(48), DROPOUT, cache="on")
ALL = Stage("all", "all", 2, Optimiser(lr=3e-3, layer_decay=0.8), Batches(48), DROPOUT)
RECIPE = Recipe("test", (HEAD, TOP), start="random")


@pytest.fixture(autouse=True)
def _quick_disk(monkeypatch):
    """What a flush guards against, a loss of power, no test brings about."""
    monkeypatch.setattr("os.fsync", lambda _: None)


def at_each_step(folder):
    return Checkpoints(folder, every=0)


def told(events):
    """What epochs and stages said, without seconds."""
    epochs = [
        (e.stage, e.number, e.loss, tuple(e.validation.items()), e.tokens, e.best)
        for e in events
        if isinstance(e, Epoch)
    ]
    stages = [
        (e.name, e.cut, e.cached, e.epochs, e.steps, e.padding, "spared" in e.why)
        for e in events
        if isinstance(e, StageRecord)
    ]
    return epochs, stages


def finished(material, recipe, checkpoints=None):
    events = list(fit(material, recipe, checkpoints))
    return material.backbone.model.state_dict(), told(events)


def stopped(material, recipe, folder, count):
    """Run a fit for `count` events, then drop it; returns whether it had more to do."""
    under_way = fit(material, recipe, at_each_step(folder))
    for _ in range(count):
        if next(under_way, None) is None:
            return False
    under_way.close()
    return True


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def is_step(event):
    return isinstance(event, Progress) and event.phase.startswith("top")


def resumed_everywhere(make, recipe, root, wanted):
    """A fit, and from what lay on the disk at each wanted event a fit that goes on: all of them to the same end.

    Yields how many events of that kind there were, and the events of each fit that went on.
    """
    material, events, count, due = make(), [], 0, False
    for event in fit(material, recipe, at_each_step(root / "whole")):
        events.append(event)
        is_wanted = wanted(event)
        count += is_wanted
        if (is_wanted or due) and (root / "whole").is_dir():
            shutil.copytree(root / "whole", root / f"{len(events)} {count}")
        due = is_wanted and not is_step(event)  # one event later, too: what is written between two
    expected, story = material.backbone.model.state_dict(), told(events)
    for folder in sorted(root.glob("* *")):
        again = make()
        found = list(fit(again, recipe, Checkpoints(folder)))
        assert_same(again.backbone.model.state_dict(), expected)
        assert told(found) == story
        yield int(folder.name.split()[1]), count, found


@pytest.mark.parametrize(("family", "start"), [("roberta", "random"), ("distilbert", "random"), ("bert", "probe")])
def test_resume_is_exact_at_every_epoch(make, family, tmp_path, start):
    recipe = dataclasses.replace(RECIPE, start=start)
    assert len(list(resumed_everywhere(lambda: make(family), recipe, tmp_path, lambda e: isinstance(e, Epoch)))) >= 12


CUTS = Stage("top", 1, 2, Optimiser(lr=5e-3), Batches(48), DROPOUT, cache="on")
WAYS = {  # how a stage may step: from cached states or not, in parts or whole, texts of like length together or not
    f"{thawed} {cache} {tokens} {bucket}": dataclasses.replace(
        CUTS, unfrozen=thawed, cache=cache, batches=Batches(48, tokens, bucket)
    )
    for thawed, cache, tokens, bucket in (
        *itertools.product((1,), ("on", "off"), (16384, 200), (True, False)),
        *itertools.product((0, "all"), ("on",), (16384, 200), (True,)),
    )
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_resume_is_exact_at_every_step(make, tmp_path, way):
    """Whatever a stage steps through: each step's checkpoint leads to the same end, and no step is done again."""
    seen = set()
    recipe = Recipe("test", (way,), start="random")
    for number, count, again in resumed_everywhere(make, recipe, tmp_path, is_step):
        assert count == 6
        assert sum(map(is_step, again)) <= count - number
        seen.add(number)
    assert seen == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(("thawed", "tokens", "bucket"), [(1, 100, True), ("all", 16384, False)])
def test_resume_is_exact_where_rows_are_spared(make, tmp_path, thawed, tokens, bucket):
    """Later epochs have fewer steps, each of which stands for more of the schedule's, and other rows cross."""
    batches = Batches(12, tokens, bucket, keep=0.2)
    stage = dataclasses.replace(CUTS, unfrozen=thawed, batches=batches, epochs=3, average=True, snapshots=2)
    recipe = Recipe("test", (stage,), start="random")
    counts = {count for _, count, _ in resumed_everywhere(make, recipe, tmp_path, is_step)}
    assert len(counts) == 1
    assert 12 < counts.pop() < 3 * 12


def test_a_checkpoint_changes_nothing(make, tmp_path):
    """Also not for rows of the embeddings whose moves are made up for later."""
    recipe = dataclasses.replace(RECIPE, stages=(ALL,))
    expected, story = finished(make(), recipe)
    found, again = finished(make(), recipe, at_each_step(tmp_path))
    assert_same(found, expected)
    assert again == story


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_resume_is_exact_however_often_it_is_stopped(make, tmp_path, precision):
    recipe = dataclasses.replace(RECIPE, stages=(HEAD, TOP, ALL))
    expected, story = finished(make(precision=precision), recipe)
    count = 9
    while stopped(make(precision=precision), recipe, tmp_path, count):
        count += 6
        assert count < 200
    found, again = finished(make(precision=precision), recipe, at_each_step(tmp_path))
    assert_same(found, expected)
    assert again == story


def test_resume_is_exact_after_an_error_and_without_the_cache(make, tmp_path, monkeypatch, tmp_path_factory):
    expected, _ = finished(make(), RECIPE)
    under_way = fit(make(), RECIPE, at_each_step(tmp_path))
    while not isinstance(event := next(under_way), Epoch) or (event.stage, event.number) != ("top", 2):
        pass
    with pytest.raises(KeyboardInterrupt):
        under_way.throw(KeyboardInterrupt)
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path_factory.mktemp("another-cache")))
    found, _ = finished(make(), RECIPE, at_each_step(tmp_path))
    assert_same(found, expected)


def test_resume_is_exact_with_averaged_weights(make, tmp_path):
    averaged = dataclasses.replace(TOP, epochs=3, average=True, snapshots=2)
    recipe = dataclasses.replace(RECIPE, stages=(averaged,))
    assert len(list(resumed_everywhere(make, recipe, tmp_path, is_step))) >= 8


def test_resume_is_exact_with_a_sweep(make, tmp_path):
    recipe = Recipe("test", (TOP, ALL), start="random", sweep=(1e-4, 3e-3))
    assert list(resumed_everywhere(make, recipe, tmp_path, lambda e: isinstance(e, (Trial, StageRecord))))


def test_a_pooled_head_goes_on_at_its_pooling_and_depth_whatever_would_be_chosen_now(make, tmp_path, monkeypatch):
    recipe = Recipe("test", (HEAD, ALL), head="pooled")
    expected, story = finished(make(), recipe)
    under_way = fit(make(), recipe, at_each_step(tmp_path))
    while not isinstance(event := next(under_way), Epoch) or event.number < 2:
        pass
    under_way.close()
    best = pooled._Contest.best
    monkeypatch.setattr(pooled._Contest, "best", lambda self, count, among: best(self, len(among), among)[::-1][:count])
    found, again = finished(make(), recipe, at_each_step(tmp_path))
    assert_same(found, expected)
    assert again == story


def test_a_finished_fit_is_not_trained_again(make, tmp_path):
    expected, story = finished(make(), RECIPE, at_each_step(tmp_path))
    material = make()
    events = list(fit(material, RECIPE, at_each_step(tmp_path)))
    assert_same(material.backbone.model.state_dict(), expected)
    assert told(events) == story
    assert not [event for event in events if isinstance(event, Progress) and event.phase.startswith(("head", "top"))]


def test_checkpoints_do_not_pile_up(make, tmp_path):
    for _ in fit(make(), RECIPE, at_each_step(tmp_path)):
        assert len(list(tmp_path.iterdir())) <= 6  # two states, each with the best and the last
    assert {path.name.split("-")[0] for path in tmp_path.iterdir()} == {"state.json", "best"}


def test_within_a_stage_checkpoints_are_a_while_apart(make, tmp_path):
    states = []
    for event in fit(make(), RECIPE, Checkpoints(tmp_path, every=1e9)):
        if isinstance(event, (Epoch, StageRecord)):
            found = Checkpoints(tmp_path).state()
            states.append((found.stage, found.epoch) if found else None)
    assert set(states) == {None, (1, 0), (2, 0)}


def test_a_checkpoint_that_takes_long_is_followed_by_a_longer_pause(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("graft.train.checkpoint.time.perf_counter", lambda: now[0])
    checkpoints = Checkpoints(tmp_path, every=60)
    now[0] = 61.0
    assert checkpoints.is_due

    class Slow(dict):
        def items(self):
            now[0] += 10.0
            return super().items()

    checkpoints.save(state_of(), {}, Slow(m=torch.ones(2)))
    took = now[0] - 61.0
    now[0] += 19 * took
    assert not checkpoints.is_due
    now[0] += took
    assert checkpoints.is_due


# --------------------------------------------------------------------------------------------------------- the files


def state_of(**changes):
    state = State(0, 1, Best("s", 1, 0.5), 0, Sweep(), (), (), Skipped(), 2.0)
    return dataclasses.replace(state, **changes)


@pytest.fixture
def written(tmp_path):
    Checkpoints(tmp_path).save(state_of(), {"a": torch.arange(6.0).view(2, 3)}, {"m": torch.ones(2)})
    return tmp_path


@pytest.fixture
def twice(written):
    """Two checkpoints, the second with other weights."""
    found = Checkpoints(written)
    found.state()
    found.save(state_of(epoch=2), {"a": torch.zeros(2, 3)}, {"m": torch.zeros(2)})
    return written


def test_what_is_committed_comes_back(written):
    found = Checkpoints(written)
    assert dataclasses.replace(found.state(), files={}) == state_of()
    assert torch.equal(found.load("best")["a"], torch.arange(6.0).view(2, 3))
    assert torch.equal(found.load("last")["m"], torch.ones(2))


def test_nothing_committed(tmp_path):
    found = Checkpoints(tmp_path / "none")
    assert found.state() is None
    assert found.load("best") == {}


def test_the_best_is_written_once(written):
    found = Checkpoints(written)
    found.state()
    found.save(state_of(epoch=2), None, {"m": torch.zeros(2)})
    again = Checkpoints(written)
    assert again.state().epoch == 2
    assert torch.equal(again.load("best")["a"], torch.arange(6.0).view(2, 3))
    assert torch.equal(again.load("last")["m"], torch.zeros(2))


def test_two_states_are_kept_and_no_more(twice):
    found = Checkpoints(twice)
    found.state()
    found.save(state_of(epoch=3), None, None)
    assert sorted(path.name for path in twice.iterdir()) == [
        "best-000002.safetensors",
        "last-000002.safetensors",
        "previous.json",
        "state.json",
    ]
    found.tidy()
    assert sorted(path.name for path in twice.iterdir()) == ["best-000002.safetensors", "state.json"]


def test_what_cannot_be_read_back_is_not_committed(written, monkeypatch):
    monkeypatch.setattr("graft.train.checkpoint._same", lambda *_: False)
    found = Checkpoints(written)
    found.state()
    with pytest.raises(OSError, match="read back"):
        found.save(state_of(epoch=2), {"a": torch.zeros(1)}, None)
    assert Checkpoints(written).state().epoch == 1
    assert sorted(path.name for path in written.iterdir()) == [
        "best-000001.safetensors",
        "last-000001.safetensors",
        "state.json",
    ]


DAMAGES = {
    "missing": lambda _: None,
    "cut": lambda content: content[:-3],
    "changed": lambda content: content[:-1] + b"\x07",
    "empty": lambda _: b"",
}


def damage(path, kind):
    content = DAMAGES[kind](path.read_bytes())
    path.unlink() if content is None else path.write_bytes(content)


@pytest.mark.parametrize("name", ["best-000002.safetensors", "last-000002.safetensors", "state.json"])
@pytest.mark.parametrize("kind", DAMAGES)
def test_where_the_newest_is_damaged_the_one_before_serves_and_it_is_said(twice, name, kind):
    damage(twice / name, kind)
    found = Checkpoints(twice)
    assert found.state().epoch == 1
    assert torch.equal(found.load("best")["a"], torch.arange(6.0).view(2, 3))
    assert (kind == "missing" and name == "state.json") or str(twice / name) in found.damage
    found.save(state_of(epoch=5), None, None)
    assert Checkpoints(twice).state().epoch == 5
    damage(twice / "state.json", "cut")
    assert Checkpoints(twice).state().epoch == 1  # what was damaged has not taken the intact one's place


@pytest.mark.parametrize("name", ["best-000001.safetensors", "last-000001.safetensors"])
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_named_where_no_other_is_left(written, name, kind):
    damage(written / name, kind)
    with pytest.raises(RunError, match="missing or damaged") as caught:
        Checkpoints(written).state()
    assert str(written / name) in caught.value.found
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
    lucky = Best("all", 0, 0.5, untaught=True)  # a random head before its first step
    assert lucky.beaten_by(0.0, 1)
    assert not lucky.beaten_by(float("nan"), 1)
