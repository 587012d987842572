"""What the curves of a run say: overfitting, stopping too soon, rates that do not fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from graft.records import Epoch, Manifest, Stage
from graft.report import words
from graft.report.blocks import Callout


def diagnose_training(manifest: Manifest, epochs: Sequence[Epoch]) -> list[Callout | None]:
    """At most one callout per check; the checks of single epochs look at the last stage that was trained."""
    broken = _not_finite(epochs)
    if broken or not epochs:
        return [broken]
    at = next((number for number, stage in enumerate(manifest.recipe.stages) if stage.name == epochs[-1].stage), None)
    if at is None:
        return []
    stage, metric = manifest.recipe.stages[at], manifest.recipe.metric
    trained = [epoch for epoch in epochs if epoch.stage == stage.name and epoch.number > 0]
    done = manifest.outcome.status in ("fitted", "evaluated")
    return [
        _left_out(manifest),
        _no_learning(manifest, epochs),
        _rising_loss(trained, at, stage),
        _overfitting(trained, at, metric),
        _still_improving(trained, at, stage, metric) if done else None,
        _stage_lost(manifest, epochs) if done else None,
    ]


def _score(epoch: Epoch, metric: str) -> float:
    return epoch.validation.get(metric, math.nan)


def _not_finite(epochs: Sequence[Epoch]) -> Callout | None:
    for epoch in epochs:
        # A loss that was not finite is written as null, so a trained epoch without a loss is one too.
        if epoch.number > 0 and (epoch.loss is None or not math.isfinite(epoch.loss)):
            return Callout(
                "problem",
                "The training loss broke",
                f"In epoch {epoch.number} of stage “{epoch.stage}” the loss was no longer a finite "
                "number: the weights were thrown "
                "about by too large steps.",
                "a tenth of the learning rate (`--lr`), or a longer warm-up (`--set warmup=0.2`).",
            )
    return None


def _left_out(manifest: Manifest) -> Callout | None:
    skipped = manifest.outcome.skipped
    if not skipped.steps:
        return None
    places = "; ".join(skip.place for skip in skipped.first[:5] if skip.place)
    return Callout(
        "warning",
        f"{words.plural(skipped.steps, 'training step')} left out",
        "Their loss or a gradient was not a finite number, and leaving them out was asked for "
        f"(`on_nonfinite`). The first: {places}. `run.json` names more.",
        "look at these texts; if nothing is odd about them, a lower rate (`--lr`) or `--precision fp32`.",
    )


def _no_learning(manifest: Manifest, epochs: Sequence[Epoch]) -> Callout | None:
    losses = [epoch.loss for epoch in epochs if epoch.loss is not None]
    guessing = math.log(max(len(manifest.data.classes), 2))
    if not losses or not manifest.data.classes or min(losses) < 0.95 * _label_entropy(manifest, guessing):
        return None
    return Callout(
        "problem",
        "The model hardly learns",
        f"The lowest training loss, {words.decimal(min(losses))}, is that of guessing by class "
        "frequency. Either the rate does not "
        "fit, or the texts do not tell the labels.",
        "`--sweep` to try several rates for short; then read some rows: is the right column the label?",
    )


def _label_entropy(manifest: Manifest, otherwise: float) -> float:
    """The loss of always giving the train split's class frequencies, in nats."""
    counts = next((split.per_class for split in manifest.data.splits if split.name == "train"), {})
    total = sum(counts.values())
    if not total:
        return otherwise
    return -sum(n / total * math.log(n / total) for n in counts.values() if n)


def _rising_loss(trained: list[Epoch], at: int, stage: Stage) -> Callout | None:
    losses = [epoch.loss for epoch in trained if epoch.loss is not None]
    if len(losses) < 2 or losses[-1] <= 1.1 * min(losses) + 0.01:
        return None
    lowest = losses.index(min(losses))
    return Callout(
        "warning",
        "The training loss rises again",
        f"In stage “{stage.name}” it was {words.decimal(losses[lowest])} after epoch {trained[lowest].number} and "
        f"{words.decimal(losses[-1])} after epoch {trained[-1].number}: the steps are too large.",
        f"`--set stages.{at}.optimiser.lr={stage.optimiser.lr / 3:.1g}` (it was {stage.optimiser.lr:g}), or `--sweep`.",
    )


def _overfitting(trained: list[Epoch], at: int, metric: str) -> Callout | None:
    scored = [epoch for epoch in trained if math.isfinite(_score(epoch, metric))]
    if len(scored) < 2:
        return None
    best, last = _best(scored, metric), scored[-1]
    fell = abs(_score(best, metric) - _score(last, metric))
    if best is last or fell < 0.005 or best.loss is None or last.loss is None or last.loss >= best.loss:
        return None
    return Callout(
        "warning" if fell >= 0.015 else "note",
        "Overfitting after the best epoch",
        f"In stage “{best.stage}” validation {words.spoken(metric)} went from "
        f"{words.metric_value(metric, _score(best, metric))} after epoch "
        f"{best.number} to {words.metric_value(metric, _score(last, metric))} after epoch "
        f"{last.number}, while training loss fell from "
        f"{words.decimal(best.loss)} to {words.decimal(last.loss)}: the later epochs learn the train texts by heart. "
        "The best epoch was kept, so only time was lost.",
        f"`--set stages.{at}.epochs={best.number}`, or `--set patience=1`; more texts help most.",
    )


def _best(scored: list[Epoch], metric: str) -> Epoch:
    """The best epoch by a metric, the earliest of equals; losses are better when lower."""
    return min(scored, key=lambda epoch: _score(epoch, metric) * (1 if words.is_loss(metric) else -1))


def _still_improving(trained: list[Epoch], at: int, stage: Stage, metric: str) -> Callout | None:
    scored = [epoch for epoch in trained if math.isfinite(_score(epoch, metric))]
    if len(scored) < 2 or _best(scored, metric) is not scored[-1] or len(trained) < stage.epochs:
        return None
    gain = abs(_score(scored[-1], metric) - _score(scored[-2], metric))
    if gain < 0.004:
        return None
    gained = words.points(gain) if words.is_share(metric) else words.decimal(gain)
    return Callout(
        "note",
        "Still improving at the end",
        f"The last epoch of stage “{stage.name}” was its best, and improved validation "
        f"{words.spoken(metric)} by {gained}: "
        "training ended before it stopped paying.",
        f"`--set stages.{at}.epochs={stage.epochs + max(2, stage.epochs // 2)}`.",
    )


def _stage_lost(manifest: Manifest, epochs: Sequence[Epoch]) -> Callout | None:
    """A later stage that brought nothing: the kept weights are those of an earlier one."""
    outcome = manifest.outcome
    names = [name for name, _ in groupby(epoch.stage for epoch in epochs)]
    if len(names) < 2 or not outcome.best_stage or outcome.best_stage == names[-1]:
        return None
    return Callout(
        "note",
        f"Stage “{names[-1]}” brought nothing",
        f"The best validation score came in stage “{outcome.best_stage}”, epoch {outcome.best_epoch}, "
        "and its weights were kept. "
        "What was thawed later did not help at these rates.",
        "`--sweep` to try several rates, or leave the last stage out to save its time.",
    )
