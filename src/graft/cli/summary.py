"""The end of a run, on standard output: a small table in at most 80 columns, or one JSON object."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graft.cli.screen import spoken, written
from graft.records import LEAKY, Evaluation, Interval, Manifest
from graft.records.evidence import WritingDetails
from graft.records.metrics import metric
from graft.report.diagnose_writing import diagnose_writing
from graft.report.words import size, yardstick
from graft.tasks.registry import task_of

SHOWN = 4  # metrics in the table
FIRST, COLUMN = 18, 15  # widths of the table's columns, at least


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
    lines += _numbers(evaluation, tuple(named)[:SHOWN])
    lines += [*_warning(manifest, evaluation), *_of_a_style(manifest, evaluation)]
    lines += ["", _kept(manifest), *_cost(manifest)]
    run = shlex.quote(str(folder))
    lines += [f"Report:  {folder / 'report.html'}", f"Next:    {_ask(manifest, run)}"]
    return "\n".join(lines)


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
    """The table: the model with its intervals, then the yardsticks; as many metrics as fit the terminal."""
    others = tuple(evaluation.baselines.values())
    names = ("", "This model", "", *(yardstick(other.name) for other in others))
    columns = [[name[:FIRST].ljust(FIRST) for name in names]]
    left = (shutil.get_terminal_size().columns if sys.stdout.isatty() else 80) - FIRST
    for name in shown:
        between = _between(name, evaluation.intervals.get(name))
        cells = [metric(name).short, _number(evaluation.metrics, name), between]
        cells += [_number(other.metrics, name) for other in others]
        width = max(COLUMN, 1 + max(map(len, cells)))
        left -= width
        if left >= 0 or name == shown[0]:
            columns.append([cell.rjust(width) for cell in cells])
    return ["".join(cells) for cells in zip(*columns, strict=True)]


def _number(metrics: dict[str, float], name: str) -> str:
    return written(name, metrics[name]) if name in metrics else ""


def _between(name: str, ends: Interval | None) -> str:
    if ends is None:
        return ""
    if ends[0] < 0:  # shorter, for the sake of the signs
        return " to ".join(written(name, end, 2) for end in ends)
    return "-".join(written(name, end) for end in ends)


def _kept(manifest: Manifest) -> str:
    outcome, name = manifest.outcome, manifest.recipe.metric
    value = ""
    if outcome.best_value is not None:
        value = f", validation {metric(name).short} {written(name, outcome.best_value)}"
    return f"Kept:    epoch {outcome.best_epoch} of stage {outcome.best_stage}{value}"


def _cost(manifest: Manifest) -> list[str]:
    cost = manifest.outcome.cost
    if cost is None:
        return []
    memory = f", {size(cost.peak_memory)} of memory at most" if cost.peak_memory else ""
    return [f"Cost:    {spoken(cost.seconds)}{memory}"]
