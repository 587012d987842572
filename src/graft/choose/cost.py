"""What a candidate takes on this machine: time, memory, disk. From its measured pace and its sizes.

The factors were measured on the machine of docs/benchmarks.md; on another they may be off.
"""

from __future__ import annotations

from dataclasses import dataclass

from graft.choose.entrant import Measured
from graft.records import Costs, Recipe

TRAINING = 2.6  # time of a training step over that of a forward pass through the same tokens
STEP = 0.008  # seconds of a step whatever its size: optimiser, dropout's masks, collating
EMBEDDING = 0.5  # what lies below the first block and above the last takes as long as so many blocks
STATE = 22  # bytes per parameter in training: fp32 weights, gradient, two moments, bf16 copy, the best so far
PROCESS = 1.0e9  # bytes of the libraries and the data
ACTIVATION = 70  # bytes per token, width and block that a step keeps
ON_DISK = 4  # bytes per parameter
TOKENIZER = 1_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Effort:
    """What a recipe asks for: real tokens over all epochs, steps, tokens of one step."""

    tokens: int
    steps: int
    at_once: int

    @classmethod
    def of(cls, recipe: Recipe, rows: int, per_text: float) -> Effort:
        """On so many rows of so many tokens on average, each crossing in every epoch: rows that will be spared are not
        known before, so it errs on the long side."""
        epochs = sum(stage.epochs for stage in recipe.stages)
        steps = sum(stage.epochs * -(-rows // stage.batches.rows) for stage in recipe.stages)
        together = (min(stage.batches.rows * per_text, stage.batches.tokens) for stage in recipe.stages)
        return cls(round(epochs * rows * per_text), steps, round(max(together)))


def seconds(per_token: float, effort: Effort) -> float:
    """Of training, where a token crosses the model once in so many seconds."""
    return TRAINING * per_token * effort.tokens + STEP * effort.steps


def costs(found: Measured, depth: int, effort: Effort) -> Costs:
    """Of a measured model kept up to `depth`."""
    share = (depth + EMBEDDING) / (found.model.blocks + EMBEDDING)
    per_token = found.pace.seconds_per_token * share
    parameters = found.sizes[depth - 1]
    kept = ACTIVATION * effort.at_once * found.model.width * depth
    return Costs(
        minutes=seconds(per_token, effort) / 60,
        memory=round(PROCESS + STATE * parameters + kept),
        disk=ON_DISK * parameters + TOKENIZER,
        milliseconds=1000 * per_token * found.pace.tokens_per_text,
    )
