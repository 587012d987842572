"""The end of a run, on standard output: a small table in at most 80 columns, or one JSON object."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graft.cli.screen import spoken
from graft.records import LEAKY, Evaluation, Interval, Manifest
from graft.records.evidence import WritingDetails
from graft.records.metrics import metric
from graft.report.diagnose_writing import diagnose_writing
from graft.report.words import size, yardstick
from graft.tasks.registry import task_of

SHOWN = 4  # metrics in the table
FIRST, COLUMN = 18, 15  # widths of the table's columns


def described(folder: Path, manifest: Manifest, evaluation: Evaluation | None) -> dict[str, Any]:
    """The outcome as plain values, for --json."""
    outcome = manifest.outcome
    found: dict[str, Any] = {
        "run": str(folder),
        "model": manifest.backbone.name,
        "recipe": manifest.recipe.name,
        "status": outcome.status,
        "validation": {manifest.recipe.metric: outcome.best_value},
        "seconds": outcome.cost.seconds if outcome.cost else None,
    }
    if evaluation is not None:
        found |= {
            "split": evaluation.split,
            "n": evaluation.n,
            "metrics": evaluation.metrics,
            "intervals": {name: list(ends) for name, ends in evaluation.intervals.items()},
            "baselines": {name: baseline.metrics for name, baseline in evaluation.baselines.items()},
            "evaluations": outcome.evaluations,
            "report": str(folder / "report.html"),
        }
    return found


def table(folder: Path, manifest: Manifest, evaluation: Evaluation) -> str:
    """The outcome for a person."""
    writes = task_of(manifest).head.reads == "language"
    rows = ("document" if writes else "row") + ("" if evaluation.n == 1 else "s")
    lines = ["", f"On {evaluation.n:,} test {rows} of {manifest.data.name}, with 95% intervals:"]
    named = (name for name in task_of(manifest).validation if name in evaluation.metrics)
    lines += _numbers(evaluation, tuple(named)[: _columns()])
    lines += [*_warning(manifest, evaluation), *_of_a_style(manifest, evaluation)]
    lines += ["", _kept(manifest), *_cost(manifest)]
    run = shlex.quote(str(folder))
    lines += [f"Report:  {folder / 'report.html'}", f"Next:    {_ask(manifest, run)}"]
    return "\n".join(lines)


def _columns() -> int:
    """How many metrics fit the terminal, if it is one."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    return max(1, min(SHOWN, (width - FIRST) // COLUMN))


def _ask(manifest: Manifest, run: str) -> str:
    """How the model is asked something."""
    if task_of(manifest).head.reads == "language":
        return f'graft generate {run} --prompt "a beginning"'
    if task_of(manifest).head.reads == "span":
        return f'printf "a question\\ta text that answers it\\n" | graft predict {run}'
    if manifest.data.columns.second:
        return f'printf "one text\\tanother\\n" | graft predict {run}'
    return f'graft predict {run} "a text of yours"'


def _warning(manifest: Manifest, evaluation: Evaluation) -> list[str]:
    """What takes the numbers their meaning."""
    split = manifest.data.split(evaluation.split)
    if split is None or split.leaked < LEAKY:
        return []
    share = f"{split.leaks:,} of the {split.rows:,} {split.name} texts ({split.leaked:.0%})"
    tells = "what it remembers" if "train" in split.seen else "what it was chosen by"
    return [
        "",
        f"WARNING: {share} also stand in {split.seen}.",
        f"         These numbers tell {tells}, not how it answers new texts.",
    ]


def _of_a_style(manifest: Manifest, evaluation: Evaluation) -> list[str]:
    """What a person asks first of a model that writes: has it the style, does it recite, what should be looked at."""
    details = evaluation.details
    if not isinstance(details, WritingDetails):
        return []
    judge = "contrast" if any(one.judge == "contrast" for one in details.style) else "neutral"
    style = {one.body: one.share for one in details.style if one.judge == judge}
    copied = {one.body: one.share for one in details.novelty}
    found = [callout for callout in diagnose_writing(manifest, details) if callout]
    return [
        "",
        *_three("Style:   {} of its passages pass for it", style),
        *_three("Copied:  {} of its words", copied),
        *(f"Warning: {one.title}; see the report." for one in found if one.severity in ("problem", "warning")),
    ]


def _three(sentence: str, shares: dict[str, float]) -> Iterator[str]:
    """The model's share beside the untuned model's and held-out text's, where all are known."""
    if {"after", "before", "held out"} <= shares.keys():
        own, before, held = (f"{shares[body]:.1%}" for body in ("after", "before", "held out"))
        yield f"{sentence.format(own)} (before {before}, held-out text {held})"


def fitted(folder: Path, manifest: Manifest) -> str:
    """The end of `fit`, which opens no test split."""
    run = shlex.quote(str(folder))
    return "\n".join(["", _kept(manifest), *_cost(manifest), f"Run:     {folder}", f"Next:    graft evaluate {run}"])


def _numbers(evaluation: Evaluation, shown: tuple[str, ...]) -> list[str]:
    """The table: a column per metric, the model with its intervals, then the yardsticks."""
    lines = [_line("", [metric(name).short for name in shown])]
    lines.append(_line("This model", [_number(evaluation.metrics, name) for name in shown]))
    lines.append(_line("", [_between(evaluation.intervals.get(name)) for name in shown]))
    for other in evaluation.baselines.values():
        lines.append(_line(yardstick(other.name), [_number(other.metrics, name) for name in shown]))
    return lines


def _line(name: str, cells: list[str]) -> str:
    return name[:FIRST].ljust(FIRST) + "".join(cell.rjust(COLUMN) for cell in cells)


def _number(metrics: dict[str, float], name: str) -> str:
    return _written(metrics[name]) if name in metrics else ""


def _written(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"


def _between(ends: Interval | None) -> str:
    if ends is None:
        return ""
    low, high = ends
    return f"{_written(low)}-{_written(high)}" if low >= 0 else f"{low:.2f} to {high:.2f}"


def _kept(manifest: Manifest) -> str:
    outcome, name = manifest.outcome, metric(manifest.recipe.metric).short
    value = "" if outcome.best_value is None else f", validation {name} {outcome.best_value:.3f}"
    return f"Kept:    epoch {outcome.best_epoch} of stage {outcome.best_stage}{value}"


def _cost(manifest: Manifest) -> list[str]:
    cost = manifest.outcome.cost
    if cost is None:
        return []
    memory = f", {size(cost.peak_memory)} of memory at most" if cost.peak_memory else ""
    return [f"Cost:    {spoken(cost.seconds)}{memory}"]
