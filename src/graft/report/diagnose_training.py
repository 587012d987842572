"""What the curves of a run say: overfitting, stopping too soon, rates that do not fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from graft.records import Epoch, Manifest, Stage
from graft.report import words
from graft.report.blocks import Callout
from graft.report.diagnose_guessing import hardly_learns
from graft.report.diagnose_settings import by, code, either, recipe, sweep

_WARM = 0.2  # share of a stage's steps over which its rate rises: twice the usual


def diagnose_training(manifest: Manifest, epochs: Sequence[Epoch]) -> list[Callout | None]:
    """At most one callout per check; the checks of single epochs look at the last stage that was trained."""
    broken = _not_finite(manifest, epochs)
    if broken or not epochs:
        return [broken]
    at = next((number for number, stage in enumerate(manifest.recipe.stages) if stage.name == epochs[-1].stage), None)
    if at is None:
        return []
    stage, metric = manifest.recipe.stages[at], manifest.recipe.metric
    lived = [epoch for epoch in epochs if epoch.stage == stage.name]  # the validation before its first step included,
    if manifest.head is not None and manifest.head.start == "random":  # but where a random head has only luck there
        lived = [epoch for epoch in lived if epoch.number > 0]
    trained = [epoch for epoch in lived if epoch.number > 0]
    done = manifest.outcome.status in ("fitted", "evaluated")
    start_kept = _start_kept(manifest, epochs, at) if done else None
    return [
        _left_out(manifest),
        hardly_learns(manifest, epochs, stage.loss),
        _rising_loss(manifest, trained, at),
        _overfitting(lived, at, stage, metric),
        _still_improving(lived, at, stage, metric) if done else None,
        start_kept or (_stage_lost(manifest, epochs) if done else None),
    ]


def _score(epoch: Epoch, metric: str) -> float:
    return epoch.validation.get(metric, math.nan)


def _not_finite(manifest: Manifest, epochs: Sequence[Epoch]) -> Callout | None:
    for epoch in epochs:
        # A loss that was not finite is written as null, so a trained epoch without a loss is one too.
        if epoch.number > 0 and (epoch.loss is None or not math.isfinite(epoch.loss)):
            return Callout(
                "problem",
                "The training loss broke",
                f"In epoch {epoch.number} of stage “{epoch.stage}” the loss was no longer a finite "
                "number: the weights were thrown "
                "about by too large steps.",
                f"{either('a tenth of the learning rate (`--lr`)', by('a longer warm-up', _warmer(manifest, epoch)))}.",
            )
    return None


def _warmer(manifest: Manifest, broken: Epoch) -> str:
    warmed = any(stage.name == broken.stage and stage.optimiser.warmup >= _WARM for stage in manifest.recipe.stages)
    return "" if warmed else f"--set warmup={_WARM:g}"


def _left_out(manifest: Manifest) -> Callout | None:
    skipped = manifest.outcome.skipped
    if not skipped.steps:
        return None
    precise = code("" if manifest.machine.precision == "fp32" else "--precision fp32")
    places = "; ".join(skip.place for skip in skipped.first[:5] if skip.place)
    return Callout(
        "warning",
        f"{words.plural(skipped.steps, 'training step')} left out",
        "Their loss or a gradient was not a finite number, and leaving them out was asked for "
        f"(`on_nonfinite`). The first: {places}. `run.json` names more.",
        f"look at these texts; if nothing is odd about them, {either('a lower rate (`--lr`)', precise)}.",
    )


def _rising_loss(manifest: Manifest, trained: list[Epoch], at: int) -> Callout | None:
    losses = [epoch.loss for epoch in trained if epoch.loss is not None]
    if len(losses) < 2 or losses[-1] <= 1.1 * min(losses) + 0.01:
        return None
    lowest, stage = losses.index(min(losses)), manifest.recipe.stages[at]
    slower = f"--set stages.{at}.optimiser.lr={stage.optimiser.lr / 3:.1g}"
    return Callout(
        "warning",
        "The training loss rises again",
        f"In stage “{stage.name}” it was {words.decimal(losses[lowest])} after epoch {trained[lowest].number} and "
        f"{words.decimal(losses[-1])} after epoch {trained[-1].number}: the steps are too large.",
        f"{either(f'{code(slower)} (it was {stage.optimiser.lr:g})', code(sweep(manifest)))}.",
    )


def _overfitting(lived: list[Epoch], at: int, stage: Stage, metric: str) -> Callout | None:
    scored = [epoch for epoch in lived if math.isfinite(_score(epoch, metric))]
    if not scored:
        return None
    best, last = _best(scored, metric), scored[-1]
    fell = _step(best, last, metric)
    if best is last or fell < 0.005 or best.loss is None or last.loss is None or last.loss >= best.loss:
        return None
    patient = "" if stage.stopping.patience == 1 else "--set patience=1"
    return Callout(
        "warning" if fell >= 0.015 else "note",
        "Overfitting after the best epoch",
        f"In stage “{best.stage}” validation {words.spoken(metric)} went from "
        f"{words.metric_value(metric, _score(best, metric))} after epoch "
        f"{best.number} to {words.metric_value(metric, _score(last, metric))} after epoch "
        f"{last.number}, while training loss fell from "
        f"{words.decimal(best.loss)} to {words.decimal(last.loss)}: the later epochs learn the train texts by heart. "
        "The best epoch was kept, so only time was lost.",
        f"{either(code(f'--set stages.{at}.epochs={best.number}'), code(patient))}; more texts help most.",
    )


def _step(one: Epoch, other: Epoch, metric: str) -> float:
    """How far apart two epochs lie; in a unit of its own that is told by shares of the first."""
    apart = abs(_score(one, metric) - _score(other, metric))
    of_what = abs(_score(one, metric)) if words.metric_unit(metric) == "number" else 1.0
    return apart / of_what if of_what else 0.0


def _best(scored: list[Epoch], metric: str) -> Epoch:
    """The best epoch by a metric, the earliest of equals; losses are better when lower."""
    return min(scored, key=lambda epoch: _score(epoch, metric) * (1 if words.is_loss(metric) else -1))


def _still_improving(lived: list[Epoch], at: int, stage: Stage, metric: str) -> Callout | None:
    scored = [epoch for epoch in lived if math.isfinite(_score(epoch, metric))]
    trained = sum(epoch.number > 0 for epoch in scored)
    if trained < max(2, stage.epochs) or _best(scored, metric) is not scored[-1]:
        return None
    if _step(scored[-1], scored[-2], metric) < 0.004:
        return None
    gained = words.difference(metric, _score(scored[-1], metric), _score(scored[-2], metric))
    return Callout(
        "note",
        "Still improving at the end",
        f"The last epoch of stage “{stage.name}” was its best, and improved validation "
        f"{words.spoken(metric)} by {gained}: "
        "training ended before it stopped paying.",
        f"`--set stages.{at}.epochs={stage.epochs + max(2, stage.epochs // 2)}`.",
    )


def _start_kept(manifest: Manifest, epochs: Sequence[Epoch], at: int) -> Callout | None:
    """Training that never came to more than it began with: the kept weights are those before the first step."""
    outcome, metric = manifest.outcome, manifest.recipe.metric
    trained = [epoch for epoch in epochs if epoch.number > 0]
    kept = [epoch for epoch in epochs if epoch.number == 0 and epoch.stage == epochs[0].stage]
    if not trained or not kept or outcome.best_epoch != 0 or outcome.best_stage != kept[0].stage:
        return None
    scored = [epoch for epoch in trained if math.isfinite(_score(epoch, metric))]
    after = f", and {words.metric_value(metric, _score(_best(scored, metric), metric))} at best after" if scored else ""
    random = manifest.head is not None and manifest.head.start == "random"
    head = " Its head is random and has learnt nothing: this model is of no use." if random else ""
    return Callout(
        "warning",
        "Training did not improve on the start",
        f"Validation {words.spoken(metric)} was {words.metric_value(metric, _score(kept[0], metric))} before the first "
        f"step{after}. The weights from before training were kept.{head}",
        _other_training(manifest, at, random),
    )


def _other_training(manifest: Manifest, at: int, random: bool) -> str:
    """A head that starts at random needs more steps; one that is good before needs smaller ones."""
    stage = manifest.recipe.stages[at]
    if random:
        epochs = stage.epochs + max(5, stage.epochs)
        more = by("more steps", f"--set stages.{at}.epochs={epochs}")
        return f"{either(more, by('other rates', sweep(manifest)), 'more labelled rows')}."
    lower = (
        f"a lower rate (`--set stages.{at}.optimiser.lr={stage.optimiser.lr / 3:.1g}`; it was {stage.optimiser.lr:g})"
    )
    if manifest.head is None or manifest.head.start != "probe":
        return f"{lower}, or more rows to learn from."
    probe = code(recipe(manifest, "probe"))
    return f"{either(lower, 'more labelled rows', probe and f'{probe}, which does without this training')}."


def _stage_lost(manifest: Manifest, epochs: Sequence[Epoch]) -> Callout | None:
    """A later stage that brought nothing: the kept weights are those of an earlier one."""
    outcome = manifest.outcome
    names = [name for name, _ in groupby(epoch.stage for epoch in epochs)]
    if len(names) < 2 or not outcome.best_stage or (outcome.best_stage == names[-1] and outcome.best_epoch > 0):
        return None
    return Callout(
        "note",
        f"Stage “{names[-1]}” brought nothing",
        f"The best validation score came in stage “{outcome.best_stage}”, epoch {outcome.best_epoch}, "
        "and its weights were kept. "
        "What was thawed later did not help at these rates.",
        f"{either(by('other rates', sweep(manifest)), 'leave the last stage out, to save its time')}.",
    )
