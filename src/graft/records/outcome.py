"""What a run came to: numbers on a split, cost, and the manifest that holds all of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from graft.records.details import Details
from graft.records.material import BackboneRecord, DataSummary, HeadRecord, Interval, SplitName, Truncation
from graft.records.training import Recipe, Skipped, StageRecord

Answered = Literal["fp32", "bf16", "mixed"]  # mixed: bf16, and fp32 where it could change the label
Input = str | tuple[str, str] | list[str]  # a text, a pair of them, or the words of a sentence


@dataclass(frozen=True, slots=True)
class Baseline:
    """A yardstick on the same split."""

    name: str  # "majority", "tfidf", "scratch"
    what: str  # one line that says what it is
    metrics: dict[str, float]
    intervals: dict[str, Interval]
    seconds: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Numbers on one split: `evaluation.json`."""

    split: SplitName
    n: int
    metrics: dict[str, float]
    intervals: dict[str, Interval]
    baselines: dict[str, Baseline]
    seconds: float
    details: Details | None = None
    precision: Answered = "fp32"  # what the model answered in


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a run's time."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took."""

    seconds: float
    phases: tuple[Phase, ...]
    peak_memory: int  # bytes
    tokens_per_second: float  # real tokens trained on per second of training
    cache_hits: int  # rows whose representations were found, or equal to another row's
    cache_bytes: int  # of what was found or kept
    cache_seconds_saved: float
    cache_rows: int = 0  # rows whose representations were asked for
    cache_tokens: int = 0  # texts whose tokens were found


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """Choices that depend on the machine; obeyed on resume."""

    device: str  # "cpu", "cuda", "mps"
    name: str
    cores: int
    precision: Literal["fp32", "bf16"]
    why: str
    threads: int = 0  # of torch on the CPU; 0: not noted, by an earlier release


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, so that a run can be repeated and its data read again."""

    command: str  # as typed, or the Python call in words
    data: str  # path or hub id; "" for objects in memory
    text: str | tuple[str, str] | None = None  # of pairs two columns
    label: str | None = None
    validation: str | None = None
    test: str | None = None
    reading: dict[str, str] = field(default_factory=dict)  # settings of `read` that differ from the defaults
    shares: tuple[float | None, float | None] = (None, None)  # asked shares of validation and test
    seed: int = 0
    beside: dict[str, str] = field(default_factory=dict)  # texts to compare a style with: "neutral", "contrast" → path
    scratch: bool = False  # whether the yardstick of no transfer was asked for


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run stands or ended."""

    status: Literal["running", "interrupted", "fitted", "evaluated"] = "running"
    stages: tuple[StageRecord, ...] = ()
    best_stage: str = ""
    best_epoch: int = 0
    best_value: float | None = None  # of the recipe's metric, on validation
    cost: Cost | None = None
    evaluations: int = 0  # how often the test split was opened
    artefact: dict[str, str] = field(default_factory=dict)  # sha256 of each file of model/, by its name
    files: dict[str, str] = field(default_factory=dict)  # the same of the folder's other files that do not change
    skipped: Skipped = field(default_factory=Skipped)  # steps left out because a number in them was not finite


@dataclass(frozen=True, slots=True)
class Manifest:
    """`run.json`: everything needed to understand, resume and repeat a run."""

    created: str  # ISO 8601, UTC
    request: Request
    data: DataSummary
    backbone: BackboneRecord
    recipe: Recipe
    head: HeadRecord | None
    truncation: Truncation
    machine: MachineRecord
    versions: dict[str, str]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer."""

    text: Input
    label: str
    probability: float
    probabilities: dict[str, float]


@dataclass(frozen=True, slots=True)
class Number:
    """One answer of regression."""

    text: Input
    value: float


@dataclass(frozen=True, slots=True)
class LabelSet:
    """One answer of several labels: those whose probability reaches their threshold, the surest first."""

    text: Input
    labels: tuple[str, ...]
    probabilities: dict[str, float]


@dataclass(frozen=True, slots=True)
class FoundName:
    """A name that was found in a text: characters counted from 0, `end` one past the last."""

    start: int
    end: int
    label: str
    text: str
    probability: float  # of its least sure word's tag


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text with the names that were found in it, in the order of the text."""

    text: str
    names: tuple[FoundName, ...]


@dataclass(frozen=True, slots=True)
class FoundAnswer:
    """The answer to a question: a stretch of its context, or none."""

    text: tuple[str, str]  # question, context
    answer: str  # "" where none is given
    start: int | None  # characters of the context; None where none is given
    end: int | None  # one past the last
    score: float  # probability of what is said: of this stretch, or of no answer
    no_answer: float  # probability that the context has no answer


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long work is; yielded often, never written."""

    phase: str
    done: int
    total: int
    unit: str = "tokens"


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence for the person; yielded, never written."""

    text: str
