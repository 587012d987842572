"""The Python face of the whole journey: `graft.choose` and `graft.run`, which show what they do and return what came of
it.

The steps on their own (`graft.read`, `graft.split`, `graft.fit`, …) are the doors of their rooms; see `graft.__init__`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any

from graft.choosing import BUDGET, ChooseOptions
from graft.choosing import choose as choose_events
from graft.cli.asking import new_folder
from graft.cli.screen import screen
from graft.cli.show import Story
from graft.errors import RecipeError, RunError
from graft.fit_options import FitOptions
from graft.folder import RunFolder
from graft.generate import GENERATION, Writer
from graft.generate import load as load_writer
from graft.predict import Predictor, load
from graft.records import Evaluation, Input, Manifest, Ranking, Recipe
from graft.records.writing import Fragment, Generation
from graft.run import Given, RunOptions
from graft.run import run as run_events

Way = str | Path | Recipe | FitOptions | None  # how to train


@dataclass(frozen=True)
class RunResult:
    """What `graft.run` leaves: the run's folder, its manifest, and the numbers on the test split."""

    folder: Path
    manifest: Manifest
    evaluation: Evaluation

    @cached_property
    def predictor(self) -> Predictor:
        """The trained model, loaded once."""
        return load(self.folder)

    @cached_property
    def writer(self) -> Writer:
        """The trained model of a run that learned to write, loaded once."""
        return load_writer(self.folder)

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics on the test split, by name."""
        return self.evaluation.metrics

    @property
    def report(self) -> Path:
        """The path of `report.html`."""
        return RunFolder(self.folder).report

    def predict(self, texts: Iterable[Input]) -> list[Any]:
        """One answer per text (or pair of texts, as a tuple), in order: a `Prediction` where there are classes."""
        return self.predictor.predict(texts)


def run(
    data: Any,
    out: str | Path | None = None,
    *,
    model: str | Path | None = None,
    recipe: Way = None,
    settings: Mapping[str, Any] | None = None,
    scratch: bool = False,
    resume: bool = False,
    quiet: bool = False,
) -> RunResult:
    """Train on labelled texts, measure on held-out rows, write a report.

    `data`: whatever `graft.read` takes, or a `graft.Given` that also names columns, split files and how to read them.
    `out`: the run's folder; without it a new one under `runs/`. `model`: "embedded", a folder or a hub id; None:
    "gpt2" to write, "t5-small" to rewrite, else "embedded".
    `recipe`: "fast" (the default), "thorough", "probe", "book", a .toml file or a `Recipe`; or a `graft.FitOptions`,
    which also says the device and the precision. `settings`: recipe fields by dotted name, such as
    `{"epochs": 3, "stages.0.optimiser.lr": 5e-5}`. `scratch`: also train the same architecture from random weights.
    `resume`: go on with the stopped run in `out`; model, device, precision and (without `settings`) recipe that are
    not named are its own. Progress goes to standard error unless `quiet`.

    Raises GraftError for everything that the caller can mend.
    """
    if resume and out is None:
        raise RunError("resume goes on with a run, but none is named.", "name its folder with out.")
    given = data if isinstance(data, Given) else Given(data)
    fit = _fitting(recipe, settings, model)
    with nullcontext(Path(out)) if out is not None else new_folder(given.data) as folder:
        story = Story(screen(quiet), folder)
        story.follow(run_events(given, fit, RunOptions(folder, resume, scratch)))
    assert story.manifest is not None
    assert story.evaluation is not None
    return RunResult(folder, story.manifest, story.evaluation)


def choose(
    data: Any,
    candidates: str | Path | Sequence[str | Path] = (),
    *,
    budget: float = BUDGET,
    within: float = 0.0,
    recipe: Way = None,
    settings: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Ranking:
    """Which pretrained model would serve best: what each is expected to reach, with an interval, and at what cost.

    `data`: as in `run`; of its rows only those of train are read. `candidates`: models as `run` takes them,
    "name@depth" and folders of models; none: all that are at hand. `budget`: seconds. `within`: take the cheapest that
    is expected within so much of the best (0.01: a point of accuracy). `recipe`, `settings`: how it would be trained,
    as in `run`.
    The advice is the result's `pick`, a name for `run`'s `model`; its `forecasts` lie best first.

    Raises GraftError for everything that the caller can mend.
    """
    began = time.perf_counter()
    numbers: tuple[Any, ...] = (budget, within)
    if not (all(isinstance(one, Real) for one in numbers) and budget > 0 and 0 <= within < 1):
        raise RecipeError(
            f"A budget of {budget!r} seconds within {within!r} cannot be.",
            "give seconds as a number, such as 300, and a share below 1.",
        )
    given = data if isinstance(data, Given) else Given(data)
    names = (candidates,) if isinstance(candidates, str | Path) else tuple(candidates)
    fit = _fitting(recipe, settings)
    story = Story(screen(quiet))
    story.follow(choose_events(given.splits(), fit, ChooseOptions(names, budget, within, began)))
    assert story.ranking is not None
    return story.ranking


def generate(
    run: str | Path | Writer, prompts: str | Sequence[str] = "", wanted: Generation = GENERATION
) -> Iterator[Fragment]:
    """Texts by a run of the task `write`, in pieces as they come; the last piece of each has its `ending`.

    `run`: the run's folder, or the `Writer` of one that is loaded (`RunResult.writer`). Stopping is leaving the loop.
    Raises RunError where the folder holds no model that writes.
    """
    writer = run if isinstance(run, Writer) else load_writer(run)
    return writer.generate(prompts, wanted)


def _fitting(way: Way, settings: Mapping[str, Any] | None, model: str | Path | None = None) -> FitOptions:
    """How to train: what is named by itself goes before what the options hold."""
    options = way if isinstance(way, FitOptions) else FitOptions(recipe=way)
    named = options.settings | as_settings(settings or {})
    return replace(options, model=model or options.model, settings=named)


def as_settings(named: Mapping[str, Any]) -> dict[str, str]:
    """Recipe fields as the strings that `FitOptions.settings` holds, each readable as a TOML value or a bare word."""
    return {name: _written(value) for name, value in named.items()}


def _written(value: Any) -> str:
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        value = value.tolist()
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return value
        case list() | tuple():
            return f"[{', '.join(_written(item) for item in value)}]"
    raise TypeError(f"a setting is a number, a string, a bool, None or a list of them, not {type(value).__name__}")
