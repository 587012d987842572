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
from graft.report.diagnose_yardsticks import _TITLES, beside, diagnose_yardsticks, main_metric
from graft.report.words import YARDSTICK_NAMES
from report import numbers_samples, samples, settings_samples


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
    weighted = settings_samples.with_loss(samples.two()[0], class_weights="balanced")
    by_macro = replace(weighted, recipe=replace(weighted.recipe, metric="macro_f1"))
    for manifest, setting in (
        (weighted, "`--metric macro_f1`, or more texts of the small classes."),
        (by_macro, "more texts of the small classes."),
    ):
        again = titles(manifest, replace(numbers(), baselines={"majority": majority}))
        assert again["One class outweighs the others"].setting == setting


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
    assert set(_TITLES) == set(YARDSTICK_NAMES) - elsewhere
    options = set(parser_of("run")._option_string_actions)
    for name, title in _TITLES.items():
        made = {name: Baseline(name, "", {"accuracy": 0.99}, {}, 0.0)}
        setting = titles(evaluation=replace(numbers(), baselines=made))[f"Not better than {title}"].setting
        named = set(re.findall(r"--[a-z][a-z-]+", setting))
        assert named
        assert named <= options


@pytest.mark.parametrize("name", sorted(_TITLES))
def test_a_recipe_that_was_used_is_not_advised_nor_rates_to_a_probe(name: str) -> None:
    made = {name: Baseline(name, "", {"accuracy": 0.99}, {}, 0.0)}
    for manifest, used in ((settings_samples.named("thorough"), "thorough"), (settings_samples.probe(), "--sweep")):
        (lost,) = [
            one
            for title, one in titles(manifest, replace(numbers(), baselines=made)).items()
            if title.startswith("Not better")
        ]
        assert used not in lost.setting


def test_no_clear_lead_of_a_thorough_run_asks_for_more_texts() -> None:
    near = {"tfidf": Baseline("tfidf", "", {"accuracy": 0.88}, {"accuracy": (0.87, 0.89)}, 1.0)}
    close = titles(settings_samples.named("thorough"), replace(numbers(), baselines=near))["No clear lead over TF-IDF"]
    assert close.setting == "more labelled texts, or a larger test split."


def test_a_deficit_that_may_be_chance_is_a_warning_and_says_where_the_model_leads() -> None:
    ours = {"accuracy": 0.6, "macro_f1": 0.5}
    spans = {name: (value - 0.05, value + 0.05) for name, value in ours.items()}
    rival = Baseline("tfidf", "", {"accuracy": 0.62, "macro_f1": 0.3}, {}, 1.0)
    lost = titles(
        evaluation=replace(numbers(), metrics=ours, intervals=spans, baselines={"tfidf": rival}),
    )["Not better than TF-IDF"]
    assert lost.severity == "warning"
    assert "60.0% against 62.0%, where the two 95% intervals overlap" in lost.text
    assert "The model leads by Macro-F1 (50.0% against 30.0%)." in lost.text


@pytest.mark.parametrize(("macro", "severity"), [(0.5, "warning"), (0.31, "problem")])
def test_what_reads_no_text_is_grave_where_nothing_else_was_learnt(macro: float, severity: str) -> None:
    ours = {"accuracy": 0.6, "macro_f1": macro}
    spans = {name: (value - 0.05, value + 0.05) for name, value in ours.items()}
    rival = Baseline("majority", "", {"accuracy": 0.62, "macro_f1": 0.3}, {}, 0.0)
    lost = titles(evaluation=replace(numbers(), metrics=ours, intervals=spans, baselines={"majority": rival}))
    assert lost["Not better than the majority class"].severity == severity


def test_a_difference_that_does_not_show_is_none() -> None:
    assert beside("spearman", 0.7871, 0.7868) == "0.787 for both"
    assert beside("spearman", 0.789, 0.787) == "0.789 against 0.787"
    close = titles(numbers_samples.regression(), numbers_samples.of_numbers(0.7871, 0.7868, 0.6, 0.0))
    said = close["No clear lead over TF-IDF"].text
    assert "is 0.787 for both: no lead to speak of." in said
    assert "against" not in said
