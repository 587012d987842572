"""Whether a model's confidence is off by more than chance makes it seem, and what would change it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from graft.records import ClassificationDetails, Evaluation, Manifest, ReliabilityBin
from graft.report import words
from graft.report.blocks import Callout
from graft.report.diagnose_settings import code, either, smoothing

ERROR = "calibration_error"
_OFF = 0.05  # calibration error from which it is said, and to which confidence is called sound
_CLEAR = 1.96  # standard deviations beyond what chance makes
_SMOOTHEST = 0.5


def sound(evaluation: Evaluation) -> bool:
    """Whether there is a confidence that was held against being right, and it is not off."""
    return bool(_bins(evaluation)) and evaluation.metrics[ERROR] < _OFF


def diagnose_confidence(manifest: Manifest, evaluation: Evaluation) -> Callout | None:
    """An error that is large, and larger than a sound confidence would show on as many texts: in one direction, which
    settings can change, or else in all."""
    bins = _bins(evaluation)
    if not bins or evaluation.metrics[ERROR] < _OFF:
        return None
    found, over = sum(map(_gap, bins)), sum(piece.count * (piece.confidence - piece.accuracy) for piece in bins)
    most = _CLEAR * math.sqrt(sum(map(_variance, bins)))  # of `over` by chance
    texts, error = sum(piece.count for piece in bins), words.percent(evaluation.metrics[ERROR])
    on = f"on {words.plural(texts, 'text')}"
    if abs(over) > most and abs(over) >= found / 2:
        said = f"{_said(over / texts)}; {on} chance makes up to {words.points(most / texts)}."
        return _callout(f"{said} The calibration error is {error}.", _steadier(manifest, over > 0))
    chance, deviation = _by_chance(bins)
    if found <= chance + _CLEAR * deviation:
        return None
    said = "How often the model is right is not what its confidence says, though in no one direction."
    times = f"{found / chance:.1f} times what chance makes of a sound confidence {on}"
    return _callout(f"{said} The calibration error is {error}, {times}.", "more labelled texts; no setting changes it.")


def _callout(said: str, setting: str) -> Callout:
    return Callout("note", "Confidence is off", said, setting)


def _said(over: float) -> str:
    if over > 0:
        return f"On average the model is {words.points(over)} more confident than it is right"
    return f"On average the model is right {words.points(over)} more often than its confidence says"


def _bins(evaluation: Evaluation) -> Sequence[ReliabilityBin]:
    details = evaluation.details
    if not isinstance(details, ClassificationDetails) or ERROR not in evaluation.metrics:
        return ()
    return tuple(piece for piece in details.reliability if piece.count)


def _gap(piece: ReliabilityBin) -> float:
    """How many answers fewer or more are right than the confidence says."""
    return piece.count * abs(piece.confidence - piece.accuracy)


def _variance(piece: ReliabilityBin) -> float:
    """Of the number of right answers, if each is right as often as the confidence says."""
    return piece.count * piece.confidence * (1 - piece.confidence)


def _by_chance(bins: Sequence[ReliabilityBin]) -> tuple[float, float]:
    """Mean and deviation of the sum of all gaps of a sound confidence, each gap being normal about 0."""
    variances = list(map(_variance, bins))
    mean = sum(math.sqrt(2 / math.pi * variance) for variance in variances)
    return mean, math.sqrt((1 - 2 / math.pi) * sum(variances))


def _steadier(manifest: Manifest, too_sure: bool) -> str:
    """What changes a model's confidence. graft fits no temperature, so it is not named as a setting."""
    at = max((number for number, stage in enumerate(manifest.recipe.stages) if stage.epochs), default=None)
    if at is None:
        return "a recipe that trains, such as `--recipe fast`: a probe's confidence cannot be set."
    epochs, now = manifest.recipe.stages[at].epochs, manifest.recipe.stages[at].loss.label_smoothing
    if not too_sure:
        return f"{either(code(f'--set stages.{at}.epochs={2 * epochs}'), code(smoothing(manifest, at, 0.0)))}."
    more = 0.1 if now < 0.1 else min(2 * now, max(now, _SMOOTHEST))
    fewer = f"--set stages.{at}.epochs={epochs // 2}" if epochs > 1 else ""
    return f"{either(code(smoothing(manifest, at, more)), code(fewer)) or 'more labelled texts'}."
