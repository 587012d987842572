"""What a stage may ask for: ranges of its fields, and what its backbone can do."""

from __future__ import annotations

import math
from collections.abc import Mapping

from graft.errors import RecipeError
from graft.records import Loss, Optimiser, Stage

Ranges = Mapping[str, tuple[object, bool, str]]  # field → its value, whether that may be, what may be


def check_stage(stage: Stage, where: str, blocks: int, shared: bool) -> None:
    """Raises RecipeError for a stage that a backbone of so many blocks cannot train; `shared`: they are one block."""
    _check_unfrozen(stage, where, blocks, shared)
    optimiser, loss = stage.optimiser, stage.loss
    if stage.epochs == 0 and (optimiser, loss) != (Optimiser(), Loss()):
        raise RecipeError(
            f"{where} takes no steps with 0 epochs, so its rates, class weights or smoothing change nothing.",
            "give it 1 epoch or more; --recipe probe, without these, trains a head alone.",
        )
    batches, any_rate = stage.batches, "more than 0, and finite"
    within: Ranges = {
        "epochs": (stage.epochs, stage.epochs >= 0, "0 or more"),
        "snapshots": (stage.snapshots, stage.snapshots >= 1, "1 or more"),
        "lr": (optimiser.lr, 0 < optimiser.lr < math.inf, any_rate),
        "head_lr": (optimiser.head_lr, optimiser.head_lr is None or 0 < optimiser.head_lr < math.inf, any_rate),
        "layer_decay": (optimiser.layer_decay, 0 < optimiser.layer_decay <= 1, "more than 0, up to 1"),
        "weight_decay": (optimiser.weight_decay, 0 <= optimiser.weight_decay < math.inf, "0 or more, and finite"),
        "warmup": (optimiser.warmup, 0 <= optimiser.warmup <= 1, "0 to 1"),
        "clip": (optimiser.clip, 0 <= optimiser.clip < math.inf, "0 or more, and finite"),
        "betas": (list(optimiser.betas), all(0 <= beta < 1 for beta in optimiser.betas), "0 or more, each less than 1"),
        "rows": (batches.rows, batches.rows >= 1, "1 or more"),
        "tokens": (batches.tokens, batches.tokens >= 1, "1 or more"),
        "keep": (batches.keep, 0 < batches.keep <= 1, "more than 0, up to 1"),
        "label_smoothing": (loss.label_smoothing, 0 <= loss.label_smoothing < 1, "0 or more, less than 1"),
        "dropout": (loss.dropout, 0 <= loss.dropout < 1, "0 or more, less than 1"),
        "attention_dropout": (loss.attention_dropout, 0 <= loss.attention_dropout < 1, "0 or more, less than 1"),
        "patience": (stage.stopping.patience, stage.stopping.patience >= 0, "0 or more"),
    }
    refuse_out_of_range(within, where)


def _check_unfrozen(stage: Stage, where: str, blocks: int, shared: bool) -> None:
    if isinstance(stage.unfrozen, int) and not 0 <= stage.unfrozen <= blocks:
        raise RecipeError(
            f"{where} unfreezes {stage.unfrozen} of {blocks} blocks.", f'set unfrozen to 0 … {blocks}, or "all".'
        )
    if shared and stage.unfrozen not in (0, blocks, "all"):
        raise RecipeError(
            f"{where} unfreezes {stage.unfrozen} of {blocks} blocks, but this model calls one shared block "
            "again and again.",
            f'set unfrozen to 0 (the head alone), {blocks} (the block) or "all" (the embeddings too).',
        )


def refuse_out_of_range(within: Ranges, where: str) -> None:
    """Raises RecipeError for the first field that is not within its range."""
    for field_name, (value, is_right, may_be) in within.items():
        if not is_right:
            raise RecipeError(f"{where}: {field_name} cannot be {value}.", f"give {may_be}.")
