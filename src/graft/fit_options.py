"""What may be said about a fit: which model, which recipe, on which device; and what holds where nothing is said."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path

from graft.data.documents import WRITE
from graft.data.references import REWRITE
from graft.machine import Device, Precision
from graft.records import Manifest, Recipe
from graft.train import recipe as recipes
from graft.train.checkpoint import SAVE_EVERY
from graft.train.scale import Scale

USUAL = {WRITE: "gpt2", REWRITE: "t5-small"}  # what writes where no model is named; for other tasks the embedded one


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How to train. `settings` are recipe fields by dotted name, as strings (see `graft.train.recipe.changed`).

    `recipe`: a name, the path of a .toml file, or the recipe itself. Model and recipe that are None are those of the
    run that goes on; for a new one the task's usual model, and "fast".
    """

    model: str | Path | None = None
    revision: str | None = None
    recipe: str | Path | Recipe | None = None
    settings: dict[str, str] = field(default_factory=dict)
    device: Device = "auto"
    precision: Precision = "auto"
    save_every: float = SAVE_EVERY  # seconds between checkpoints within a stage; 0: after each step

    def recipe_at(self, scale: Scale) -> Recipe:
        """The recipe that is asked for, cut to a size."""
        recipe = self.recipe or "fast"
        named = recipe if isinstance(recipe, Recipe) else recipes.named(os.fspath(recipe), scale)
        return recipes.changed(named, self.settings, scale)

    def going_on(self, run: Manifest) -> FitOptions:
        """With what is not named taken from a run; of its recipe only what to do about numbers that are not finite may
        be set anew."""
        model, revision, recipe = self.model, self.revision, self.recipe
        if model is None:
            model, revision = run.backbone.name, revision or run.backbone.revision or None
        if recipe is None and set(self.settings) <= {"on_nonfinite"}:
            recipe = run.recipe
        return dataclasses.replace(self, model=model, revision=revision, recipe=recipe)
