"""docs/recipes.md says what the code says: every field with its default, every named recipe."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import tables
from pages import ROOT, blocks

from graft.records import Recipe
from graft.tasks.regression import REGRESSION
from graft.tasks.tagging import TAGGING
from graft.train import recipe as recipes
from graft.train.row_recipes import ENOUGH_PAIRS, NAMED
from graft.train.scale import Scale

NUMBERS = dataclasses.replace(tables.SCALE, task=REGRESSION)


@pytest.mark.parametrize("kind", tables.KINDS, ids=lambda kind: kind.__name__)
def test_every_field_with_its_default(kind: type) -> None:
    assert tables.section(kind) == {field.name: tables.default(field) for field in dataclasses.fields(kind)}


def test_named_recipes() -> None:
    written = tables.PAGE.read_text(encoding="utf-8").split(tables.BEGIN)[1].split(tables.END)[0]
    assert written == tables.named_recipes(), "run tests/docs/tables.py to write the table anew"


def test_the_textbook_page_says_how_fast_differs() -> None:
    page = (ROOT / "docs" / "textbook.md").read_text(encoding="utf-8").split("## Where `fast` deviates")[1]
    fast = {row[1].strip(): row[2] for row in (line.split("|") for line in page.splitlines() if line.startswith("|"))}
    recipe, (stage,) = NAMED["fast"](tables.SCALE), NAMED["fast"](tables.SCALE).stages
    rates = stage.optimiser
    assert rates.head_lr is not None
    assert f"{rates.head_lr / rates.lr:g} times" in fast["one rate for all weights"]
    assert f"peak is {rates.lr:.0e}".replace("e-0", "e-") in fast["Adam at a constant 1e-5"]
    assert f"clipped at {rates.clip:g}" in fast["Adam at a constant 1e-5"]
    assert f"at least {stage.batches.keep:g}" in fast["every row in every epoch"]
    assert stage.average
    assert f"{stage.snapshots} times an epoch" in fast["the weights after an epoch"]
    assert fast["512 tokens"].strip() == str(recipe.max_tokens)
    usual, by_embedder = _epochs(tables.SCALE), _epochs(dataclasses.replace(NUMBERS, by_embedder=True))
    assert f"{min(usual)} to {max(usual)}, " in fast["4 epochs"]
    assert f"; {min(by_embedder)} for numbers of {ENOUGH_PAIRS:,} pairs or more" in fast["4 epochs"]


def test_names_in_texts_have_recipes_as_the_page_says() -> None:
    page = " ".join(tables.PAGE.read_text(encoding="utf-8").split())
    scale = dataclasses.replace(tables.SCALE, task=TAGGING)
    (fast,), (probe,) = NAMED["fast"](scale).stages, NAMED["probe"](scale).stages
    said = page.split("Where names are looked for in texts, ")[1].split("**thorough**")[0]
    assert (NAMED["fast"](scale).start, fast.optimiser.head_lr, fast.batches.keep, fast.snapshots) == (
        "random",
        None,
        1,
        1,
    )
    assert f"by {fast.batches.rows} rows" in said
    assert f"{min(_epochs(scale))} to {max(_epochs(scale))};" in said
    assert fast.epochs == round(1_000_000 / scale.tokens)
    assert (NAMED["probe"](scale).head, probe.unfrozen) == ("native", 0)
    assert f"`{probe.name}`, by {probe.epochs} epochs at {probe.optimiser.lr:g}".replace("0.002", "2e-3") in said


def _epochs(scale: Scale) -> set[int]:
    """Of `fast`, for data of any size."""
    sizes = [(rows, rows * length) for rows in (100, 1_000, 4_000, 5_000, 100_000) for length in (5, 50, 500)]
    return {NAMED["fast"](dataclasses.replace(scale, rows=r, tokens=t)).stages[0].epochs for r, t in sizes}


def test_toml_examples_are_recipes(tmp_path: Path) -> None:
    shown = [block for page in (ROOT / "docs").glob("*.md") for block in blocks(page, "toml")]
    assert shown
    for block in shown:
        path = tmp_path / "my.toml"
        path.write_text(block.code, encoding="utf-8")
        found = recipes.read(path, tables.SCALE)
        assert recipes.read(_again(tmp_path, found), tables.SCALE) == found


def _again(folder: Path, found: Recipe) -> Path:
    path = folder / "again.toml"
    path.write_text(recipes.write(found), encoding="utf-8")
    return path
