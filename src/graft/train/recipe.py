"""Recipes by name and from TOML files, with fields set by dotted names, and checked.

What the names mean stands in `row_recipes` and `writing_recipes`.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from graft.errors import RecipeError
from graft.records import Batches, Loss, Optimiser, Recipe, Stage, Stopping
from graft.tasks.task import Task, known_metric
from graft.train import rewriting_recipes, row_recipes, span_recipes, writing_recipes
from graft.train.limits import Ranges, check_stage, refuse_out_of_range
from graft.train.scale import Scale

WRITING = ("language", "decoder")  # heads that write


def of_task(task: Task) -> dict[str, Callable[[Scale], Recipe]]:
    """The named recipes of a task."""
    of_reading = {
        "language": writing_recipes.NAMED,
        "decoder": rewriting_recipes.NAMED,
        "span": span_recipes.NAMED,
    }
    return of_reading.get(task.head.reads, row_recipes.NAMED)


def named(name: str, scale: Scale) -> Recipe:
    """A recipe by name, or read from a .toml file.

    Raises RecipeError with the nearest name, or the file's mistake.
    """
    if name.endswith(".toml"):
        return read(Path(name), scale)
    known = of_task(scale.task)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise RecipeError(f"There is no recipe {name!r}.", f"{hint}Recipes: {', '.join(known)}, or a .toml file.")
    return known[name](scale)


def read(path: Path, scale: Scale) -> Recipe:
    """A recipe from TOML. `base = "fast"` starts from a named one; [[stages]] replaces its stages."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(
            f"There is no file {path}.", f"name a .toml file, or one of: {', '.join(of_task(scale.task))}."
        ) from None
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}.", "name a readable .toml file.") from None
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise RecipeError(f"{path} is not valid TOML: {error}.", "mend the line that it names.") from None
    except RecursionError:
        raise RecipeError(f"{path} nests values too deeply.", "write it as docs/recipes.md shows.") from None
    base = content.pop("base", None)
    known = of_task(scale.task)
    if base is not None and not (isinstance(base, str) and base in known):
        close = difflib.get_close_matches(str(base), known, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise RecipeError(f"{path}: there is no base {base!r}.", f"{hint}Bases: {', '.join(known)}.")
    fields = _plain(known[base](scale)) if base is not None else {"name": path.stem}
    return _checked(fields | content, str(path), scale)


def write(recipe: Recipe) -> str:
    """The recipe as TOML, as `read` takes it."""
    return msgspec.toml.encode(_without_none(_plain(recipe))).decode()


def changed(recipe: Recipe, settings: dict[str, str], scale: Scale) -> Recipe:
    """A recipe with fields set by dotted names: `seed=1`, `lr=2e-5` (every stage), `stages.1.optimiser.lr=2e-5`.

    A head's own rate keeps its ratio to `lr`, unless it is set too. Raises RecipeError naming the field and the
    nearest one.
    """
    fields = _plain(recipe)
    for name, value in sorted(settings.items(), key=lambda setting: setting[0].endswith("head_lr")):
        for target, key in _targets(fields, name):
            if isinstance(target[key], dict) or (target is fields and key == "stages"):
                within = ", ".join(target[key]) if isinstance(target[key], dict) else "stages.0.optimiser.lr, say"
                raise RecipeError(f"{name} is a table, not a value.", f"name a field within it: {within}.")
            before, target[key] = target[key], _value(value)
            if key == "lr" and target["head_lr"] is not None and _is_rate(before) and _is_rate(target[key]):
                target["head_lr"] *= target[key] / before
    return _checked(fields, "The recipe as set", scale)


def _is_rate(value: Any) -> bool:
    """Whether it can be a learning rate: what cannot is refused when all is set."""
    return isinstance(value, int | float) and value > 0


def _plain(recipe: Recipe) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(recipe)
    return plain


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, (list, tuple)) else value


def _value(text: str) -> Any:
    """A setting's value as TOML reads it; a bare word is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _targets(fields: dict[str, Any], name: str) -> list[tuple[Any, Any]]:
    """The places that a dotted name means; a stage's field without a stage means every stage."""
    if name in fields:
        return [(fields, name)]
    if name.startswith("stages."):
        return [_walk(fields, name)]
    found = []
    for stage in fields["stages"]:
        for holder in (stage, *(part for part in stage.values() if isinstance(part, dict))):
            if name in holder:
                found.append((holder, name))
    if not found:
        raise _unknown(name, fields)
    return found


def _walk(fields: dict[str, Any], name: str) -> tuple[Any, Any]:
    *path, last = name.split(".")
    place: Any = fields
    try:
        for step in path:
            place = place[int(step)] if isinstance(place, (list, tuple)) else place[step]
        place[last]
    except (KeyError, IndexError, ValueError, TypeError):
        raise _unknown(name, fields) from None
    return place, last


def _unknown(name: str, fields: dict[str, Any]) -> RecipeError:
    """Names the nearest fields; within a stage by their whole path, as `lr` lies in its `optimiser`."""
    stages = {f"stages.{number}.": stage for number, stage in enumerate(fields["stages"])}
    meant = {path: stage for path, stage in stages.items() if name.startswith(path)} or stages
    known = {key: key for key in fields}
    for path, stage in meant.items():
        parts = {"": stage} | {f"{key}.": part for key, part in stage.items() if isinstance(part, dict)}
        start = path if name.startswith("stages.") else ""
        known |= {key: f"{start}{part if start else ''}{key}" for part, holder in parts.items() for key in holder}
    last = name.split(".")[-1]
    close = [last] if last in known else difflib.get_close_matches(last, known, n=3)
    return RecipeError(
        f"A recipe has no field {name!r}.",
        f"did you mean {' or '.join(known[key] for key in close)}?"
        if close
        else f"fields: {', '.join(sorted(known.values()))}.",
    )


def _checked(fields: dict[str, Any], where: str, scale: Scale) -> Recipe:
    """A recipe from plain values: no unknown field, right types, sensible numbers."""
    _refuse_unknown(fields, Recipe, where)
    _without_head_lr(fields)
    try:
        recipe = msgspec.convert(fields, Recipe)
    except msgspec.ValidationError as error:
        raise RecipeError(
            f"{where}: {error}.", "mend the field that it names; `docs/recipes.md` lists them all."
        ) from None
    if not recipe.stages:
        raise RecipeError(f"{where}: a recipe needs at least one stage.", "add a [[stages]] table.")
    metric = known_metric(scale.task, recipe.metric)
    if recipe.head == "pooled" and scale.task.head.reads in WRITING:
        raise RecipeError(f"{where}: a pooled head labels texts and writes none.", "leave out --head pooled.")
    if recipe.head == "pooled" and recipe.start == "random" and scale.task.head.reads == "row":
        raise RecipeError(f"{where}: a pooled head starts from a probe.", 'set start = "probe" (--set start=probe).')
    if recipe.sweep and recipe.stages[-1].unfrozen == 0:
        raise RecipeError(
            f"{where}: a sweep needs a last stage that thaws blocks.", "leave the sweep out, or use fast."
        )
    names = [stage.name for stage in recipe.stages]
    if len(set(names)) < len(names):
        raise RecipeError(f"{where}: two stages have the same name.", "give each stage a name of its own.")
    for stage in recipe.stages:
        check_stage(stage, f"{where}: stage {stage.name!r}", scale.blocks, scale.shared)
        if stage.loss.class_weights != "none" and scale.task.head.reads in WRITING:
            raise RecipeError(f"{where}: class weights are for classes, and texts have none.", "leave them out.")
        if stage.unfrozen == 0 and scale.task.head.reads == "language":
            raise RecipeError(
                f"{where}: stage {stage.name!r} trains nothing: a language model's head is part of it.",
                'set unfrozen to 1 or more, or "all".',
            )
    within: Ranges = {
        "max_tokens": (recipe.max_tokens, recipe.max_tokens >= 3, "3 or more: two open and close a text"),
        "answer_tokens": (recipe.answer_tokens, recipe.answer_tokens >= 1, "1 or more"),
        "seed": (recipe.seed, 0 <= recipe.seed < 2**63, "0 to 2**63 - 1"),
        "sweep": (list(recipe.sweep), all(0 < lr < math.inf for lr in recipe.sweep), "rates more than 0"),
    }
    refuse_out_of_range(within, where)
    return dataclasses.replace(recipe, metric=metric)


def _without_head_lr(fields: dict[str, Any]) -> None:
    """`head_lr = "none"` takes a head's own rate away: TOML has no other word for it."""
    stages = fields.get("stages")
    for stage in stages if isinstance(stages, list | tuple) else ():
        optimiser = stage.get("optimiser") if isinstance(stage, dict) else None
        if isinstance(optimiser, dict) and optimiser.get("head_lr") == "none":
            optimiser["head_lr"] = None


def _refuse_unknown(fields: dict[str, Any], kind: Any, where: str) -> None:
    known = {field.name for field in dataclasses.fields(kind)}
    parts = {"stages": Stage, "optimiser": Optimiser, "batches": Batches, "loss": Loss, "stopping": Stopping}
    for key, value in fields.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise RecipeError(
                f"{where}: there is no field {key!r}.",
                f"did you mean {close[0]!r}?" if close else f"fields: {', '.join(sorted(known))}.",
            )
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if key in parts and isinstance(part, dict):
                _refuse_unknown(part, parts[key], where)
