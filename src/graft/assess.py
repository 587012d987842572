"""The doors after training: evaluate on the test split, once, and render the report.

Only here are the test split's labels looked at; every opening is counted in the manifest.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from graft import evidence, machine
from graft.backbone import saved
from graft.data.asked import CHUNK, in_chunks
from graft.data.read import ReadOptions, read
from graft.data.splitting.split import split
from graft.data.table import Rows, Splits, as_splits
from graft.errors import GraftError, ModelError, RunError
from graft.evaluate import baseline
from graft.evaluate import evaluate as evaluate_logits
from graft.files import write_text
from graft.folder import RunFolder
from graft.machine import Device, Precision
from graft.predict import Predictor, load
from graft.records import Baseline, Evaluation, Manifest, Phase, Progress, Said, TokenDetails
from graft.report.compose import compose
from graft.report.compose_choice import choice_section
from graft.report.page import render
from graft.report.words import plural
from graft.report.words import yardstick as spoken
from graft.scratch import from_scratch
from graft.tasks.registry import task_of
from graft.tasks.tagging_report import UNREAD
from graft.tasks.task import Logits, Outputs, Task
from graft.untrained import cosine

Event = Progress | Said | Evaluation


def evaluate(
    run: str | Path,
    splits: Splits | None = None,
    *,
    device: Device = "auto",
    precision: Precision = "auto",
) -> Iterator[Event]:
    """Open the test split: numbers with intervals, beside the yardsticks, into `evaluation.json` and `predictions.csv`.

    `splits` may be left out where the run's data can be read again. Yardsticks that take a training are kept from an
    earlier evaluation, and made where the run was asked for one that is not there. With `precision` "auto" the model is
    asked as `load` has it asked, but for a run that was computed in fp32: so is its evaluation. Raises RunError when
    the data are not the ones that the run was made from.
    """
    folder = RunFolder(run)
    folder.manifest()  # what is no run is refused before a lock is made in it
    with folder.locked():
        yield from evaluate_within(folder, splits, device, precision)


def evaluate_within(
    folder: RunFolder, splits: Splits | None, device: Device, precision: Precision = "auto"
) -> Iterator[Event]:
    """`evaluate` for whoever holds the folder's lock."""
    manifest = folder.manifest()
    splits = reread(manifest) if splits is None else as_splits(splits)
    _check_same(manifest, splits, folder)
    yield from folder.notices(manifest)
    began = time.perf_counter()
    further = yield from _kept(folder)
    if manifest.request.scratch and "scratch" not in further:
        saved.check(folder.model, manifest)  # now, not after minutes of training
        further |= yield from _random_start(manifest, splits)
        manifest = _charged(manifest, (Phase("from scratch", time.perf_counter() - began),))
    if task_of(manifest).head.reads == "language":
        events = _written(folder, manifest, splits, further, device)
    else:
        events = _answered(folder, manifest, splits, further, device, precision)
    is_said = False
    for event in events:
        if not is_said and isinstance(event, Progress | Evaluation):  # what can refuse it has been looked at by now
            is_said = True
            yield Said(_before(manifest.outcome.evaluations))
        yield event


def _before(times: int) -> str:
    """How often the test split was opened already."""
    if not times:
        return "The test split is opened for the first time."
    often = "once" if times == 1 else f"{times} times"
    return f"The test split was opened {often} before. Numbers that a choice was made by are too good."


def _answered(
    folder: RunFolder,
    manifest: Manifest,
    splits: Splits,
    further: dict[str, Baseline],
    device: Device,
    precision: Precision,
) -> Iterator[Event]:
    """The evaluation of a model that answers."""
    began = time.perf_counter()
    predictor = load(folder.path, device, "fp32" if manifest.machine.precision == "fp32" else precision)
    logits = yield from _logits(predictor, splits.test)
    seconds = time.perf_counter() - began
    outputs = predictor.outputs
    beside = yield from _yardsticks(manifest, splits, outputs)
    beside |= {name: one for name, one in further.items() if name not in beside}
    evaluation = evaluate_logits(
        predictor.task, logits, splits.test, outputs, baselines=tuple(beside.values()), seconds=seconds
    )
    evaluation = dataclasses.replace(evaluation, precision=predictor.precision)
    if isinstance(evaluation.details, TokenDetails) and evaluation.details.unread:
        yield Said(f"{plural(evaluation.details.unread, 'word')} of test get no tag: {UNREAD}.")
    whole = time.perf_counter() - began
    counted = _counted(manifest, (Phase("evaluate", seconds), Phase("yardsticks", whole - seconds)))
    folder.write_manifest(counted)  # before what was seen there is told, whatever becomes of the rest
    folder.write_evaluation(evaluation)
    write_text(folder.predictions, predictions_csv(predictor.task, splits.test, logits, outputs))
    files = counted.outcome.files | folder.digests(folder.predictions)
    folder.write_manifest(dataclasses.replace(counted, outcome=dataclasses.replace(counted.outcome, files=files)))
    yield evaluation


def _written(
    folder: RunFolder, manifest: Manifest, splits: Splits, further: dict[str, Baseline], device: Device
) -> Iterator[Event]:
    """The evaluation of a model that writes."""
    began = time.perf_counter()
    scratch = [one for one in further.values() if one.name == "scratch"]
    for event in evidence.evaluate(folder, manifest, splits, scratch, device):
        if isinstance(event, Evaluation):
            folder.write_manifest(_counted(manifest, (Phase("evaluate", time.perf_counter() - began),)))
            folder.write_evaluation(event)
        yield event


def _random_start(manifest: Manifest, splits: Splits) -> Generator[Progress | Said, None, dict[str, Baseline]]:
    """The yardstick of random weights, trained; none, which is said, where that cannot be: the model that was tuned is
    not at hand, the run's device is not there, its training fails. The run's own numbers do not wait for it."""
    found: dict[str, Baseline] = {}
    try:
        machine.choose(msgspec.convert(manifest.machine.device, Device), "fp32")  # refused where it is not there
        for event in from_scratch(splits, manifest):
            if isinstance(event, Baseline):
                found[event.name] = event
            else:
                yield event
    except ModelError as error:
        yield Said(f"Not compared with a random start: {error.found} To mend it: {error.remedy}")
    except GraftError as error:
        yield Said(f"Not compared with a random start: {error}")
    except (MemoryError, OSError, RuntimeError) as error:
        if not machine.is_out_of_memory(error):
            raise
        yield Said("Not compared with a random start, which trains every block: the memory is too small for that.")
    return found


def _yardsticks(
    manifest: Manifest, splits: Splits, outputs: Outputs
) -> Generator[Progress | Said, None, dict[str, Baseline]]:
    """The yardsticks that every evaluation makes itself."""
    task = task_of(manifest)
    found: dict[str, Baseline] = {}
    yield Said("The yardsticks answer the same rows now.")
    for yardstick in task.yardsticks(splits):
        found[yardstick.name] = baseline(task, yardstick, splits.test.targets, outputs)
    pairs = splits.test.seconds is not None and task.head.reads == "row"
    for event in cosine(splits, manifest) if pairs else ():
        if isinstance(event, Baseline):
            found[event.name] = event
        else:
            yield event
    yield Said(f"Compared with the yardsticks: {', '.join(map(spoken, found))}.")
    return found


def _kept(folder: RunFolder) -> Generator[Said, None, dict[str, Baseline]]:
    """Yardsticks of an earlier evaluation, by name; a damaged one is said, and made again."""
    try:
        known = folder.evaluation()
    except RunError as error:
        yield Said(f"{error.found} It is made again.")
        return {}
    return dict(known.baselines) if known else {}


def reread(manifest: Manifest) -> Splits:
    """The run's data, read and split again as the manifest says."""
    request = manifest.request
    if not request.data:
        raise RunError(
            "This run was made from data in memory, which cannot be read again.", "pass `splits` to graft.evaluate."
        )
    options = msgspec.convert(request.reading, ReadOptions, strict=False)
    dataset = read(
        request.data,
        text=request.text,
        label=request.label,
        validation=request.validation,
        test=request.test,
        options=options,
    )
    return split(dataset, validation=request.shares[0], test=request.shares[1], seed=request.seed)


def _check_same(manifest: Manifest, splits: Splits, folder: RunFolder) -> None:
    recorded = {summary.name: summary.digest for summary in manifest.data.splits}
    changed = [found.name for found in splits.summary.splits if recorded.get(found.name) != found.digest]
    if changed:
        raise RunError(
            f"The {' and '.join(changed)} data are not those that {folder.path} was made from.",
            "restore the data files, or start a new run.",
        )
    if manifest.data.classes != splits.classes:
        raise RunError(
            f"{folder.path} was made by a graft that read these labels otherwise.",
            "start a new run elsewhere.",
        )


def _logits(predictor: Predictor, rows: Rows) -> Generator[Progress, None, NDArray[np.float32]]:
    """Logits of all rows, in order; progress on the way."""
    parts: list[NDArray[np.float32]] = []
    done = 0
    for event in predictor.stream(in_chunks(rows)):
        if isinstance(event, Progress):
            chunk = min(CHUNK, len(rows) - done)
            yield Progress("evaluate", done + round(chunk * event.done / max(event.total, 1)), len(rows), "texts")
        else:
            parts.append(event[1])
            done += len(event[0])
    return np.concatenate(parts)


def _counted(manifest: Manifest, phases: tuple[Phase, ...]) -> Manifest:
    """The manifest after one more opening of the test split."""
    outcome = _charged(manifest, phases).outcome
    outcome = dataclasses.replace(outcome, status="evaluated", evaluations=outcome.evaluations + 1)
    return dataclasses.replace(manifest, outcome=outcome)


def _charged(manifest: Manifest, phases: tuple[Phase, ...]) -> Manifest:
    """The manifest with what the first evaluation took."""
    cost = manifest.outcome.cost
    if cost is None or manifest.outcome.evaluations:
        return manifest
    added = sum(phase.seconds for phase in phases)
    cost = dataclasses.replace(cost, seconds=cost.seconds + added, phases=(*cost.phases, *phases))
    return dataclasses.replace(manifest, outcome=dataclasses.replace(manifest.outcome, cost=cost))


def predictions_csv(task: Task, rows: Rows, logits: Logits, outputs: Outputs) -> str:
    """One line per row: its line in the file, truth, the answer in short, text."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    texts = ("question", "context") if task.head.reads == "span" else ("text", "text_pair")
    writer.writerow(("line", *task.judged(), *texts[: 1 if rows.seconds is None else 2]))
    truths = rows.targets.shown(outputs.names, 0, len(rows))
    answers = task.answers(rows, logits, outputs)
    for answer, line, truth in zip(answers, rows.lines.tolist(), truths, strict=True):
        read = (answer.text,) if isinstance(answer.text, str) else answer.text
        writer.writerow((line, truth, *task.short(answer), *read))
    return target.getvalue()


def report(run: str | Path) -> Path:
    """Render `report.html` from what lies in the run's folder; returns its path."""
    folder = RunFolder(run)
    manifest, evaluation = folder.manifest(), folder.evaluation()
    extra = list(task_of(manifest).sections(evaluation, manifest)) if evaluation else []
    ranking = folder.ranking()
    if ranking is not None:
        extra.append(choice_section(ranking))
    write_text(folder.report, render(compose(manifest, folder.epochs(manifest), evaluation, extra)))
    return folder.report
