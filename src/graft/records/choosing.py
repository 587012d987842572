"""Which models were compared for a data set, what is expected of each, and why: `ranking.json`."""

from __future__ import annotations

from dataclasses import dataclass

from graft.records.material import Interval, Spelling


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model, whole or kept up to a block, as its files tell."""

    name: str  # as --model takes it: "embedded", a folder, a hub id; with @k for the first k blocks
    family: str  # transformers' model_type
    depth: int  # blocks that are kept
    blocks: int  # of the whole model
    width: int
    parameters: int  # of the kept model, without a head
    max_tokens: int
    licence: str | None = None  # from the catalogue
    published: float | None = None  # its published score that most models have, from the catalogue

    @property
    def whole(self) -> str:
        """The whole model's name."""
        return self.name.removesuffix(f"@{self.depth}") if self.depth < self.blocks else self.name


@dataclass(frozen=True, slots=True)
class View:
    """Scores of one way to read one vector per text from a frozen model; `choose/score.py` says what each is."""

    pooling: str  # "first" or "last" token, "mean" over tokens, or "layers" (mean over tokens and blocks up to depth)
    depth: int  # the block whose output is read
    probe: float
    neighbours: float
    log_me: float
    h_score: float | None  # None where the targets are numbers


@dataclass(frozen=True, slots=True)
class Costs:
    """What a candidate takes on this machine."""

    minutes: float  # of fine-tuning on all of train
    memory: int  # bytes at most, while it is fine-tuned
    disk: int  # bytes of the saved model
    milliseconds: float  # per text of this length, when many are answered at once


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of a candidate after fine-tuning, before any of it was done."""

    candidate: Candidate
    expected: float  # the metric on new texts
    interval: Interval  # that holds it in 80 of 100 cases
    prior: float | None  # the same from size and published scores alone; None where nothing tells that
    best: View | None  # the way to read it that scores highest; None of a model that writes
    costs: Costs
    why: tuple[str, ...]  # sentences
    efficient: bool = False  # no cheaper candidate is expected to reach as much
    spelling: Spelling | None = None  # of the texts, by its tokenizer


@dataclass(frozen=True, slots=True)
class Unranked:
    """A candidate that was not compared."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Heat:
    """One finalist really fine-tuned for short, on part of train."""

    name: str
    round: int
    rows: int  # of train, that it was trained on
    judged: int  # other rows of train, that judged it
    value: float  # the metric on these
    seconds: float
    metric: str = "accuracy"


@dataclass(frozen=True, slots=True)
class Sampled:
    """How much of train was read for a comparison."""

    rows: int
    train: int  # all rows of train


@dataclass(frozen=True, slots=True)
class Ranking:
    """What `graft choose` found."""

    metric: str
    sampled: Sampled
    forecasts: tuple[Forecast, ...]  # the highest expectation first
    views: dict[str, tuple[View, ...]]  # by model, every one that was scored
    unranked: tuple[Unranked, ...]
    heats: tuple[Heat, ...]  # of the race, in the order in which they were run
    pick: str  # the name of the candidate that is advised
    why: str
    basis: str  # on what the forecasts rest, a sentence
    seconds: float
