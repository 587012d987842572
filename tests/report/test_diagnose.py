"""Each finding appears when its cause is there, and not otherwise."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from graft.cli.main import parser_of
from graft.records import ClassScores, Evaluation, Manifest, ReliabilityBin, Truncation
from graft.report.blocks import Callout
from graft.report.diagnose import diagnose
from graft.train.recipe import changed
from graft.train.scale import Scale
from report import numbers_samples, samples, settings_samples


def numbers() -> Evaluation:
    found = samples.two()[2]
    assert found is not None
    return found


def titles(manifest: Manifest | None = None, evaluation: Evaluation | None = None) -> dict[str, Callout]:
    healthy, epochs, found = samples.two()
    return {one.title: one for one in diagnose(manifest or healthy, epochs, evaluation or found)}


def test_a_healthy_run_gets_one_good_word() -> None:
    assert [one.severity for one in titles().values()] == ["good"]
    manifest, epochs, _ = samples.two()
    (untested,) = diagnose(manifest, epochs, None)
    assert untested.severity == "good"
    assert "not been opened" in untested.text


def test_the_good_word_says_only_what_was_looked_at() -> None:
    manifest, epochs, evaluation = samples.two()
    (whole,) = diagnose(manifest, epochs, evaluation)
    assert "beats its yardsticks, its confidence can be trusted, and neither the data nor the curves" in whole.text
    numbers = numbers_samples.of_numbers(0.8, 0.5, 0.6, 0.0)
    (regression,) = diagnose(
        numbers_samples.regression(), numbers_samples.epochs_by("spearman", 0.7, 0.8, 0.8), numbers
    )
    assert regression.severity == "good"
    assert "beats its yardsticks" in regression.text
    assert "confidence" not in regression.text
    (alone,) = diagnose(numbers_samples.regression(), (), replace(numbers, baselines={}))
    assert alone.text == "The data show no known trouble. There was no yardstick to compare the model with."


def test_a_confidence_that_may_be_off_by_chance_is_neither_blamed_nor_praised() -> None:
    unsure = settings_samples.of_bins(0.08, ReliabilityBin(0.8, 0.9, 20, 0.85, 0.9))
    (good,) = diagnose(*samples.two()[:2], unsure)
    assert good.severity == "good"
    assert "confidence" not in good.text


def test_a_wide_interval_of_a_task_without_accuracy() -> None:
    wide = replace(numbers_samples.of_numbers(0.5, 0.5, 0.9, 0.0), intervals={"spearman": (0.2, 0.7)})
    found = {one.title: one for one in diagnose(numbers_samples.regression(), (), wide)}
    assert "Spearman correlation lies anywhere in 0.200–0.700" in found["The test number is uncertain"].text


def test_findings_come_gravest_first_each_with_a_setting() -> None:
    manifest, epochs, evaluation = samples.three()
    found = diagnose(manifest, epochs, evaluation)
    grades = [one.severity for one in found]
    assert grades == sorted(grades, key=["problem", "warning", "note", "good"].index)
    assert len(found) >= 8
    assert all(one.setting for one in found)
    assert not any("nan" in one.text.lower().split() for one in found)


def leaking(validation: int, test: int) -> Manifest:
    """872 validation and 1,821 test texts, so many of which stand in train."""
    manifest = samples.two()[0]
    train, first, second = manifest.data.splits
    splits = (train, replace(first, leaks=validation), replace(second, leaks=test))
    return replace(manifest, data=replace(manifest.data, splits=splits))


@pytest.mark.parametrize(("leaks", "severity"), [(1, "note"), (19, "warning"), (181, "warning"), (300, "problem")])
def test_leaks_are_as_grave_as_their_share_of_a_split(leaks: int, severity: str) -> None:
    found = titles(leaking(0, leaks))["Some held-out texts also occur in train"]
    assert found.severity == severity
    assert f"{leaks} of the 1,821 test texts" in found.text


def test_a_test_split_from_train_is_said_to_be_one() -> None:
    found = titles(leaking(0, 1821))["The test texts stand in train"]
    assert found.severity == "problem"
    assert "of new texts they say little or nothing" in found.text
    assert "The best epoch was chosen" in titles(leaking(872, 3))["The validation texts stand in train"].text


def test_duplicates() -> None:
    manifest = samples.two()[0]
    assert "Many texts occur more than once" in titles(replace(manifest, data=replace(manifest.data, duplicates=900)))


@pytest.mark.parametrize(("cut", "severity"), [(300, "note"), (3000, "warning")])
def test_truncation_names_a_limit_that_the_backbone_can_read(cut: int, severity: str) -> None:
    manifest = replace(samples.two()[0], truncation=Truncation(128, 9613, cut, 100_000, 9_000, 700))
    found = titles(manifest)["Long texts are cut"]
    assert found.severity == severity
    assert "`--max-tokens 512`" in found.setting
    full = replace(manifest, truncation=replace(manifest.truncation, limit=512))
    assert "longer window" in titles(full)["Long texts are cut"].setting


@pytest.mark.parametrize(("long", "part"), [("auto", "ends"), ("truncate", "ends"), ("head-tail", "middles")])
def test_truncation_names_the_part_that_is_lost(long: str, part: str) -> None:
    manifest = replace(samples.two()[0], truncation=Truncation(128, 9613, 3000, 100_000, 9_000, 700))
    manifest = replace(manifest, recipe=replace(manifest.recipe, long=long))
    assert f"longer than 128 tokens and lose their {part}:" in titles(manifest)["Long texts are cut"].text


def test_few_validation_texts() -> None:
    manifest = samples.two()[0]
    train, validation, test = manifest.data.splits
    few = replace(manifest, data=replace(manifest.data, splits=(train, replace(validation, rows=60), test)))
    found = titles(few)["Little validation data"]
    assert found.severity == "warning"
    assert "60 texts" in found.text


def test_a_probe_chooses_a_head_and_no_epoch() -> None:
    manifest = settings_samples.probe()
    train, validation, test = manifest.data.splits
    few = replace(manifest, data=replace(manifest.data, splits=(train, replace(validation, rows=60, leaks=60), test)))
    found = diagnose(few, (), None)
    assert "The best head was chosen on 60 texts" in " ".join(one.text for one in found)
    assert "epoch" not in " ".join(one.text for one in found)


def test_empty_texts() -> None:
    manifest = samples.two()[0]
    train, validation, test = manifest.data.splits
    assert "Some texts are empty" in titles(
        replace(manifest, data=replace(manifest.data, splits=(replace(train, empty=200), validation, test)))
    )


def test_missed_classes_are_named() -> None:
    missed = ClassScores("positive", 40, 0.5, 0.2, 0.3, {})
    found = titles(evaluation=samples.with_details(numbers(), per_class=(numbers().details.per_class[0], missed)))
    one = found["A class is mostly missed"]
    assert "“positive” (20% of 40 found, 3,460 texts in train)" in one.text
    assert (
        one.setting == "label more texts of this class, or `--class-weights balanced`; the confusion shows its rivals."
    )
    weighted = settings_samples.with_loss(samples.two()[0], class_weights="balanced")
    of_two = samples.with_details(numbers(), per_class=(missed, replace(missed, name="negative")))
    more = titles(weighted, of_two)["2 classes are mostly missed"]
    assert more.setting == "label more texts of these classes; the confusion shows their rivals."


def test_a_class_of_two_texts_is_no_finding() -> None:
    rare = ClassScores("positive", 2, 0.0, 0.0, 0.0, {})
    assert "A class is mostly missed" not in titles(evaluation=samples.with_details(numbers(), per_class=(rare,)))


def test_a_wide_interval() -> None:
    wide = replace(numbers(), intervals={"accuracy": (0.83, 0.93)})
    assert "83.0–93.0%" in titles(evaluation=wide)["The test number is uncertain"].text


def test_every_setting_that_is_named_exists() -> None:
    options = set(parser_of("run")._option_string_actions)
    named = [
        *diagnose(*samples.three()),
        *diagnose(*samples.many()),
        *titles(evaluation=settings_samples.off(0.7)).values(),
    ]
    named += [*titles(evaluation=settings_samples.off(0.99)).values(), *titles(leaking(872, 1821)).values()]
    settings = " ".join(found.setting for found in named)
    assert set(re.findall(r"--[a-z][a-z-]+", settings)) <= options
    assert "temperature" not in settings
    for name, value in re.findall(r"--set ([\w.]+)=([\w.-]+)", settings):
        changed(samples.two()[0].recipe, {name: value}, Scale(6920, 140_000, 2, 6, 384))


def test_many_looks_at_the_test_split() -> None:
    manifest = samples.two()[0]
    assert "The test split was opened 4 times" in titles(
        replace(manifest, outcome=replace(manifest.outcome, evaluations=4))
    )
