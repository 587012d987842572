"""The report's section of numbers, which every task has: each metric beside the yardsticks'."""

from __future__ import annotations

from graft.records import Baseline, Evaluation, Manifest
from graft.records.metrics import metric
from graft.report import words
from graft.report.blocks import Block, Cell, Column, Estimate, Intervals, Measured, Section, Table


def numbers_section(evaluation: Evaluation, manifest: Manifest, key: str, reading: str) -> Section:
    """Every metric of the model and its yardsticks, and a chart of one of them, which says how to read it."""
    baselines = list(evaluation.baselines.values())
    columns = (
        Column("Metric"),
        Column("This model", "estimate"),
        *(Column(words.yardstick(one.name), "estimate", one.what) for one in baselines),
        Column("What it says", "text"),
    )
    rows = tuple(
        (
            words.metric_name(name),
            _reading(evaluation, name),
            *(_reading(baseline, name) for baseline in baselines),
            metric(name).about,
        )
        for name in evaluation.metrics
    )
    leaks = words.leaks(manifest.data.split(evaluation.split))
    which = ". " + leaks if leaks else " that training, model choice and stopping never saw."
    texts = words.plural(evaluation.n, f"{evaluation.split} {words.noun(manifest.data.task)}")
    lead = f"On {texts}{which} 95% bootstrap intervals stand under the values."
    blocks: list[Block] = []
    if key in evaluation.metrics:
        blocks.append(_against(evaluation, key, reading))
    blocks.append(Table("All numbers", columns, rows, sortable=False))
    if any(baseline.what for baseline in baselines):
        blocks.append(Table("The yardsticks", _YARDSTICK_COLUMNS, tuple(map(_yardstick, baselines)), sortable=False))
    return Section("numbers", "The numbers", lead, tuple(blocks))


_YARDSTICK_COLUMNS = (Column("Yardstick"), Column("Time", "seconds"), Column("What it is", "text"))


def _yardstick(baseline: Baseline) -> tuple[Cell, ...]:
    return words.yardstick(baseline.name), baseline.seconds, baseline.what


def _reading(measured: Evaluation | Baseline, key: str) -> Cell:
    if key not in measured.metrics:
        return None
    return Estimate(measured.metrics[key], measured.intervals.get(key), words.metric_unit(key))


def _against(evaluation: Evaluation, key: str, reading: str) -> Intervals:
    rows = [Measured("This model", evaluation.metrics[key], evaluation.intervals.get(key), True)]
    others = [baseline for baseline in evaluation.baselines.values() if key in baseline.metrics]
    for baseline in sorted(others, key=lambda one: one.metrics[key], reverse=metric(key).higher):
        name = words.yardstick(baseline.name)
        rows.append(Measured(name, baseline.metrics[key], baseline.intervals.get(key), False, baseline.what))
    return Intervals(f"{words.metric_name(key)}: {reading}", words.metric_unit(key), tuple(rows))
