"""No setting is named that is in force already, or that a run like this would be refused with."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from graft.records import Manifest
from graft.report import diagnose_settings as settings
from graft.train.recipe import changed, named
from graft.train.scale import Scale
from report import samples, settings_samples

SCALE = Scale(6920, 140_000, 2, 6, 384)
FIELDS = {"class-weights": "class_weights", "label-smoothing": "label_smoothing", "metric": "metric"}


def obeyed(manifest: Manifest, setting: str) -> bool:
    """Whether the run's recipe changes by the setting; raises RecipeError where it would be refused."""
    given = dict(re.findall(r"--([a-z-]+) (\S+)", setting))
    recipe = named(given.pop("recipe"), SCALE) if "recipe" in given else manifest.recipe
    return changed(recipe, {FIELDS[option]: value for option, value in given.items()}, SCALE) != manifest.recipe


@pytest.mark.parametrize("manifest", [samples.two()[0], settings_samples.probe()], ids=["trained", "probe"])
def test_what_is_named_is_neither_refused_nor_in_force(manifest: Manifest) -> None:
    assert obeyed(manifest, settings.balanced(manifest))
    assert obeyed(manifest, settings.kept_by(manifest, "macro_f1"))
    assert obeyed(manifest, settings.recipe(manifest, "thorough"))
    smoother = settings.smoothing(manifest, 0, 0.1)
    assert not smoother or obeyed(manifest, smoother)


def test_what_is_in_force_is_not_named() -> None:
    run = settings_samples.with_loss(settings_samples.named("thorough"), class_weights="balanced", label_smoothing=0.1)
    assert not settings.balanced(run)
    assert not settings.smoothing(run, 2, 0.1)
    assert not settings.recipe(run, "thorough")
    assert not settings.kept_by(run, "accuracy")
    assert settings.sweep(run)
    assert not settings.sweep(replace(run, recipe=replace(run.recipe, sweep=(1e-4,))))


def test_a_probe_trains_by_another_recipe_and_has_no_rates_to_try() -> None:
    probe = settings_samples.probe()
    assert not settings.trains(probe)
    assert settings.either(*settings.longer(probe)) == "`--recipe fast`"
    assert not settings.sweep(probe)
    assert settings.balanced(probe) == "--recipe fast --class-weights balanced"
    assert settings.longer(samples.two()[0]) == ("more epochs (`--epochs`)", "other rates (`--sweep`)")


def test_phrases() -> None:
    assert settings.either("a", "", "b", "c") == "a, b, or c"
    assert settings.either("", "a") == "a"
    assert settings.either("") == ""
    assert settings.code("", "--a 1", "--b 2") == "`--a 1 --b 2`"
    assert settings.code("") == settings.by("other rates", "") == ""
