"""How a run trains: recipes of stages, and what epochs and stages did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KEPT_SKIPS = 100  # of the steps that were left out


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
    keep: float = 1.0  # the least chance of a row to cross when its turn comes again; below 1, the less it teaches


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
    average: bool = False  # validate and keep the mean of the weights over the stage so far, not those of its last step
    snapshots: int = (
        1  # how often in an epoch, at even distances, its weights enter that mean; the last time at its end
    )


@dataclass(frozen=True, slots=True)
class Recipe:
    """A list of stages, and the head that they train."""

    name: str
    stages: tuple[Stage, ...]
    head: Literal["native", "pooled"] = "native"
    start: Literal["probe", "random"] = "probe"
    metric: str = ""  # the validation metric by which the best is kept and stages stop; "": the task's own
    max_tokens: int = 256
    long: Literal["auto", "truncate", "head-tail", "windows"] = "auto"  # what is done with longer texts
    answer_tokens: int = 30  # the most tokens of an answer, where answers are looked for in texts
    seed: int = 0
    sweep: tuple[float, ...] = ()  # peak rates tried for short before the last stage; () for none
    pairs: Literal["auto", "joined", "apart"] = "auto"  # two texts in one sequence, or each in its own; of pairs only
    on_nonfinite: Literal["stop", "skip"] = "stop"  # what to do about a step whose loss or gradient is not finite


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the train split; a line of `epochs.jsonl`. Number 0 is the validation before the first step."""

    stage: str
    number: int
    loss: float | None  # mean training loss, estimated where rows were spared; None for number 0
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
class Skip:
    """A step that was left out because its loss or a gradient was not finite."""

    stage: str
    epoch: int
    step: int  # counted from 1
    rows: tuple[int, ...]  # positions in the train split of its texts at fault, or of all where none is alone at fault
    place: str = ""  # the same as file and lines


@dataclass(frozen=True, slots=True)
class Skipped:
    """All steps that were left out: how many, and the first of them."""

    steps: int = 0
    first: tuple[Skip, ...] = ()

    def and_also(self, skip: Skip) -> Skipped:
        return Skipped(self.steps + 1, (*self.first, skip)[:KEPT_SKIPS])


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
    trials: tuple[Trial, ...] = ()  # the rates of a sweep before it
