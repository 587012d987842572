"""Recipes: named functions that return stages, and TOML files that say the same.

Adding a recipe is adding one function to `NAMED`. A function sees the size of the data and of the backbone, so that
"fast" can mean fast on five hundred rows and on fifty thousand.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from graft.errors import RecipeError
from graft.records import Batches, Loss, Optimiser, Recipe, Stage, Stopping


@dataclass(frozen=True, slots=True)
class Scale:
    """What a recipe is cut to: rows and tokens of the train split, classes, blocks of the backbone."""

    rows: int
    tokens: int
    classes: int
    blocks: int


def fast(scale: Scale) -> Recipe:
    """The default: head from a probe, then every block for as many epochs as the budget of tokens buys."""
    epochs = max(2, min(10, round(450_000 / max(scale.tokens, 1))))
    blocks = Stage("blocks", scale.blocks, epochs, Optimiser(lr=1e-4, weight_decay=0.01))
    return Recipe("fast", (blocks,))


def thorough(scale: Scale) -> Recipe:
    """Head from a probe, the top third from cached states, then everything with rates that decay over layers."""
    top = max(1, scale.blocks // 3)
    loss = Loss(dropout=0.1, attention_dropout=0.0)
    epochs = max(3, min(12, round(1_200_000 / max(scale.tokens, 1))))
    upper = Stage("top", top, 2, Optimiser(lr=1e-4))
    everything = Stage("all", "all", epochs, Optimiser(lr=7e-5, layer_decay=0.9), loss=loss, stopping=Stopping(4))
    return Recipe("thorough", (upper, everything))


def probe(scale: Scale) -> Recipe:
    """The backbone stays frozen: the best linear head over its poolings and depths. An answer in seconds."""
    return Recipe("probe", (Stage("probe", 0, 0),), head="pooled")


def book(scale: Scale) -> Recipe:
    """The textbook's procedure: a new head over the frozen backbone until validation stops improving, the best kept;
    then everything at a small constant rate with Adam, the best kept."""
    dropout = Loss(dropout=0.1, attention_dropout=0.1)
    adam = Optimiser(lr=1e-3, weight_decay=0.0, warmup=0.0, schedule="constant", clip=0.0)
    head = Stage("head", 0, 50, adam, loss=Loss(), stopping=Stopping(3))
    everything = Stage("all", "all", 4, dataclasses.replace(adam, lr=1e-5), Batches(32), loss=dropout)
    return Recipe("book", (head, everything), start="random", max_tokens=512)


NAMED = {"fast": fast, "thorough": thorough, "probe": probe, "book": book}


def named(name: str, scale: Scale) -> Recipe:
    """A recipe by name, or read from a .toml file.

    Raises RecipeError with the nearest name, or the file's mistake.
    """
    if name.endswith(".toml"):
        return read(Path(name), scale)
    if name not in NAMED:
        close = difflib.get_close_matches(name, NAMED, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise RecipeError(f"There is no recipe {name!r}.", f"{hint}Recipes: {', '.join(NAMED)}, or a .toml file.")
    return NAMED[name](scale)


def read(path: Path, scale: Scale) -> Recipe:
    """A recipe from TOML. `base = "fast"` starts from a named one; [[stages]] replaces its stages."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"There is no file {path}.", f"name a .toml file, or one of: {', '.join(NAMED)}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}.", "mend the line that it names.") from None
    base = content.pop("base", None)
    fields = _plain(named(str(base), scale)) if base is not None else {"name": path.stem}
    return _checked(fields | content, str(path), scale)


def write(recipe: Recipe) -> str:
    """The recipe as TOML, as `read` takes it."""
    return msgspec.toml.encode(_without_none(_plain(recipe))).decode()


def changed(recipe: Recipe, settings: dict[str, str], scale: Scale) -> Recipe:
    """A recipe with fields set by dotted names: `seed=1`, `lr=2e-5` (every stage), `stages.1.optimiser.lr=2e-5`.

    Raises RecipeError naming the field and the nearest one.
    """
    fields = _plain(recipe)
    for name, value in settings.items():
        for target, key in _targets(fields, name):
            target[key] = _value(value)
    return _checked(fields, "--set", scale)


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
    except tomllib.TOMLDecodeError:
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
    known = {
        *fields,
        *(
            key
            for stage in fields["stages"]
            for part in (stage, *stage.values())
            if isinstance(part, dict)
            for key in part
        ),
    }
    close = difflib.get_close_matches(name.split(".")[-1], known, n=3)
    return RecipeError(
        f"A recipe has no field {name!r}.",
        f"did you mean {' or '.join(close)}?" if close else f"fields: {', '.join(sorted(known))}.",
    )


def _checked(fields: dict[str, Any], where: str, scale: Scale) -> Recipe:
    """A recipe from plain values: no unknown field, right types, sensible numbers."""
    _refuse_unknown(fields, Recipe, where)
    try:
        recipe = msgspec.convert(fields, Recipe)
    except msgspec.ValidationError as error:
        raise RecipeError(
            f"{where}: {error}.", "mend the field that it names; `docs/recipes.md` lists them all."
        ) from None
    if not recipe.stages:
        raise RecipeError(f"{where}: a recipe needs at least one stage.", "add a [[stages]] table.")
    for stage in recipe.stages:
        _check_stage(stage, where, scale)
    return recipe


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
        for part in value if key == "stages" else [value]:
            if key in parts and isinstance(part, dict):
                _refuse_unknown(part, parts[key], where)


def _check_stage(stage: Stage, where: str, scale: Scale) -> None:
    if isinstance(stage.unfrozen, int) and not 0 <= stage.unfrozen <= scale.blocks:
        raise RecipeError(
            f"{where}: stage {stage.name!r} unfreezes {stage.unfrozen} of {scale.blocks} blocks.",
            f'set unfrozen to 0 … {scale.blocks}, or "all".',
        )
    wrong = {
        "epochs": stage.epochs >= 0,
        "lr": stage.optimiser.lr > 0,
        "warmup": 0 <= stage.optimiser.warmup <= 1,
        "layer_decay": 0 < stage.optimiser.layer_decay <= 1,
        "rows": stage.batches.rows >= 1,
        "tokens": stage.batches.tokens >= 1,
        "label_smoothing": 0 <= stage.loss.label_smoothing < 1,
        "dropout": 0 <= stage.loss.dropout < 1,
    }
    for field_name, is_right in wrong.items():
        if not is_right:
            raise RecipeError(
                f"{where}: stage {stage.name!r} has {field_name} out of range.", "see `docs/recipes.md` for its range."
            )
