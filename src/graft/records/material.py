"""What a run is made of: data and backbone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Interval = tuple[float, float]
SplitName = Literal["train", "validation", "test"]
LEAKY = 0.1  # share of leaked rows from which numbers on a split say little about new texts


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
    second: str = ""  # of pairs: the column of the second texts
    beside: dict[str, str] = field(default_factory=dict)  # further columns that are read, by what they say
    words: bool = False  # of names in texts: whether the words were given


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """One split in numbers."""

    name: SplitName
    rows: int
    per_class: dict[str, int]
    made: bool  # True: cut by graft from another split; False: given by the person
    empty: int  # texts with nothing but white space
    digest: str  # sha256 over texts and labels in order
    leaks: int = 0  # of a given validation or test split: rows whose normalised text was seen before
    seen: str = "train"  # where: in "train", or (of test) a given "validation", or "train or validation"

    @property
    def leaked(self) -> float:
        """The share of rows whose text also occurs in train."""
        return self.leaks / self.rows if self.rows else 0.0


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
    notes: tuple[str, ...]  # sentences said to the person: what was inferred, ignored, handled and how

    def split(self, name: SplitName) -> SplitSummary | None:
        return next((found for found in self.splits if found.name == name), None)


@dataclass(frozen=True, slots=True)
class Spelling:
    """How the model's tokenizer spells a sample of the train texts."""

    words: int
    tokens: int  # special ones left out
    unknown: int  # of these, the ones that stand for what the vocabulary does not hold
    languages: tuple[str, ...] = ()  # that the texts look like, as ISO 639 codes; none where that cannot be told
    trained: tuple[str, ...] = ()  # that the model was trained on; none where that is not known

    @property
    def tokens_per_word(self) -> float:
        return self.tokens / self.words if self.words else 0.0


@dataclass(frozen=True, slots=True)
class Truncation:
    """What the length limit cuts, over all splits."""

    limit: int  # tokens, special tokens included
    texts: int
    texts_cut: int
    tokens: int
    tokens_cut: int
    longest: int
    spelling: Spelling | None = None
    targets: Truncation | None = None  # of texts that are rewritten: what it cuts of what they become


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
    files: dict[str, str] = field(default_factory=dict)  # sha256 of its configuration and tokenizer, by name


@dataclass(frozen=True, slots=True)
class HeadRecord:
    """Which head was grafted on, and why."""

    kind: Literal["native", "pooled", "paired", "language"]
    pooling: str  # "first", "last", "mean" or "layers" (mean over tokens, then over blocks)
    depth: int  # the block whose output is pooled
    start: str  # "probe" or "random"
    why: str
    probe_validation: dict[str, float] = field(default_factory=dict)  # "pooling@depth" → the metric on validation
    settled: dict[str, float] = field(default_factory=dict)  # what the task settled on validation: thresholds, by name
