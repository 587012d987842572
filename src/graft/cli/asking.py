"""From a parsed command line to what the doors of graft take.

With --resume, what is not named is taken from the run: its data, its model, its recipe.
"""

from __future__ import annotations

import shlex
from argparse import Namespace
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from graft.choosing import BUDGET, BUDGET_OF_RUN, ChooseOptions
from graft.cli.options import texts_named
from graft.cli.usage import UsageError
from graft.data.files.folder import FORMATS, extension
from graft.data.read import ReadOptions
from graft.errors import RunError
from graft.fit_options import FitOptions
from graft.folder import RunFolder, fresh_folder
from graft.records import Manifest
from graft.run import Given
from graft.train.checkpoint import SAVE_EVERY

READING = ("task", "documents", "encoding", "format", "labels", "unlabelled", "quoting")
SHORTCUTS = {
    "epochs": "epochs",
    "lr": "lr",
    "batch": "rows",
    "max_tokens": "max_tokens",
    "seed": "seed",
    "head": "head",
    "metric": "metric",
    "pairs": "pairs",
    "long": "long",
    "class_weights": "class_weights",
    "label_smoothing": "label_smoothing",
    "sweep": "sweep",
    "on_nonfinite": "on_nonfinite",
}


def command(asked: Namespace) -> str:
    """The command as typed."""
    return shlex.join(["graft", *asked.command])


def recorded(asked: Namespace) -> Manifest | None:
    """The manifest of the run that --resume names; None without --resume. Raises RunError when there is none."""
    if not asked.resume:
        if asked.data is None:
            raise UsageError(f"graft {asked.command[0]}: DATA is missing.", "name a file, a folder or hub:NAME.")
        return None
    if asked.out is None:
        raise UsageError("--resume goes on with a run, but none is named.", "add --out RUN.")
    folder = RunFolder(asked.out)
    if folder.exists or (asked.data is None and folder.path.is_file()):
        return folder.manifest()
    if asked.data is not None:
        return None  # it was stopped before it had written anything
    folder.refuse_strangers()
    raise RunError(
        f"{folder.path} holds no run to go on with: one that is stopped before training begins has written nothing.",
        "give the command that it was started with again, with DATA.",
    )


def out(asked: Namespace) -> AbstractContextManager[Path]:
    """The run's folder: the one named, or a new one under runs/."""
    return nullcontext(Path(asked.out)) if asked.out is not None else new_folder(asked.data)


def new_folder(data: Any) -> AbstractContextManager[Path]:
    """A folder under runs/ that was not there yet, named after the data; it goes again where it stays empty."""
    if not isinstance(data, str | Path):
        return fresh_folder("data")
    path = Path(data)
    name = path.resolve().name.removesuffix(".gz") if path.exists() else str(data)
    return fresh_folder(name.removesuffix(extension(path)) if extension(path) in FORMATS else name)


def given(asked: Namespace, run: Manifest | None) -> Given:
    """Where the data come from. Raises RunError when a resumed run's data were in memory."""
    if asked.data is None:
        assert run is not None
        request = run.request
        if not request.data:
            raise UsageError(
                "The run was made from data in memory.", "go on with it from Python: graft.fit(…, resume=True)."
            )
        named = (request.data, request.text, request.label, request.validation, request.test)
        return Given(*named, reading=_reading(request.reading), shares=request.shares, seed=request.seed)
    reading = {name: str(value) for name in READING if (value := getattr(asked, name)) is not None}
    return Given(
        asked.data,
        texts_named(asked),
        asked.label,
        asked.validation,
        asked.test,
        _reading(reading),
        (asked.validation_share, asked.test_share),
        asked.split_seed,
    )


def _reading(named: dict[str, str]) -> ReadOptions:
    values: dict[str, Any] = {name: int(value) if name == "max_bytes" else value for name, value in named.items()}
    return ReadOptions(**values)


def fitting(asked: Namespace) -> FitOptions:
    """How to train."""
    if asked.revision is not None and asked.model is None:
        raise UsageError("--revision is of a model, but none is named.", "add --model NAME, or leave it out.")
    every = SAVE_EVERY if asked.save_every is None else asked.save_every
    return FitOptions(asked.model, asked.revision, asked.recipe, settings(asked), asked.device, asked.precision, every)


def comparing(asked: Namespace) -> FitOptions:
    """How the candidates of `choose` would be trained."""
    named = {} if asked.max_tokens is None else {"max_tokens": str(asked.max_tokens)}
    return FitOptions(
        recipe=asked.recipe, settings=named | dict(asked.set), device=asked.device, precision=asked.precision
    )


def choosing(asked: Namespace, began: float) -> ChooseOptions:
    """Which models are compared, in what time from `began` (time.perf_counter())."""
    if not 0 <= asked.within < 100:
        raise UsageError(
            f"--within {asked.within:g} is not within 0 and 100.", "name points of accuracy, such as --within 1."
        )
    return ChooseOptions(tuple(asked.candidates), asked.budget or BUDGET, asked.within / 100, began)


def unnamed(asked: Namespace) -> ChooseOptions | None:
    """How a run finds its model where none is named; None where one is."""
    return ChooseOptions(budget=BUDGET_OF_RUN) if asked.model is None else None


def settings(asked: Namespace) -> dict[str, str]:
    """Recipe fields by dotted name: the shortcuts, then --set in the order given."""
    found = {field: getattr(asked, option) for option, field in SHORTCUTS.items()}
    named = {
        field: value if isinstance(value, str) else repr(value) for field, value in found.items() if value is not None
    }
    return named | dict(asked.set)
