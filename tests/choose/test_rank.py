"""Ranking: every depth of every candidate scored from one pass over a sample of train, within the time."""

from __future__ import annotations

import json
import shutil
import time

import pytest
import torch

from graft.backbone.features import Extractor, Wanted
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.cache.store import Store
from graft.choose.candidates import Named, named
from graft.choose.entrant import Measured
from graft.choose.rank import rank
from graft.choose.sample import Sample
from graft.choose.score import scores
from graft.data.tokens.tokens import tokenize
from graft.records import Unranked


def ranked(wanted, splits, machine, store, **settings):
    sample = Sample(splits.train, splits.classes, 64, **settings)
    events = list(rank(wanted, sample, machine, store, 0))
    return [event for event in events if isinstance(event, Measured | Unranked)], events


def test_every_depth_of_every_model_is_scored(models, splits, machine, tmp_path):
    found, _ = ranked(named([str(models)]), splits, machine, Store(tmp_path))
    assert [one.model.name for one in found] == [str(models / name) for name in ("bert", "distilbert", "roberta")]
    for one, blocks in zip(found, (3, 2, 2), strict=True):
        assert one.model.blocks == blocks
        assert one.depths == tuple(range(1, blocks + 1))
        assert {view.depth for view in one.views} == set(one.depths)
        assert list(one.sizes) == sorted(set(one.sizes))
        assert one.rows == len(splits.train)
        assert max(view.probe for view in one.views) > 0.8
        assert one.pace.seconds_per_token > 0


def test_the_scores_are_those_of_the_states_at_that_depth(models, splits, machine, tmp_path):
    (found,), _ = ranked([Named(str(models / "bert"))], splits, machine, Store(tmp_path / "a"))
    backbone = load(hub.locate(f"{models / 'bert'}@2"), splits.classes)
    sample = Sample(splits.train, splits.classes, 64)
    tokens = tokenize(splits.train.texts.take(sample.order), backbone.tokenizer.backend_tokenizer, 64)[0]
    extractor = Extractor(backbone, machine, Store(tmp_path / "b"))
    list(extractor.run(tokens, Wanted((2,))))
    mean = extractor.features.pooled[2][:, 1]
    expected = scores(mean, torch.from_numpy(splits.train.codes[sample.order]).long())
    view = next(view for view in found.views if (view.pooling, view.depth) == ("mean", 2))
    assert view.probe == pytest.approx(expected.probe, abs=0.01)
    assert view.log_me == pytest.approx(expected.log_me, abs=1e-4)
    assert view.h_score == pytest.approx(expected.h_score, rel=1e-4)


def test_a_depth_that_was_named_is_the_only_candidate_of_its_model(models, splits, machine, tmp_path):
    (found,), _ = ranked(named([f"{models / 'bert'}@2"]), splits, machine, Store(tmp_path))
    assert found.depths == (2,)


def test_of_several_depths_that_were_named_the_impossible_are_told_and_the_others_go_on(
    models, splits, machine, tmp_path
):
    names = [f"{models / 'bert'}@{depth}" for depth in (9, 2, 0, 1)]
    found, _ = ranked(named(names), splits, machine, Store(tmp_path))
    *none, one = found
    assert [(each.name, each.why) for each in none] == [
        (name, f"it has 3 blocks, so there is no {name}") for name in (names[2], names[0])
    ]
    assert one.depths == (1, 2)


def test_what_cannot_be_loaded_or_run_is_skipped_and_the_others_are_ranked(models, splits, machine, tmp_path):
    broken = shutil.copytree(models / "bert", tmp_path / "broken")
    config = json.loads((broken / "config.json").read_text()) | {"model_type": "no-such-architecture"}
    (broken / "config.json").write_text(json.dumps(config))
    deep = f"{models / 'bert'}@9"
    found, _ = ranked(named([str(broken), str(models / "roberta"), deep]), splits, machine, Store(tmp_path / "store"))
    by_name = {one.name: one for one in found if isinstance(one, Unranked)}
    assert by_name[str(broken)].why.startswith("cannot be loaded: transformers has no model_type")
    assert by_name[str(broken)].why.endswith(" → choose a model of a built-in type")
    assert set(by_name) == {str(broken), str(models / "bert")}
    assert "3 blocks" in by_name[str(models / "bert")].why
    assert [one.model.name for one in found if isinstance(one, Measured)] == [str(models / "roberta")]


def test_no_time_means_no_candidate_and_no_error(models, splits, machine, tmp_path):
    found, _ = ranked(named([str(models)]), splits, machine, Store(tmp_path), deadline=time.perf_counter())
    assert len(found) == 3
    assert all(isinstance(one, Unranked) and "time" in one.why for one in found)


def test_little_time_means_fewer_rows(models, splits, machine, tmp_path):
    """With scoring a thousand times slower than it is, the fewest rows are told, or the slowest is left out."""
    from graft.choose import candidates, entrant
    from graft.choose import rank as room

    def entered(name, deadline=None):
        found = next(candidates.located([Named(str(models / name))], 0))
        made = entrant.Entrant(found, Sample(splits.train, splits.classes, 64, deadline), machine, Store(tmp_path))
        list(made.pilot(splits.train.take(made.sample.order)))
        return made

    bert = entered("bert")
    assert bert.pace.seconds_per_token > 0
    answers = bert.sample.answers(bert.sample.order)
    *_, whole = bert.measure(answers, time.perf_counter() + 60)
    assert whole.rows == len(splits.train)
    *_, few = bert.measure(answers, time.perf_counter())
    assert few.rows == entrant.FEWEST_ROWS < len(splits.train)
    assert {(view.pooling, view.depth) for view in few.views} == {(view.pooling, view.depth) for view in whole.views}
    others = [bert, entered("roberta")]
    most = sum(one.seconds(entrant.FEWEST_ROWS) for one in others)
    slower = max(others, key=lambda one: one.seconds(entrant.FEWEST_ROWS))
    hurried = Sample(splits.train, splits.classes, 64, deadline=time.perf_counter() + 0.8 * most)
    assert [one.name for one, _ in room._too_slow(others, hurried)] == [slower.name]


def test_what_is_too_slow_is_told_with_what_all_take_and_the_budget_that_would_do(monkeypatch, splits):
    from graft.choose import entrant
    from graft.choose import rank as room

    class Slow(entrant.Entrant):
        name, rows = "slow", 400  # type: ignore[assignment]

        def seconds(self, rows):
            return self.width + rows / 1000

    now = time.perf_counter()
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    sample = Sample(splits.train, splits.classes, 64, now + 20.0, budget=50.0, share=0.5)
    made = [Slow(None, sample, None, None, width=width) for width in (12, 14)]
    ((slowest, why),) = room._too_slow(made, sample)
    assert slowest is made[1]
    assert why == (
        "reading 200 rows takes it about 14 s, and the 2 models together 26 s, but there is time for 20 s; "
        "a budget of 1 min 3 s would do"
    )
