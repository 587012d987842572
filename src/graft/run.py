"""The whole journey behind one door: read, split, fit, evaluate, report."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graft import assess, evidence, fitting, resuming
from graft.choosing import ChooseOptions, choose, only_at_hand
from graft.choosing import Event as ChooseEvent
from graft.data.columns.question_columns import QUESTIONS
from graft.data.documents import WRITE
from graft.data.read import ReadOptions, read
from graft.data.references import REWRITE
from graft.data.splitting.split import split
from graft.data.table import Splits
from graft.errors import RecipeError
from graft.fit_options import USUAL, FitOptions
from graft.folder import RunFolder, fresh_folder
from graft.machine import Device
from graft.records import Evaluation, Manifest, Phase, Ranking, Request, Said

Event = fitting.Event | assess.Event | ChooseEvent


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `run` does beyond reading and fitting."""

    out: str | Path | None = None  # None: a fresh folder under runs/
    resume: bool = False
    scratch: bool = False  # also train the same architecture from random weights, as a yardstick
    choose: ChooseOptions | None = None  # compare models that label first, and train the advised one; None: train fit's
    beside: dict[str, str] = field(default_factory=dict)  # to compare a style with: "neutral", "contrast" → path


@dataclass(frozen=True, slots=True)
class Given:
    """Where the data come from and how they are to be read and split; the fields of `graft.read` and `graft.split`."""

    data: Any
    text: str | tuple[str, str] | None = None
    label: str | None = None
    validation: Any = None
    test: Any = None
    reading: ReadOptions = field(default_factory=ReadOptions)
    shares: tuple[float | None, float | None] = (None, None)
    seed: int = 0

    def request(self, command: str) -> Request:
        """The record from which the same data can be read again."""
        defaults = ReadOptions()
        differing = {
            item.name: str(getattr(self.reading, item.name))
            for item in dataclasses.fields(ReadOptions)
            if getattr(self.reading, item.name) != getattr(defaults, item.name)
        }
        return Request(
            command=command,
            data=_path(self.data) or "" if self._on_disk else "",
            text=self.text,
            label=self.label,
            validation=_path(self.validation),
            test=_path(self.test),
            reading=differing,
            shares=self.shares,
            seed=int(self.seed),
        )

    @property
    def _on_disk(self) -> bool:
        """Whether all of it can be read again; objects in memory cannot."""
        return all(given is None or _path(given) is not None for given in (self.data, self.validation, self.test))

    def splits(self) -> Splits:
        """Read and split."""
        dataset = read(
            self.data,
            text=self.text,
            label=self.label,
            validation=self.validation,
            test=self.test,
            options=self.reading,
        )
        return split(dataset, validation=self.shares[0], test=self.shares[1], seed=self.seed)


def _path(given: Any) -> str | None:
    """A file by its absolute path, so that the run can be evaluated from another folder; a hub id as it is."""
    if not isinstance(given, str | Path):
        return None
    return str(Path(given).resolve()) if Path(given).exists() else str(given)


def run(
    given: Given, fit: FitOptions = FitOptions(), options: RunOptions = RunOptions(), command: str = "graft.run"
) -> Iterator[Event]:
    """From labelled data to a model, honest numbers and a report. The last event is the `Evaluation`.

    The run's folder is announced by the first `Manifest`.
    """
    where = {kind: str(Path(path).resolve()) for kind, path in options.beside.items()}
    if options.out is not None and not options.resume:
        RunFolder(options.out).refuse_taken()  # before minutes are spent on reading
    elif options.out is not None and RunFolder(options.out).exists:
        resuming.refuse_further(RunFolder(options.out), options.scratch, where)
    evidence.beside(where)  # what cannot be read is told now, not after the training
    start = time.perf_counter()
    splits = given.splits()
    seconds = time.perf_counter() - start
    yield from (Said(sentence) for sentence in about(splits))
    writes = splits.summary.task == WRITE  # what a style is worth shows beside the same model from random weights
    if where and not writes:
        raise RecipeError(
            f"Only a style is compared with other texts ({', '.join(where)}), and {splits.summary.name} is for "
            f"{splits.summary.task}.",
            f"leave out {' and '.join(f'--{kind}' for kind in where)}, or add --task write.",
        )
    request = dataclasses.replace(given.request(command), scratch=options.scratch or writes, beside=where)
    place: AbstractContextManager[Path] = fresh_folder(splits.summary.name)
    if options.out is not None:
        place = nullcontext(Path(options.out))
    with place as out, RunFolder(out).locked():
        yield from _run_within(RunFolder(out), splits, fit, options, request, seconds)


def _run_within(
    folder: RunFolder, splits: Splits, fit: FitOptions, options: RunOptions, request: Request, seconds: float
) -> Iterator[Event]:
    """All that is done in the run's folder, by whoever holds its lock: from the comparison of models to the report
    nobody else may train in it, or open its test split. `seconds`: what reading took."""
    ranking: Ranking | None = None
    if options.choose is not None and splits.summary.task not in USUAL and not folder.exists:
        ranking = yield from _compared(splits, fit, options.choose)
        fit = dataclasses.replace(fit, model=ranking.pick) if ranking else fit
    yield from fitting.fit_within(folder, splits, fit, request, options.resume, ranking)
    evaluation = folder.evaluation()
    if evaluation is not None and folder.manifest().outcome.status == "evaluated":
        yield Said("It is already evaluated; the test split stays closed. To open it again: graft evaluate.")
    else:
        evaluation = yield from _evaluated(folder, splits, fit.device)
        _charge(folder, Phase("read and split", seconds))
    assess.report(folder.path)
    yield folder.manifest()
    yield evaluation


def _evaluated(folder: RunFolder, splits: Splits, device: Device) -> Generator[Event, None, Evaluation]:
    evaluation: Evaluation | None = None
    for found in assess.evaluate_within(folder, splits, device):
        if isinstance(found, Evaluation):
            evaluation = found
        else:
            yield found
    assert evaluation is not None
    return evaluation


def _compared(splits: Splits, fit: FitOptions, options: ChooseOptions) -> Generator[Event, None, Ranking | None]:
    """Which model to train. None: fit's own, as there is nothing to compare."""
    only = only_at_hand(splits, options)
    if only:
        yield Said(only)
        return None
    ranking: Ranking | None = None
    for event in choose(splits, fit, options):
        if isinstance(event, Ranking):
            ranking = event
        yield event
    assert ranking is not None
    yield Said(f"Model: {ranking.pick}; {ranking.why}.")
    return ranking


def _charge(folder: RunFolder, phase: Phase) -> None:
    """Add what was spent before the run folder existed."""
    manifest: Manifest = folder.manifest()
    cost = manifest.outcome.cost
    if cost is None or any(known.name == phase.name for known in cost.phases):
        return
    cost = dataclasses.replace(cost, seconds=cost.seconds + phase.seconds, phases=(phase, *cost.phases))
    folder.write_manifest(dataclasses.replace(manifest, outcome=dataclasses.replace(manifest.outcome, cost=cost)))


def about(splits: Splits) -> Iterator[str]:
    """What was read, in sentences."""
    summary = splits.summary
    if summary.task == WRITE:
        yield f"Data: {summary.name}, to learn a style from."
        yield from summary.notes
        return
    counts = ", ".join(f"{part.name} {part.rows:,}" for part in summary.splits)
    columns = summary.columns
    if summary.task == REWRITE:
        yield f"Data: {summary.name}: {counts}. Learning to turn {columns.text!r} into {columns.label!r}."
        yield f"Columns: {columns.why}"
        yield from summary.notes
        return
    shown = ", ".join(summary.classes[:8]) + (f", … ({len(summary.classes)})" if len(summary.classes) > 8 else "")
    yield f"Data: {summary.name}: {counts}." + ("" if summary.task == QUESTIONS else f" Classes: {shown}.")
    texts = f"texts {columns.text!r} and {columns.second!r}" if columns.second else f"text {columns.text!r}"
    if summary.task == QUESTIONS:
        yield f"Columns: {columns.why}"
    else:
        yield f"Columns: {texts}, label {columns.label!r} ({columns.why.rstrip('.')})."
    yield from summary.notes
