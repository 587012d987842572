"""A model that does not beat its yardsticks is said to be one, whatever its task."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import msgspec
import pytest

from graft.cli.main import parser_of
from graft.records import Baseline, Evaluation, Manifest, TokenDetails
from graft.report.blocks import Callout
from graft.report.diagnose_yardsticks import _RIVALS, diagnose_yardsticks, main_metric
from graft.report.words import YARDSTICK_NAMES
from report import numbers_samples, samples


def numbers() -> Evaluation:
    found = samples.two()[2]
    assert found is not None
    return found


def titles(manifest: Manifest | None = None, evaluation: Evaluation | None = None) -> dict[str, Callout]:
    found = diagnose_yardsticks(manifest or samples.two()[0], evaluation or numbers())
    return {one.title: one for one in found if one}


def names(own: float, lookup: float) -> Evaluation:
    """Names in 60 texts, with an interval of five points to either side."""
    spans = {"entity_f1": (own - 0.05, own + 0.05)}
    theirs = Baseline("lookup", "", {"entity_f1": lookup}, {"entity_f1": (lookup - 0.05, lookup + 0.05)}, 0.0)
    return Evaluation("test", 60, {"entity_f1": own, "word_loss": 0.5}, spans, {"lookup": theirs}, 1.0, TokenDetails())


@pytest.mark.parametrize(
    ("tfidf", "title"), [(0.89, "No clear lead over TF-IDF"), (0.93, "Not better than TF-IDF"), (0.7, None)]
)
def test_tfidf(tfidf: float, title: str | None) -> None:
    baseline = Baseline("tfidf", "", {"accuracy": tfidf}, {"accuracy": (tfidf - 0.01, tfidf + 0.01)}, 1.0)
    found = titles(evaluation=replace(numbers(), baselines={"tfidf": baseline}))
    assert [one for one in found if "TF-IDF" in one] == ([title] if title else [])


def test_a_great_majority_hides_small_classes() -> None:
    majority = Baseline("majority", "", {"accuracy": 0.87}, {}, 0.0)
    found = titles(evaluation=replace(numbers(), baselines={"majority": majority}))
    assert "`--class-weights balanced --metric macro_f1`" in found["One class outweighs the others"].setting
    manifest = samples.two()[0]
    stages = tuple(
        replace(stage, loss=replace(stage.loss, class_weights="balanced")) for stage in manifest.recipe.stages
    )
    weighted = replace(manifest, recipe=replace(manifest.recipe, stages=stages))
    again = titles(weighted, replace(numbers(), baselines={"majority": majority}))
    assert "class-weights" not in again["One class outweighs the others"].setting


def test_names_that_a_lookup_finds_better_are_a_problem() -> None:
    lost = titles(evaluation=names(0.019, 0.382))["Not better than looking up names"]
    assert lost.severity == "problem"
    assert "entity F1 is 1.9% against 38.2%" in lost.text
    assert titles(evaluation=names(0.45, 0.382))["No clear lead over looking up names"].severity == "warning"
    assert not titles(evaluation=names(0.6, 0.382))


def test_numbers_of_noise_lose_to_both_of_their_yardsticks() -> None:
    noise = replace(numbers_samples.of_numbers(0.074, 0.106, 1.279, 0.04), intervals={"spearman": (-0.24, 0.38)})
    found = titles(numbers_samples.regression(), noise)
    assert "Spearman correlation is 0.074 against 0.106" in found["Not better than TF-IDF"].text
    far = found["No nearer than the mean of train"]
    assert far.severity == "problem"
    assert "is 1.279; always answering with the mean of train has 1.000. R² is −0.636." in far.text
    assert "another matter" not in far.text
    assert "The numbers lie too high" not in found


@pytest.mark.parametrize(("bias", "side"), [(0.9, "high"), (-0.9, "low")])
def test_a_good_order_does_not_hide_a_shift(bias: float, side: str) -> None:
    found = titles(numbers_samples.regression(), numbers_samples.of_numbers(0.8, 0.6, 1.02, bias))
    assert "Spearman is 0.800" in found["No nearer than the mean of train"].text
    assert f"0.900 too {side}: 78%" in found[f"The numbers lie too {side}"].text


def test_good_numbers_are_no_finding() -> None:
    assert not titles(numbers_samples.regression(), numbers_samples.of_numbers(0.8, 0.6, 0.6, 0.05))


def test_a_probe_is_not_told_to_train_longer() -> None:
    run = numbers_samples.regression()
    probe = replace(run, recipe=replace(run.recipe, stages=(replace(run.recipe.stages[0], epochs=0),)))
    far = titles(probe, numbers_samples.of_numbers(0.1, 0.0, 1.2, 0.0))["No nearer than the mean of train"]
    assert far.setting.startswith("`--recipe fast`")


def test_all_yardsticks_that_do_as_well_are_named_the_best_first() -> None:
    made = {
        name: Baseline(name, "", {"accuracy": value}, {}, 0.0) for name, value in (("cosine", 0.9), ("tfidf", 0.95))
    }
    lost = titles(evaluation=replace(numbers(), baselines=made))["Not better than TF-IDF"]
    assert "So does the cosine of untrained embeddings (90.0%)." in lost.text


def test_a_random_start_is_not_called_cheap() -> None:
    scratch = {"scratch": Baseline("scratch", "", {"accuracy": 0.9}, {}, 60.0)}
    lost = titles(evaluation=replace(numbers(), baselines=scratch))["Not better than a random start"]
    assert "next to nothing" not in lost.text


def test_a_loss_is_better_when_lower() -> None:
    by_loss = Baseline("scratch", "", {"log_loss": 0.5}, {"log_loss": (0.49, 0.51)}, 1.0)
    lower = replace(numbers(), metrics={"log_loss": 0.4}, intervals={"log_loss": (0.39, 0.41)})
    assert not titles(evaluation=replace(lower, baselines={"scratch": by_loss}))
    assert "Not better than a random start" in titles(
        evaluation=replace(lower, metrics={"log_loss": 0.6}, baselines={"scratch": by_loss})
    )


def test_a_metric_that_is_no_number_leads_over_nothing() -> None:
    assert "Not better than looking up names" in titles(evaluation=names(math.nan, 0.1))


def test_the_main_metric_is_the_task_s_first() -> None:
    assert main_metric(numbers()) == "accuracy"
    assert main_metric(names(0.5, 0.4)) == "entity_f1"
    read = msgspec.json.decode(msgspec.json.encode(names(0.5, 0.4)), type=Evaluation)
    assert main_metric(read) == "entity_f1"


def test_every_yardstick_of_tasks_that_label_has_its_words_and_settings_that_exist() -> None:
    elsewhere = {"before", "copy", "lead", "words"}  # of models that write or rewrite
    assert set(_RIVALS) == set(YARDSTICK_NAMES) - elsewhere
    options = set(parser_of("run")._option_string_actions)
    assert set(re.findall(r"--[a-z][a-z-]+", " ".join(one.setting for one in _RIVALS.values()))) <= options
