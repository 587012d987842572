"""The door to choosing: which rows it reads, what it skips, what it refuses, and its time."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import tiny

from graft import choosing, race
from graft.backbone.features import Extractor
from graft.choose.entrant import Measured, Pace
from graft.choose.sample import Sample
from graft.choosing import ChooseOptions, choose, only_at_hand
from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.splitting.split import split
from graft.data.table import Rows, Splits
from graft.data.targets import Codes
from graft.errors import ModelError, RecipeError, RunError
from graft.fit_options import FitOptions
from graft.folder import RunFolder
from graft.race import Course, Trial
from graft.records import Candidate, Costs, Forecast, Heat, Manifest, Progress, Ranking, Said, Unranked
from graft.run import Given, RunOptions, run

FP32 = FitOptions(precision="fp32")


class Poison:
    """Rows that nobody may look at."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"a closed split was read: {name}")

    def __len__(self) -> int:
        raise AssertionError("a closed split was counted")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    tiny.bert(root / "bert", layers=3)
    tiny.roberta(root / "roberta", layers=2)
    return root


def opinions(rows: int = 240) -> Splits:
    words = {"good": ("lovely", "fresh", "tasty"), "bad": ("awful", "stale", "bland")}
    labels = [("good", "bad")[number % 2] for number in range(rows)]
    texts = [
        f"the {tiny.WORDS[number % 90]} was {words[label][number // 2 % 3]} and {tiny.WORDS[number * 7 % 95]} {number}"
        for number, label in enumerate(labels)
    ]
    return split(read({"text": texts, "label": labels}))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return opinions()


def ranking(splits: Splits, *candidates: str, **options: float) -> Ranking:
    *_, last = choose(splits, FP32, ChooseOptions(candidates, **options))
    assert isinstance(last, Ranking)
    return last


def test_validation_and_test_are_not_read(splits: Splits, models: Path) -> None:
    poison: Rows = Poison()  # type: ignore[assignment]
    poisoned = dataclasses.replace(splits, validation=poison, test=poison)
    found, clean = ranking(poisoned, str(models)), ranking(splits, str(models))
    assert found.pick == clean.pick
    assert found.views == clean.views
    assert [one.expected for one in found.forecasts] == [one.expected for one in clean.forecasts]
    assert found.sampled.rows == found.sampled.train == len(splits.train)


def test_each_model_is_a_candidate_at_each_depth_and_the_pick_is_one_that_runs_take(splits: Splits, models: Path):
    found = ranking(splits, str(models))
    bert, roberta = models / "bert", models / "roberta"
    names = {f"{bert}@1", f"{bert}@2", f"{bert}", f"{roberta}@1", f"{roberta}"}
    assert {one.candidate.name for one in found.forecasts} == names
    assert found.pick == found.forecasts[0].candidate.name
    assert all(one.costs.minutes > 0 for one in found.forecasts)


def test_what_fails_is_skipped_with_its_reason(splits: Splits, models: Path, tmp_path: Path) -> None:
    events = list(choose(splits, FP32, ChooseOptions((str(models / "bert"), str(tmp_path / "none")))))
    (skipped,) = (event for event in events if isinstance(event, Unranked))
    assert skipped.name == str(tmp_path / "none")
    assert isinstance(events[0], Said)
    assert events[-1].unranked == (skipped,)


def test_nothing_that_can_be_compared_is_an_error_with_the_reasons(splits: Splits, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="None of the candidates"):
        ranking(splits, str(tmp_path / "none"))


def judged(splits: Splits, models: Path, metric: str) -> Ranking:
    """A comparison for a task of which no fine-tuning is known, checked for what they have in common."""
    found = ranking(splits, str(models / "roberta"), budget=20.0)
    assert found.metric == metric
    assert [one.candidate.depth for one in found.forecasts] in ([1, 2], [2, 1])
    assert all(one.interval[0] <= one.expected <= one.interval[1] for one in found.forecasts)
    assert all(one.prior is None for one in found.forecasts)
    assert "linear probe" in found.basis
    assert found.pick in {one.candidate.name for one in found.forecasts}
    return found


def test_models_are_compared_by_numbers(models: Path) -> None:
    words = dict(zip(("awful", "plain", "lovely"), (1.5, 2.0, 4.5), strict=True))
    texts = [f"{tiny.WORDS[n % 90]} {list(words)[n % 3]} {tiny.WORDS[n * 7 % 95]}" for n in range(240)]
    numbers = split(read({"text": texts, "score": [words[text.split()[1]] for text in texts]}, label="score"))
    assert numbers.summary.task == "regression"
    found = judged(numbers, models, "pearson")
    assert found.forecasts[0].expected > 0.5
    assert "Pearson correlation of 0." in found.forecasts[0].why[0]


def test_models_are_compared_by_labels(models: Path) -> None:
    texts = [f"{tiny.WORDS[n % 90]} {('awful', 'lovely', 'awful lovely')[n % 3]}" for n in range(240)]
    labels = [("bad", "good", "bad|good")[n % 3] for n in range(240)]
    several = split(read({"text": texts, "labels": labels}, options=ReadOptions(task="multi-label")))
    assert judged(several, models, "micro_f1").forecasts[0].expected > 0.6


def test_models_are_compared_by_names_in_texts_but_not_raced(models: Path) -> None:
    rows = [{"tokens": [tiny.WORDS[n % 90], "in", "oslo"], "tags": ["O", "O", "B-PLACE"]} for n in range(240)]
    names = split(read(rows, options=ReadOptions(task="token-classification")))
    assert not judged(names, models, "tag_f1").heats


def test_what_no_frozen_vector_is_scored_against_is_refused_with_what_would_work(splits: Splits) -> None:
    class Others(Codes):
        pass

    rows = dataclasses.replace(splits.train, targets=Others(splits.train.codes))
    others = dataclasses.replace(splits, train=rows)
    with pytest.raises(RecipeError, match="cannot be compared for") as refused:
        ranking(others, "embedded")
    assert "regression" in str(refused.value)
    assert "--model" in str(refused.value)
    assert "not compared for" in only_at_hand(others, ChooseOptions())


def test_the_budget_is_kept(models: Path) -> None:
    """Far more candidates than can be compared in the time: what was begun in vain is dropped, and the rest skipped."""
    splits = opinions(4000)
    began = time.perf_counter()
    budget = 1.5
    try:
        ranking(splits, *(f"{models / 'bert'}", f"{models / 'roberta'}"), budget=budget)
    except ModelError as error:
        assert "time" in str(error)  # noqa: PT017
    assert time.perf_counter() - began < budget + 2.0


def test_time_spent_before_counts(splits: Splits, models: Path) -> None:
    with pytest.raises(ModelError, match="time"):
        list(choose(splits, FP32, ChooseOptions((str(models),), 10.0, began=time.perf_counter() - 11)))


def test_the_recipe_that_is_asked_for_decides_the_cost(splits: Splits, models: Path) -> None:
    name = str(models / "bert@1")
    *_, one = choose(splits, dataclasses.replace(FP32, settings={"epochs": "1"}), ChooseOptions((name,)))
    *_, ten = choose(splits, dataclasses.replace(FP32, settings={"epochs": "10"}), ChooseOptions((name,)))
    assert ten.forecasts[0].costs.minutes > 3 * one.forecasts[0].costs.minutes
    assert [forecast.candidate.name for forecast in one.forecasts] == [name]


def test_finalists_are_really_trained_and_the_winner_is_advised(models: Path) -> None:
    found = ranking(opinions(400), str(models), budget=60.0)
    assert found.heats, found.why
    names = {one.candidate.name for one in found.forecasts}
    assert {heat.name for heat in found.heats} <= names
    assert all(heat.rows + heat.judged <= found.sampled.train for heat in found.heats)
    last = max(heat.round for heat in found.heats)
    best = max(heat.value for heat in found.heats if heat.round == last)
    assert next(heat.value for heat in found.heats if (heat.name, heat.round) == (found.pick, last)) == best
    assert "race" in found.why


def test_two_depths_that_are_named_are_the_only_candidates(splits: Splits, models: Path) -> None:
    bert = models / "bert"
    events = list(choose(splits, FP32, ChooseOptions((f"{bert}@1", f"{bert}@2", f"{bert}@9"), 20.0)))
    assert events[0] == Said("Comparing 1 model at the depths that were named.")
    assert {one.candidate.name for one in events[-1].forecasts} == {f"{bert}@1", f"{bert}@2"}
    assert [one.name for one in events[-1].unranked] == [f"{bert}@9"]


@pytest.mark.parametrize(
    ("rows", "names", "share"), [(400, "", choosing.READING), (400, "/bert@1", 1.0), (200, "", 1.0)]
)
def test_where_there_can_be_no_race_all_of_the_time_is_for_reading(
    rows: int, names: str, share: float, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Sample] = []

    def ranked(_wanted: object, sample: Sample, *_others: object) -> Iterator[Unranked]:
        seen.append(sample)
        yield Unranked("all", "none was tried")

    monkeypatch.setattr(choosing, "rank", ranked)
    with pytest.raises(ModelError, match="none was tried"):
        ranking(opinions(rows), f"{models}{names}", budget=100.0)
    (sample,) = seen
    assert sample.left == pytest.approx(100 * (1 - choosing.SPARE) * share, abs=5)
    assert (sample.budget, sample.share) == (100.0, share * (1 - choosing.SPARE))


def cost(name: str, expected: float, minutes: float) -> Forecast:
    candidate = Candidate(name, "bert", int(name.partition("@")[2] or 3), 3, 32, 100_000, 64)
    return Forecast(candidate, expected, (0.1, 1.0), 0.5, None, Costs(minutes, 1, 1, 1.0), ())


def heat(name: str, value: float) -> Heat:
    return Heat(name, 1, 270, 90, value, 1.0)


def test_within_a_margin_the_cheapest_that_keeps_it_is_advised_and_the_words_are_true() -> None:
    entrants = [cost("a", 0.9, 4.0), cost("b", 0.8, 1.0), cost("c", 0.85, 2.0), cost("d", 0.88, 3.0)]
    c_missed = heat("c", 0.5)
    a, b, c, d = (heat(name, value) for name, value in (("a", 0.9), ("b", 0.3), ("c", 0.8), ("d", 0.4)))

    def nearest(heats: tuple[Heat, ...], untried: tuple[Forecast, ...], metric: str = "accuracy") -> tuple[str, str]:
        won, why = choosing._nearest(Trial(heats, untried), entrants, 0.15, metric)
        return won.candidate.name, why

    name, why = nearest((a, b, c), ())
    assert (name, "the cheapest of the race within 15.0 points of its best: 80.0%" in why) == ("c", True)
    name, why = nearest((a, b), (entrants[2], entrants[3]))
    assert (name, "next cheapest that is expected within 15.0 points of the best;" in why) == ("c", True)
    assert why.endswith("cheaper ones missed that in the race, trained on 270 rows of train (a 90.0%, b 30.0%)")
    assert nearest((a, c_missed, b), (entrants[1],))[0] == "a"  # what is expected to do worse than one that missed
    name, why = nearest((a, b, d), ())
    assert (name, "no cheaper one came within 15.0 points of it" in why) == ("a", True)
    assert "cheapest" not in why
    assert "within 0.150 of its best" in nearest((a, b, c), (), "pearson")[1]


def test_a_cheapest_that_misses_the_margin_in_the_race_is_not_advised(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = {f"{models / 'bert'}@1": 0.2, f"{models / 'bert'}@2": 0.85, str(models / "bert"): 0.9}

    def run(one: Forecast, number: int, rows: int, track: Course) -> Iterator[Heat]:
        yield (found := Heat(one.candidate.name, number, rows, track.judged, reached[one.candidate.name], 0.1))
        return found

    costs = dict(zip(reached, (1.0, 2.0, 3.0), strict=True))
    ordered = [cost(name, 0.9 - 0.01 * place, costs[name]) for place, name in enumerate(reversed(reached))]
    monkeypatch.setattr(race, "_heat", run)
    monkeypatch.setattr(choosing.forecast, "forecasts", lambda *_: ordered)
    found = ranking(opinions(400), str(models / "bert"), budget=600.0, within=0.1)
    assert [heat.name for heat in found.heats] == [str(models / "bert"), *list(reached)[:2]]
    assert found.pick == f"{models / 'bert'}@2"
    assert "within 10.0 points" in found.why


def test_models_that_were_scored_on_fewer_rows_are_told() -> None:
    whole, fewer = (measured(name, rows) for name, rows in (("a", 360), ("b", 200)))
    assert choosing._fewer([whole, fewer]).endswith("scored on as many rows: b on 200 only.")
    assert choosing._fewer([whole, whole]) == ""


def measured(name: str, rows: int) -> Measured:
    return Measured(cost(name, 0.5, 1.0).candidate, (1, 2), (), rows, Pace(1.0, 1.0, 1.0), (1, 2))


def test_a_depth_of_a_model_that_writes_is_not_taken_for_the_whole() -> None:
    documents = {"text": [" ".join(tiny.WORDS[n : n + 80]) for n in range(15)]}
    style = split(read(documents, options=ReadOptions(task="write")))
    with pytest.raises(ModelError, match="@2: models that write are compared whole"):
        ranking(style, "gpt2@2")


def test_a_comparison_and_the_training_of_its_winner_extract_no_row_twice(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted for each model over all of it: pilot, passes, race, and a head trained over every depth."""
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "cache"))
    crossed: Counter[str] = Counter()
    original = Extractor.run

    def counted(self: Extractor, *arguments: object) -> Iterator[Progress]:
        before = self.extracted
        yield from original(self, *arguments)
        crossed[self._backbone.record.name.partition("@")[0]] += self.extracted - before

    monkeypatch.setattr(Extractor, "run", counted)
    splits = opinions(420)
    options = ChooseOptions((str(models),), 30.0)
    rows = splits.train.texts.take(np.arange(len(splits.train)))
    found, manifest = None, None
    given = Given({"text": list(rows), "label": [splits.classes[code] for code in splits.train.codes]})
    fit = dataclasses.replace(FP32, recipe="probe")
    for event in run(given, fit, RunOptions(tmp_path / "run", choose=options)):
        if isinstance(event, Progress) and found is None:  # while models are compared, no other run takes the folder
            with pytest.raises(RunError, match="in use"), RunFolder(tmp_path / "run").locked():
                pass
        found = event if isinstance(event, Ranking) else found
        manifest = event if isinstance(event, Manifest) else manifest
    assert found is not None
    assert manifest is not None
    assert len(found.forecasts) == 5
    assert manifest.backbone.name == found.pick
    assert RunFolder(tmp_path / "run").ranking() == found
    assert "The choice of the model" in RunFolder(tmp_path / "run").report.read_text(encoding="utf-8")
    assert set(crossed) == {str(models / "bert"), str(models / "roberta")}
    learnt = sum(split.rows for split in manifest.data.splits if split.name != "test")
    assert crossed[found.pick.partition("@")[0]] == learnt
    assert sum(crossed.values()) == learnt + found.sampled.train


def test_with_one_model_at_hand_a_run_just_says_so(
    splits: Splits, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert "the only one at hand" in only_at_hand(splits, ChooseOptions())
    assert only_at_hand(splits, ChooseOptions((str(models),))) == ""


def test_pairs_are_compared_joined(models: Path) -> None:
    rows = [("same" if n % 2 else "other", tiny.WORDS[n % 90], tiny.WORDS[(n + n % 2 - 1) % 90]) for n in range(200)]
    columns = dict(zip(("label", "first", "second"), map(list, zip(*rows, strict=True)), strict=True))
    pairs = split(read(columns, text=("first", "second"), label="label"))
    assert pairs.train.seconds is not None
    found = ranking(pairs, str(models / "roberta"), budget=20.0)
    assert len(found.forecasts) == 2
