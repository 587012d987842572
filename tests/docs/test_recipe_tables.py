"""docs/recipes.md says what the code says: every field with its default, every named recipe."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import tables
from pages import ROOT, blocks

from graft.records import Recipe
from graft.train import recipe


@pytest.mark.parametrize("kind", tables.KINDS, ids=lambda kind: kind.__name__)
def test_every_field_with_its_default(kind: type) -> None:
    assert tables.section(kind) == {field.name: tables.default(field) for field in dataclasses.fields(kind)}


def test_named_recipes() -> None:
    written = tables.PAGE.read_text(encoding="utf-8").split(tables.BEGIN)[1].split(tables.END)[0]
    assert written == tables.named_recipes(), "run tests/docs/tables.py to write the table anew"


def test_toml_examples_are_recipes(tmp_path: Path) -> None:
    shown = [block for page in (ROOT / "docs").glob("*.md") for block in blocks(page, "toml")]
    assert shown
    for block in shown:
        path = tmp_path / "my.toml"
        path.write_text(block.code, encoding="utf-8")
        found = recipe.read(path, tables.SCALE)
        assert recipe.read(_again(tmp_path, found), tables.SCALE) == found


def _again(folder: Path, found: Recipe) -> Path:
    path = folder / "again.toml"
    path.write_text(recipe.write(found), encoding="utf-8")
    return path
