"""graft: choose a pretrained transformer, graft your task onto it, and take away an ordinary Hugging Face model.

    result = graft.run("reviews.csv")
    result.predict(["I loved it"])

Every name below is loaded when it is first used, so that `import graft` costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graft.assess import evaluate, report
    from graft.data.read import ReadOptions, read
    from graft.data.splitting.split import split
    from graft.data.table import Dataset, Splits
    from graft.errors import DataError, GraftError, MissingExtra, ModelError, Problem, RecipeError, RunError
    from graft.face import RunResult, choose, generate, run
    from graft.fit_options import FitOptions
    from graft.fitting import fit
    from graft.predict import Predictor, load
    from graft.records import (
        Baseline,
        Batches,
        Epoch,
        Evaluation,
        Loss,
        Manifest,
        Optimiser,
        Prediction,
        Progress,
        Ranking,
        Recipe,
        Said,
        Stage,
        Stopping,
    )
    from graft.records.writing import Fragment, Generation, Sampling
    from graft.run import Given

    __version__: str

_HOMES = {
    "graft.assess": ("evaluate", "report"),
    "graft.data.read": ("ReadOptions", "read"),
    "graft.data.splitting.split": ("split",),
    "graft.data.table": ("Dataset", "Splits"),
    "graft.errors": ("DataError", "GraftError", "MissingExtra", "ModelError", "Problem", "RecipeError", "RunError"),
    "graft.face": ("RunResult", "choose", "generate", "run"),
    "graft.fit_options": ("FitOptions",),
    "graft.fitting": ("fit",),
    "graft.predict": ("Predictor", "load"),
    "graft.records": (
        "Baseline", "Batches", "Epoch", "Evaluation", "Loss", "Manifest", "Optimiser", "Prediction", "Progress",
        "Ranking", "Recipe", "Said", "Stage", "Stopping",
    ),
    "graft.records.writing": ("Fragment", "Generation", "Sampling"),
    "graft.run": ("Given",),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Baseline",
    "Batches",
    "DataError",
    "Dataset",
    "Epoch",
    "Evaluation",
    "FitOptions",
    "Fragment",
    "Generation",
    "Given",
    "GraftError",
    "Loss",
    "Manifest",
    "MissingExtra",
    "ModelError",
    "Optimiser",
    "Prediction",
    "Predictor",
    "Problem",
    "Progress",
    "Ranking",
    "ReadOptions",
    "Recipe",
    "RecipeError",
    "RunError",
    "RunResult",
    "Said",
    "Sampling",
    "Splits",
    "Stage",
    "Stopping",
    "__version__",
    "choose",
    "evaluate",
    "fit",
    "generate",
    "load",
    "read",
    "report",
    "run",
    "split",
]


class _Face(ModuleType):
    """Some rooms are named after what they do: `graft.run` is a file and a function. Here it is the function."""

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            value: Any = version("graft-ml")
        elif name in _HOME:
            value = getattr(import_module(_HOME[name]), name)
        else:
            raise AttributeError(f"module 'graft' has no attribute {name!r}")
        super().__setattr__(name, value)
        return value

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOME and isinstance(value, ModuleType):
            return  # the import system binds a room to the name that its function has
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Face
