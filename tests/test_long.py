"""Texts of more tokens than are read at once, through the whole journey."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import tiny

import graft
from graft.errors import RecipeError
from graft.predict import load


def texts(count: int) -> list[tuple[str, str]]:
    """Long texts whose last word tells the class."""
    rng = random.Random(0)
    drawn = [[rng.choice(tiny.WORDS[:20]) for _ in range(60)] for _ in range(count)]
    return [(" ".join([*words, "good" if row % 2 else "bad"]), "ab"[row % 2]) for row, words in enumerate(drawn)]


@pytest.mark.parametrize("long", ["truncate", "head-tail", "windows"])
def test_what_is_read_of_a_long_text(long: str, tiny_bert: Path, tmp_path: Path) -> None:
    settings = {"epochs": 1, "long": long, "max_tokens": 24}
    result = graft.run(texts(60), out=tmp_path / "r", model=str(tiny_bert), settings=settings, quiet=True)
    assert result.manifest.recipe.long == long
    words = texts(1)[0][0].split()
    ends = [" ".join([*words[:-1], last]) for last in ("good", "bad")]
    middles = [" ".join([*words[:30], middle, *words[31:]]) for middle in ("good", "bad")]
    model = load(tmp_path / "r")
    last, middle = (model.logits(pair) for pair in (ends, middles))
    assert (np.abs(last[0] - last[1]).max() > 1e-6) == (long != "truncate")
    assert (np.abs(middle[0] - middle[1]).max() > 1e-6) == (long == "windows")
    np.testing.assert_allclose(model.logits([ends[0], "good"])[0], last[0], atol=1e-5)


def test_pairs_have_no_windows(tiny_bert: Path, tmp_path: Path) -> None:
    rows = [{"sentence1": text, "sentence2": text[:60], "label": label} for text, label in texts(40)]
    with pytest.raises(RecipeError, match="pairs are cut"):
        graft.run(rows, out=tmp_path / "r", model=str(tiny_bert), settings={"long": "windows"}, quiet=True)


def test_a_pooled_head_reads_no_windows(tiny_bert: Path, tmp_path: Path) -> None:
    settings = {"long": "windows"}
    with pytest.raises(RecipeError, match="windows are read one by one"):
        graft.run(texts(40), out=tmp_path / "r", model=str(tiny_bert), recipe="probe", settings=settings, quiet=True)


@pytest.mark.parametrize("recipe", ["fast", "probe"])
@pytest.mark.parametrize("long", ["head-tail", "windows"])
def test_a_head_starts_as_a_probe_of_what_is_read_of_a_long_text(
    long: str, recipe: str, tiny_roberta: Path, tmp_path: Path
) -> None:
    """A third of the texts takes several windows; of each text all words tell the class."""
    rng = random.Random(0)
    kinds = {"a": tiny.WORDS[:12], "b": tiny.WORDS[12:24]}
    rows = [(" ".join(rng.choices(kinds["ab"[row % 2]], k=4 + 20 * (row % 3))), "ab"[row % 2]) for row in range(120)]
    settings = {"epochs": 1, "long": long, "max_tokens": 24, "head": "native"}
    options = {"model": str(tiny_roberta), "recipe": recipe, "settings": settings, "quiet": True}
    manifest = graft.run(rows, out=tmp_path / "r", **options).manifest
    assert manifest.head is not None
    assert manifest.head.start == "probe"
    first = json.loads((tmp_path / "r" / "epochs.jsonl").read_text().splitlines()[0])
    assert first["number"] == 0
    assert first["validation"]["accuracy"] > 0.75
