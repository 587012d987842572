"""The frozen values that travel between rooms and go to disk.

Each is a plain dataclass of plain fields, so that one file (`files.py`) can write and read them all as JSON.
What lives only in memory (token arrays, tensors, models) is defined in the room that makes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Interval = tuple[float, float]
SplitName = Literal["train", "validation", "test"]

# ---------------------------------------------------------------------------------------------------------- data


@dataclass(frozen=True, slots=True)
class Source:
    """A file (or an object in memory) that rows were read from."""

    path: str
    format: str
    rows: int
    bytes: int
    digest: str  # sha256 of the content, hexadecimal


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns were used, and why these."""

    text: str
    label: str
    why: str  # one sentence: "named by you", or what the inference saw


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """One split in numbers."""

    name: SplitName
    rows: int
    per_class: dict[str, int]
    made: bool  # True: cut by graft from another split; False: given by the person
    empty: int  # texts with nothing but white space
    digest: str  # sha256 over texts and labels in order


@dataclass(frozen=True, slots=True)
class DataSummary:
    """What was read and how it was split: `splits.json`, and a part of the manifest and the report."""

    name: str
    task: str
    columns: Columns
    classes: tuple[str, ...]
    sources: tuple[Source, ...]
    splits: tuple[SplitSummary, ...]
    seed: int
    duplicates: int  # rows whose normalised text occurs in another row as well
    leaks: int  # rows of given validation/test splits whose normalised text also occurs in train
    notes: tuple[str, ...]  # sentences said to the person: what was inferred, ignored, handled and how


@dataclass(frozen=True, slots=True)
class Truncation:
    """What the length limit cuts, over all splits."""

    limit: int  # tokens, special tokens included
    texts: int
    texts_cut: int
    tokens: int
    tokens_cut: int
    longest: int


# ---------------------------------------------------------------------------------------------------------- model


@dataclass(frozen=True, slots=True)
class BackboneRecord:
    """Which pretrained model, exactly."""

    name: str  # as asked for: "embedded", a folder, or a hub id
    source: Literal["embedded", "folder", "hub"]
    revision: str  # commit of the hub, package version, or "" for a folder
    digest: str  # sha256 of the weights file(s)
    family: str  # transformers' model_type
    blocks: int
    width: int
    parameters: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class HeadRecord:
    """Which head was grafted on, and why."""

    kind: Literal["native", "pooled"]
    pooling: str  # "first", "mean" or "layers" (mean over tokens, then over blocks)
    depth: int  # the block whose output is pooled
    start: str  # "probe" or "random"
    why: str
    probe_validation: dict[str, float] = field(default_factory=dict)  # "pooling@depth" → accuracy on validation


# ---------------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True, slots=True)
class Optimiser:
    """AdamW and its schedule. Rates are peak rates."""

    lr: float = 1e-4
    head_lr: float | None = None  # None: the backbone's rate
    layer_decay: float = 1.0  # each block below the top learns at this times the rate of the block above
    weight_decay: float = 0.01
    warmup: float = 0.1  # share of the stage's steps
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    clip: float = 1.0  # largest norm of all gradients together; 0: no clipping
    betas: tuple[float, float] = (0.9, 0.999)


@dataclass(frozen=True, slots=True)
class Batches:
    """How rows are put together."""

    rows: int = 32  # rows per optimiser step
    tokens: int = 16384  # padded tokens per forward pass; a step with more is done in parts
    bucket: bool = True  # texts of like length together


@dataclass(frozen=True, slots=True)
class Loss:
    """Cross-entropy and its variants."""

    label_smoothing: float = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    dropout: float = 0.0  # of hidden states, while training
    attention_dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class Stopping:
    """When a stage ends before its last epoch."""

    patience: int = 0  # epochs without a better one; 0: all epochs are run


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of transfer. `unfrozen` decides what thaws, the parameter groups and where activations are cached."""

    name: str
    unfrozen: int | Literal["all"]  # top blocks that train: 0 … blocks; "all": the embeddings too
    epochs: int
    optimiser: Optimiser = Optimiser()
    batches: Batches = Batches()
    loss: Loss = Loss()
    stopping: Stopping = Stopping()
    cache: Literal["auto", "on", "off"] = "auto"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A list of stages, and the head that they train."""

    name: str
    stages: tuple[Stage, ...]
    head: Literal["native", "pooled"] = "native"
    start: Literal["probe", "random"] = "probe"
    metric: str = "accuracy"  # the validation metric by which the best is kept and stages stop
    max_tokens: int = 256
    seed: int = 0
    sweep: tuple[float, ...] = ()  # peak rates tried for short before the last stage; () for none


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the train split; a line of `epochs.jsonl`. Number 0 is the validation before the first step."""

    stage: str
    number: int
    loss: float | None  # mean training loss; None for number 0
    validation: dict[str, float]
    seconds: float  # since the fit began
    tokens: int  # real tokens trained on in this epoch
    tokens_per_second: float
    best: bool  # the best so far by the stage's metric, over all stages


@dataclass(frozen=True, slots=True)
class Trial:
    """One rate of a sweep, tried for short."""

    lr: float
    validation: dict[str, float]


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What a stage did."""

    name: str
    unfrozen: int | Literal["all"]
    cut: int  # blocks below the cut
    cached: bool
    seconds: float
    epochs: int
    steps: int
    padding: float  # share of padded positions in the batches
    why: str  # why cached or recomputed, why it ended


# ---------------------------------------------------------------------------------------------------------- numbers


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class on one split."""

    name: str
    support: int
    precision: float
    recall: float
    f1: float
    intervals: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predictions whose confidence lies in [low, high)."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong prediction, with the row's place in its file."""

    file: str
    line: int
    text: str
    truth: str
    predicted: str
    confidence: float


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
    per_class: tuple[ClassScores, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()  # rows: truth, columns: predicted
    reliability: tuple[ReliabilityBin, ...] = ()
    mistakes: tuple[Mistake, ...] = ()  # most confident first


# ---------------------------------------------------------------------------------------------------------- the run


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
    cache_hits: int
    cache_bytes: int
    cache_seconds_saved: float


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """Choices that depend on the machine; obeyed on resume."""

    device: str  # "cpu", "cuda", "mps"
    name: str
    cores: int
    precision: Literal["fp32", "bf16"]
    why: str


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, so that a run can be repeated and its data read again."""

    command: str  # as typed, or the Python call in words
    data: str  # path or hub id; "" for objects in memory
    text: str | None = None
    label: str | None = None
    validation: str | None = None
    test: str | None = None
    reading: dict[str, str] = field(default_factory=dict)  # settings of `read` that differ from the defaults
    shares: tuple[float | None, float | None] = (None, None)  # asked shares of validation and test
    seed: int = 0


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
    artefact: str = ""  # sha256 of model/model.safetensors


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

    text: str
    label: str
    probability: float
    probabilities: dict[str, float]


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
