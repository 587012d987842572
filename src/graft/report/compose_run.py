"""The sections that tell how a run went: its curves, its cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from graft.records import Cost, Epoch, Manifest, StageRecord
from graft.records.metrics import metric as known
from graft.report import words
from graft.report.blocks import (
    Bar,
    Bars,
    Block,
    Column,
    Curves,
    Facts,
    Fold,
    Panel,
    Point,
    Prose,
    Section,
    Series,
    Span,
    Table,
)

FEW = 4  # poolings and depths that a pooled head is fitted over to the end (`train/start.py`)
_LOSSES = ("loss", "log_loss", "token_loss")

# ------------------------------------------------------------------------------------------------------- training


def training_section(manifest: Manifest, epochs: Sequence[Epoch]) -> Section | None:
    """The curves of each stage, the stages and the epochs as tables; None where nothing was trained."""
    if not epochs:
        return None
    blocks: list[Block] = [*_curves(manifest, epochs), *_by_chance(manifest, epochs), *_averaging(manifest)]
    if manifest.outcome.stages:
        blocks.append(_stages(manifest.outcome.stages))
        blocks += [_sweep(manifest, stage) for stage in manifest.outcome.stages if stage.trials]
    blocks.append(Fold("All epochs", (_epochs(epochs, _untaught(manifest, epochs)),)))
    head = manifest.head
    if head and head.probe_validation:
        blocks.append(
            Fold("The probe: which pooling and depth", (_probe(head.probe_validation, manifest.recipe.metric),))
        )
    return Section("training", "Training", _training_lead(manifest, epochs), tuple(blocks))


def kept(epochs: Sequence[Epoch]) -> Epoch | None:
    """The epoch whose weights are kept, as far as the run has come."""
    return next((epoch for epoch in reversed(epochs) if epoch.best), None)


def _untaught(manifest: Manifest, epochs: Sequence[Epoch]) -> Epoch | None:
    """The validation of a head of random weights, where it was the best for a while though it is never kept."""
    first, best = epochs[0], kept(epochs)
    random = manifest.head is not None and manifest.head.start == "random"
    return first if random and first.best and not first.number and best is not first else None


def _training_lead(manifest: Manifest, epochs: Sequence[Epoch]) -> str:
    metric, best = manifest.recipe.metric, kept(epochs)
    if best is None:
        return ""
    reached = f"{words.spoken(metric)} {words.metric_value(metric, best.validation.get(metric))} on validation"
    return f"The weights that were kept are those of epoch {best.number} of stage “{best.stage}”: {reached}."


def _by_chance(manifest: Manifest, epochs: Sequence[Epoch]) -> Iterator[Prose]:
    """Why the best point is not the highest: what a random head happened to hit."""
    metric, first, best = manifest.recipe.metric, _untaught(manifest, epochs), kept(epochs)
    if first is None or best is None:
        return
    before, after = first.validation[metric], best.validation[metric]
    if (before < after) if known(metric).higher else (before > after):
        return
    yield Prose(
        f"Epoch 0 reached {words.metric_value(metric, before)}, which is what a head of random weights happens to hit: "
        "it is never kept once something was trained."
    )


def _averaging(manifest: Manifest) -> Iterator[Prose]:
    """Which stages were validated by averaged weights: their curves cannot be read without it."""
    names = [
        f"“{stage.name}”" for stage in manifest.recipe.stages if stage.average and stage.epochs * stage.snapshots > 1
    ]
    if names:
        yield Prose(
            f"Stage{'s' if len(names) > 1 else ''} {' and '.join(names)}: what is validated after an epoch, and kept "
            "where it is the best, is the mean of the weights over the stage so far "
            "(the recipe's field average). The training loss is that of the weights under way."
        )


def _curves(manifest: Manifest, epochs: Sequence[Epoch]) -> Iterator[Curves]:
    metric, chosen = manifest.recipe.metric, kept(epochs)
    validated = [(f"Validation {words.spoken(metric)}", metric, False)]
    losses = [("Training loss", "", False)]
    losses += [("Validation loss", key, True) for key in _LOSSES if any(key in epoch.validation for epoch in epochs)][
        :1
    ]
    panels = []
    if metric not in _LOSSES:
        panels.append(Panel(validated[0][0], words.metric_unit(metric), _series(epochs, validated, chosen)))
    title = "Training loss and validation loss" if len(losses) > 1 else "Training loss"
    panels.append(Panel(title, "decimal", _series(epochs, losses, chosen if metric in _LOSSES else None)))
    drawn = tuple(panel for panel in panels if panel.series)  # a probe has no training loss for labels and numbers
    if drawn:
        yield Curves("Each stage against time", drawn, tuple(_spans(manifest, epochs)))


def _series(
    epochs: Sequence[Epoch], wanted: Sequence[tuple[str, str, bool]], chosen: Epoch | None
) -> tuple[Series, ...]:
    """One series per stage and quantity; a key of "" is the training loss."""
    made = []
    for name, key, dashed in wanted:
        for stage, group in groupby(epochs, key=lambda epoch: epoch.stage):
            points = []
            for epoch in group:
                value = epoch.validation.get(key) if key else epoch.loss
                if value is None or not math.isfinite(value):
                    continue
                reading = words.metric_value(key or "loss", value)
                label = f"{name} {reading}: stage “{stage}”, epoch {epoch.number}, {words.duration(epoch.seconds)}"
                points.append(Point(epoch.seconds, value, label, epoch is chosen and not dashed))
            if points:
                made.append(Series(name, tuple(points), dashed))
    return tuple(made)


def _spans(manifest: Manifest, epochs: Sequence[Epoch]) -> Iterator[Span]:
    records = {record.name: record for record in manifest.outcome.stages}
    start = 0.0
    for stage, group in groupby(epochs, key=lambda epoch: epoch.stage):
        end = max(epoch.seconds for epoch in group)
        record = records.get(stage)
        yield Span(stage, start, end, _cut(manifest, record) if record else "not finished")
        start = end


def _cut(manifest: Manifest, record: StageRecord) -> str:
    blocks = manifest.backbone.blocks
    if record.cut <= 0:
        return "everything trains" if record.unfrozen == "all" else f"all {blocks} blocks train"
    below = f"{record.cut}/{blocks} frozen"
    return f"{below}, cached" if record.cached else f"{below}, recomputed"


def _stages(records: Sequence[StageRecord]) -> Table:
    columns = (
        Column("Stage"),
        Column("Thawed blocks", "count", "blocks that train, counted from the top"),
        Column("Cut", "count", "blocks below the cut, whose output does not change"),
        Column("Epochs", "count"),
        Column("Steps", "count"),
        Column("Padding", "share", "positions that hold no token"),
        Column("Time", "seconds"),
        Column("Cached"),
        Column("Why", "text"),
    )
    rows = tuple(
        (
            record.name,
            record.unfrozen,
            record.cut,
            record.epochs,
            record.steps,
            record.padding,
            record.seconds,
            "yes" if record.cached else "no",
            record.why,
        )
        for record in records
    )
    return Table("Stages", columns, rows, sortable=False)


def _sweep(manifest: Manifest, stage: StageRecord) -> Table:
    """The rates that were tried before a stage, and what each reached; the best by the recipe's metric was taken."""
    metric = manifest.recipe.metric
    sign = 1 if words.is_loss(metric) else -1
    best = min(stage.trials, key=lambda trial: (sign * trial.validation[metric], trial.validation.get("log_loss", 0.0)))
    keys = tuple(stage.trials[0].validation)
    columns = (Column("Rate"), *_validated(keys), Column("Taken"))
    rows = tuple(
        (f"{trial.lr:g}", *(trial.validation.get(key) for key in keys), "yes" if trial is best else "")
        for trial in stage.trials
    )
    caption = f"The sweep before stage “{stage.name}”: each rate for one epoch on a part of train"
    return Table(caption, columns, rows, sortable=False)


def _validated(keys: Sequence[str]) -> tuple[Column, ...]:
    """A column per validation metric."""
    return tuple(Column(f"Val. {words.metric_name(key).lower()}", known(key).unit) for key in keys)


def _epochs(epochs: Sequence[Epoch], untaught: Epoch | None) -> Table:
    keys = list(dict.fromkeys(key for epoch in epochs for key in epoch.validation))
    columns = (
        Column("Stage"),
        Column("Epoch", "count"),
        Column("Training loss", "decimal"),
        *_validated(keys),
        Column("Tokens/s", "count"),
        Column("After", "seconds"),
        Column("Best so far"),
    )
    rows = tuple(
        (
            epoch.stage,
            epoch.number,
            epoch.loss,
            *(epoch.validation.get(key) for key in keys),
            round(epoch.tokens_per_second) if epoch.number else None,
            epoch.seconds,
            "yes" if epoch.best and epoch is not untaught else "",
        )
        for epoch in epochs
    )
    return Table("Epochs; number 0 is the validation before the first step", columns, rows, page=20)


def _probe(scores: dict[str, float], metric: str) -> Table:
    unit = words.metric_unit(metric)
    columns = (Column("Pooling"), Column("Block", "count"), Column(f"Validation {words.spoken(metric)}", unit))
    rows = []
    for name, value in sorted(scores.items(), key=lambda item: item[1] * (1 if words.is_loss(metric) else -1)):
        pooling, _, depth = name.partition("@")
        rows.append((pooling, int(depth) if depth.isdigit() else depth or None, value))
    title = "A linear head on frozen features"
    if len(rows) > FEW:
        title += ": the best few on all of train, the others by a first step on a part of it"
    return Table(title, columns, tuple(rows), page=10)


# ------------------------------------------------------------------------------------------------------- cost


def cost_section(manifest: Manifest) -> Section | None:
    """Seconds per phase, tokens per second, peak memory, what the cache saved; None where it was not recorded."""
    cost = manifest.outcome.cost
    if cost is None:
        return None
    facts = [
        ("Total time", words.duration(cost.seconds)),
        *([("Training speed", f"{words.count(speed)} tokens/s")] if (speed := round(cost.tokens_per_second)) else []),
        ("Peak memory", words.size(cost.peak_memory)),
        ("Cache", _cache(cost)),
    ]
    bars = Bars("Time per phase", "seconds", tuple(Bar(phase.name, phase.seconds) for phase in cost.phases))
    blocks: tuple[Block, ...] = (bars, Facts(tuple(facts))) if cost.phases else (Facts(tuple(facts)),)
    return Section("cost", "Cost", "", blocks)


def _cache(cost: Cost) -> str:
    parts = []
    if cost.cache_rows or cost.cache_bytes:
        rows = f"{words.count(cost.cache_hits)} of {words.plural(cost.cache_rows, 'row')} found"
        parts.append(f"representations of {rows}, {words.size(cost.cache_bytes)}")
    if cost.cache_tokens:
        parts.append(f"tokens of {words.plural(cost.cache_tokens, 'text')} found")
    if cost.cache_seconds_saved > 0:
        parts.append(f"saved about {words.duration(cost.cache_seconds_saved)}")
    return "; ".join(parts) or "not used"
