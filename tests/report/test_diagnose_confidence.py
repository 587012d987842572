"""A confidence is said to be off where it is, by more than chance, with the setting for its direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graft.records import Manifest, ReliabilityBin
from graft.report.blocks import Callout
from graft.report.diagnose_confidence import diagnose_confidence, sound
from graft.tasks.classification_metrics import outcomes, reliability, score, tally
from report import samples, settings_samples


def found(accuracy: float, manifest: Manifest | None = None) -> Callout:
    callout = diagnose_confidence(manifest or samples.two()[0], settings_samples.off(accuracy))
    assert callout is not None
    return callout


def said(texts: int, too_sure: float, draws: int = 100) -> float:
    """How often it is said of models whose answers are right so much less often than their confidence."""
    rng, times = np.random.default_rng(0), 0
    for _ in range(draws):
        confidence = 0.55 + 0.44 * rng.beta(3, 1.2, texts)
        codes = (rng.random(texts) >= confidence - too_sure).astype(np.int32)
        logits = np.log(np.stack([confidence, 1 - confidence], axis=1))
        error = float(score(tally(outcomes(logits, codes))).metrics["calibration_error"][0])
        numbers = settings_samples.of_bins(error, *reliability(outcomes(logits, codes)))
        times += diagnose_confidence(samples.two()[0], numbers) is not None
    return times / draws


@pytest.mark.parametrize("texts", [50, 100, 200, 400])
def test_chance_is_not_taken_for_a_confidence_that_is_off(texts: int) -> None:
    assert said(texts, 0.0) <= 0.12


@pytest.mark.parametrize(("texts", "least"), [(100, 0.6), (400, 0.98)])
def test_a_confidence_ten_points_off_is_found(texts: int, least: float) -> None:
    assert said(texts, 0.1) >= least


@pytest.mark.parametrize(
    ("accuracy", "smoothing", "advice"),
    [
        (0.7, 0.0, "`--label-smoothing 0.1`, or `--set stages.2.epochs=1`."),
        (0.7, 0.1, "`--label-smoothing 0.2`, or `--set stages.2.epochs=1`."),
        (0.7, 0.5, "`--set stages.2.epochs=1`."),
        (0.99, 0.0, "`--set stages.2.epochs=6`."),
        (0.99, 0.1, "`--set stages.2.epochs=6`, or `--label-smoothing 0`."),
    ],
)
def test_settings_for_its_direction(accuracy: float, smoothing: float, advice: str) -> None:
    manifest = settings_samples.with_loss(samples.two()[0], label_smoothing=smoothing)
    assert found(accuracy, manifest).setting == advice


def test_where_no_setting_is_left_there_are_texts() -> None:
    manifest = settings_samples.with_loss(samples.two()[0], label_smoothing=0.5)
    once = tuple(replace(stage, epochs=1) for stage in manifest.recipe.stages)
    assert found(0.7, replace(manifest, recipe=replace(manifest.recipe, stages=once))).setting == "more labelled texts."


def test_a_probe_takes_no_setting_for_its_confidence() -> None:
    assert "`--recipe fast`" in found(0.7, settings_samples.probe()).setting


def test_it_says_what_chance_makes() -> None:
    assert "15.0 points more confident than it is right; on 100 texts chance makes up to 7.0 points" in found(0.7).text


def test_an_error_in_no_one_direction_is_not_smoothed() -> None:
    """Too sure where it is sure, and not sure enough elsewhere."""
    bins = ReliabilityBin(0.5, 0.6, 200, 0.55, 0.7), ReliabilityBin(0.9, 1.0, 200, 0.95, 0.8)
    callout = diagnose_confidence(samples.two()[0], settings_samples.of_bins(0.15, *bins))
    assert callout is not None
    assert "in no one direction" in callout.text
    assert "--" not in callout.setting


def test_a_sound_confidence_is_one_that_is_not_off() -> None:
    bins = (ReliabilityBin(0.8, 0.9, 20, 0.85, 0.9),)
    assert sound(settings_samples.of_bins(0.02, *bins))
    assert not sound(settings_samples.of_bins(0.08, *bins))
    assert not sound(settings_samples.of_bins(0.02))
