"""What a task is to the rest of the house: one value that answers every question which depends on it.

A task says what head it needs and what trains it, which numbers judge it, how a head's outputs become answers, what
they are compared with, and what the report says. `tasks/registry.py` lists the tasks; each has a file of its own.

`logits` below are what a head says of some rows (rows × outputs, float32 or float64); torch is loaded by `Criterion`s
alone, when they are used.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from graft.data.table import Rows, Splits
from graft.data.targets import Targets
from graft.errors import RecipeError
from graft.records import Details, Evaluation, Interval, Loss, Manifest
from graft.records.metrics import metric as known
from graft.report.blocks import Section

if TYPE_CHECKING:
    from torch import Tensor

Logits = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Reads = Literal["row", "token", "span", "decoder", "language"]  # one vector per text, one per token, …
Answer = Any  # a frozen record of the task's own, such as `records.Prediction`


@dataclass(frozen=True, slots=True)
class Head:
    """What a task asks of a model's head. The number of outputs is that of the dataset's names."""

    auto: str = "AutoModelForSequenceClassification"  # the class of transformers that loads the artefact
    problem: str = "single_label_classification"  # its config's problem_type; "" for none
    reads: Reads = "row"


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a head's outputs mean: their names in order, and what was settled on validation (thresholds, by name)."""

    names: tuple[str, ...]
    settled: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)


ROW_HEAD = Head()


class Criterion(Protocol):
    """A training loss over one split's targets."""

    def losses(self, logits: Tensor, rows: Ints) -> Tensor:
        """The loss of each row at these positions, or of each of their words (their logits in the same order)."""
        ...

    def weight(self, rows: Ints) -> float:
        """What these rows weigh together: the loss of a batch is its sum over this."""
        ...


@dataclass(frozen=True, slots=True)
class Scores:
    """Every metric of R resamples of the same rows."""

    metrics: dict[str, Floats]  # name → R
    per_name: dict[str, Floats] = field(default_factory=dict)  # of each output: name → R × outputs


class Scorer(Protocol):
    """Answers beside their truth, ready to be scored on any draw of the rows."""

    def __len__(self) -> int: ...

    def score(self, drawn_RB: Ints | None = None) -> Scores:
        """The scores of the drawn rows (R × B positions, one line per resample); None: of every row once (R = 1)."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """Metrics and their intervals on one split."""

    metrics: dict[str, float]
    intervals: dict[str, Interval]
    per_name: tuple[dict[str, Interval], ...] = ()  # intervals of each output, where a task scores these


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Another's answers to the same rows, before they are measured."""

    name: str
    what: str
    logits: Logits
    seconds: float
    settled: Mapping[str, float] = field(default_factory=dict)  # as in `Outputs`, where its own differ


@dataclass(frozen=True, slots=True)
class Settled:
    """What a task fixes on validation once the best weights are known.

    `kept`: what reading answers from outputs needs, by name; it is recorded. `factor`, `shift`: the line on which the
    outputs are to lie, in the person's units, which goes into the head's weights instead.
    """

    kept: Mapping[str, float] = field(default_factory=dict)
    factor: float = 1.0
    shift: float = 0.0


class Task(Protocol):
    """One task. Instances hold nothing."""

    name: str  # as --task says it
    head: Head
    metrics: tuple[str, ...]  # all of them, the main one first (`records.metrics` describes them)
    validation: tuple[str, ...]  # those computed at every epoch; the first is the default to keep the best by
    tie_breaker: str  # the validation metric that decides between equals in a sweep
    settles: bool  # whether something is settled on validation once the best weights are known
    mixes: bool  # whether answers in bf16 may stand where fp32 could not change the label

    def criterion(self, targets: Targets, outputs: int, loss: Loss) -> Criterion:
        """The training loss over a split's targets."""
        ...

    def validate(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> dict[str, float]:
        """The metrics of `validation`. Raises ValueError for logits that are not finite or do not fit."""
        ...

    def prepared(self, train: Targets, validation: Targets, centred: bool) -> tuple[Targets, Targets]:
        """Both splits' targets as the head is to learn them; `centred`: its last layer has a bias."""
        ...

    def scale(self, train: Targets) -> tuple[float, float]:
        """(factor, shift) that turn what was learnt from prepared targets into the person's units."""
        ...

    def settle(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> Settled:
        """What is settled on validation, from the kept weights' logits there."""
        ...

    def scorer(self, logits: Logits, targets: Targets, outputs: Outputs) -> Scorer:
        """The same rows, ready for a bootstrap over every metric."""
        ...

    def details(self, logits: Logits, rows: Rows, outputs: Outputs, measured: Measured) -> Details:
        """What an evaluation records besides metrics."""
        ...

    def yardsticks(self, splits: Splits) -> Iterator[Yardstick]:
        """What no learning and what simple learning reach on the test split, whose targets are not read."""
        ...

    def answers(self, rows: Rows, logits: Logits, outputs: Outputs) -> Iterator[Answer]:
        """One answer per text."""
        ...

    def columns(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The header of answers in a table, after the text."""
        ...

    def cells(self, answer: Answer) -> tuple[str, ...]:
        """One answer in these columns."""
        ...

    def judged(self) -> tuple[str, ...]:
        """The header of `predictions.csv` between line and text: the truth, then the answer in short."""
        ...

    def short(self, answer: Answer) -> tuple[str, ...]:
        """One answer in the columns of `judged` after the truth."""
        ...

    def plain(self, answer: Answer) -> dict[str, Any]:
        """One answer, without its text, as values that JSON can hold."""
        ...

    def sections(self, evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
        """What the report says about an evaluation."""
        ...


def known_metric(task: Task, name: str) -> str:
    """The validation metric that `name` means: case, hyphens and spaces do not matter; "" is the task's own.

    Raises RecipeError naming the nearest metric.
    """
    wanted = name.strip().lower().replace("-", "_").replace(" ", "_")
    if not wanted:
        return task.validation[0]
    if wanted in task.validation:
        return wanted
    near = difflib.get_close_matches(wanted, task.validation, n=1, cutoff=0.4)
    meant = f"did you mean {near[0]}? " if near else ""
    raise RecipeError(f'"{name}" is not a validation metric.', f"{meant}Choose one of {', '.join(task.validation)}.")


def rank(task: Task, name: str, found: Mapping[str, float]) -> tuple[float, float]:
    """Validation metrics as a value by which they compare, higher is better: the one named, then the tie-breaker."""
    return signed(name, found), signed(task.tie_breaker, found)


def signed(name: str, found: Mapping[str, float]) -> float:
    """A metric's value, turned so that higher is better."""
    return found[name] if known(name).higher else -found[name]


def ratio(above: Floats, below: NDArray[Any], otherwise: Floats) -> Floats:
    """above / below, and `otherwise` (which is broadcast) where nothing lies below."""
    filled = np.broadcast_to(otherwise, above.shape).copy()
    np.divide(above, below, out=filled, where=below > 0)
    return filled
