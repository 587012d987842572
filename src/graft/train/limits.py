"""What a stage may ask for: ranges of its fields, and what its backbone can do."""

from __future__ import annotations

import math
from collections.abc import Mapping

from graft.errors import RecipeError
from graft.records import Loss, Optimiser, Stage


def check_stage(stage: Stage, where: str, blocks: int, shared: bool) -> None:
    """Raises RecipeError for a stage that a backbone of so many blocks cannot train; `shared`: they are one block."""
    _check_unfrozen(stage, where, blocks, shared)
    optimiser, loss = stage.optimiser, stage.loss
    if stage.epochs == 0 and (optimiser, loss) != (Optimiser(), Loss()):
        raise RecipeError(
            f"{where} takes no steps, so a rate, class weights or smoothing change nothing.",
            "give it epochs, or use a recipe that trains, such as fast.",
        )
    within = {
        "epochs": stage.epochs >= 0,
        "snapshots": stage.snapshots >= 1,
        "lr": 0 < optimiser.lr < math.inf,
        "head_lr": optimiser.head_lr is None or 0 < optimiser.head_lr < math.inf,
        "layer_decay": 0 < optimiser.layer_decay <= 1,
        "weight_decay": 0 <= optimiser.weight_decay < math.inf,
        "warmup": 0 <= optimiser.warmup <= 1,
        "clip": 0 <= optimiser.clip < math.inf,
        "betas": all(0 <= beta < 1 for beta in optimiser.betas),
        "rows": stage.batches.rows >= 1,
        "tokens": stage.batches.tokens >= 1,
        "keep": 0 < stage.batches.keep <= 1,
        "label_smoothing": 0 <= loss.label_smoothing < 1,
        "dropout": 0 <= loss.dropout < 1,
        "attention_dropout": 0 <= loss.attention_dropout < 1,
        "patience": stage.stopping.patience >= 0,
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


def refuse_out_of_range(within: Mapping[str, bool], where: str) -> None:
    """Raises RecipeError for the first field that is not within its range."""
    for field_name, is_right in within.items():
        if not is_right:
            raise RecipeError(f"{where} has {field_name} out of range.", "see `docs/recipes.md` for its range.")
