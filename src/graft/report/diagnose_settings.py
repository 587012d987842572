"""The settings that a finding names: none that is in force already, none that a run like this would be refused with.

A setting is spelt as on the command line; one that does not apply is "".
"""

from __future__ import annotations

from graft.records import Manifest


def either(*ways: str) -> str:
    """What can be done, as one phrase; those that do not apply are left out."""
    known = [way for way in ways if way]
    return f"{', '.join(known[:-1])}, or {known[-1]}" if len(known) > 1 else "".join(known)


def code(*settings: str) -> str:
    """Settings to give together."""
    known = " ".join(setting for setting in settings if setting)
    return f"`{known}`" if known else ""


def by(what: str, setting: str) -> str:
    """("other rates", "--sweep") → "other rates (`--sweep`)"."""
    return f"{what} ({code(setting)})" if setting else ""


def trains(manifest: Manifest) -> bool:
    """Whether any stage takes steps; the head of a probe of whole texts is fitted without."""
    return any(stage.epochs for stage in manifest.recipe.stages)


def longer(manifest: Manifest) -> tuple[str, str]:
    """More training than there was."""
    if not trains(manifest):
        return code("--recipe fast"), ""
    return by("more epochs", "--epochs"), by("other rates", sweep(manifest))


def recipe(manifest: Manifest, name: str) -> str:
    return "" if manifest.recipe.name == name else f"--recipe {name}"


def kept_by(manifest: Manifest, name: str) -> str:
    """Another metric to keep the best by."""
    return "" if manifest.recipe.metric == name else f"--metric {name}"


def sweep(manifest: Manifest) -> str:
    """Several rates tried before the last stage, which has to thaw blocks."""
    last = manifest.recipe.stages[-1]
    return "" if manifest.recipe.sweep or last.unfrozen == 0 or not last.epochs else "--sweep"


def balanced(manifest: Manifest) -> str:
    """Class weights; where a stage takes no steps, with a recipe that does."""
    if any(stage.loss.class_weights == "balanced" for stage in manifest.recipe.stages):
        return ""
    stepless = not all(stage.epochs for stage in manifest.recipe.stages)
    return f"{'--recipe fast ' if stepless else ''}--class-weights balanced"


def smoothing(manifest: Manifest, at: int, value: float) -> str:
    """Another label smoothing than the stage `at` has; it is of every stage, and one that takes no steps refuses it."""
    stages = manifest.recipe.stages
    other = stages[at].loss.label_smoothing != value
    return f"--label-smoothing {value:g}" if other and all(stage.epochs for stage in stages) else ""
