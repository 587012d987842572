"""Which tasks there are. Adding one is adding its file and a line here."""

from __future__ import annotations

import difflib

from graft.errors import RecipeError
from graft.records import Manifest
from graft.tasks.answering import ANSWERING
from graft.tasks.classification import CLASSIFICATION
from graft.tasks.multilabel import MULTI_LABEL
from graft.tasks.regression import REGRESSION
from graft.tasks.rewriting import REWRITING
from graft.tasks.tagging import TAGGING
from graft.tasks.task import Task
from graft.tasks.writing import WRITING

_KNOWN: tuple[Task, ...] = (CLASSIFICATION, MULTI_LABEL, REGRESSION, TAGGING, ANSWERING, REWRITING, WRITING)
TASKS: dict[str, Task] = {task.name: task for task in _KNOWN}


def task_named(name: str) -> Task:
    """A task by its name. Raises RecipeError with the nearest one."""
    if name in TASKS:
        return TASKS[name]
    near = difflib.get_close_matches(name, TASKS, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise RecipeError(f"There is no task {name!r}.", f"{hint}Tasks: {', '.join(TASKS)}.")


def task_of(manifest: Manifest) -> Task:
    """The task of a run."""
    return task_named(manifest.data.task)
