"""Tables of docs/recipes.md that follow from the code. Run this file to write the first of them anew."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from graft.records import Batches, Loss, Optimiser, Recipe, Stage, Stopping
from graft.train.row_recipes import NAMED
from graft.train.scale import Scale

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"
BEGIN, END = "<!-- recipes: begin -->\n", "<!-- recipes: end -->\n"
SCALE = Scale(rows=4_000, tokens=100_000, classes=4, blocks=6, width=384)
KINDS = (Recipe, Stage, Optimiser, Batches, Loss, Stopping)


def named_recipes() -> str:
    """The table of the named recipes."""
    lines = ["| recipe | head, its start | tokens | stages |", "|---|---|---|---|"]
    for name, make in NAMED.items():
        recipe = make(SCALE)
        stages = "; ".join(map(_stage, recipe.stages))
        lines.append(f"| `{name}` | {recipe.head}, {recipe.start} | {recipe.max_tokens} | {stages} |")
    return "\n".join(lines) + "\n"


def _stage(stage: Stage) -> str:
    thawed = "everything" if stage.unfrozen == "all" else f"{stage.unfrozen} blocks"
    if not stage.epochs:
        return f"`{stage.name}`: {thawed}, no epochs"
    rate = f"{stage.optimiser.schedule} {_rate(stage.optimiser.lr)}"
    parts = [f"{thawed}, {stage.epochs} epochs by {stage.batches.rows} rows, {rate}"]
    if stage.optimiser.head_lr is not None:
        parts.append(f"the head {_rate(stage.optimiser.head_lr)}")
    if stage.stopping.patience:
        parts.append(f"patience {stage.stopping.patience}")
    if stage.optimiser.layer_decay != 1:
        parts.append(f"layer decay {stage.optimiser.layer_decay}")
    if stage.loss.dropout or stage.loss.attention_dropout:
        parts.append(f"dropout {stage.loss.dropout}/{stage.loss.attention_dropout}")
    if stage.average:
        parts.append(f"the mean of {stage.snapshots} snapshots an epoch")
    if stage.batches.keep < 1:
        parts.append("rows with little left to teach spared")
    return f"`{stage.name}`: {', '.join(parts)}"


def _rate(lr: float) -> str:
    return f"{lr:.1e}".replace(".0e", "e").replace("e-0", "e-")


def default(field: dataclasses.Field[Any]) -> str:
    """A field's default as the tables write it: TOML, in backticks."""
    if field.default is dataclasses.MISSING:
        return ""
    if field.default is None:
        return "none"
    if dataclasses.is_dataclass(field.default):
        return "see below"
    return f"`{json.dumps(field.default)}`"


def section(kind: type) -> dict[str, str]:
    """field → default as written, of the table under the heading that names this dataclass."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {kind.__name__}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.replace(r"\|", "").split("|") for line in text.splitlines() if line.startswith("| `")]
    return {row[1].strip().strip("`"): row[2].strip() for row in rows}


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(before + BEGIN + named_recipes() + END + rest.split(END)[1], encoding="utf-8")
