"""Pairs of texts through the whole journey, joined and apart, as a person would ask for it."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

import graft
from graft.cli.main import main
from graft.fitting import FitOptions
from graft.predict import load
from graft.records import Recipe
from graft.train import row_recipes
from graft.train.scale import Scale

PAIR = ("good soup here", "the soup here was good")


def rows(count: int, seed: int = 0) -> list[dict[str, object]]:
    """Pairs with the share of words that they have in common."""
    rng = random.Random(seed)
    found: list[dict[str, object]] = []
    for _ in range(count):
        words, shared = [rng.choice(tiny.WORDS) for _ in range(5)], rng.randint(0, 5)
        other = words[:shared] + [rng.choice(tiny.WORDS) for _ in range(5 - shared)]
        kind = "same" if shared > 2 else "other"
        found.append({"a": " ".join(words), "b": " ".join(other), "score": shared / 5 + 0.01, "kind": kind})
    return found


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ("a", "b", "kind"), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows(120))
    return path


@pytest.fixture(scope="module")
def joined(table: Path, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "joined"
    asked = ["--text", "a", "--text-pair", "b", "--pairs", "joined", "--epochs", "1", "--model", str(tiny_bert)]
    assert main(["run", str(table), *asked, "--out", str(out), "--quiet"]) == 0
    return out


def test_joined_pairs_end_as_an_ordinary_model(joined: Path) -> None:
    """Law 7: plain transformers gives the same logits."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(joined / "model")
    tokenizer = AutoTokenizer.from_pretrained(joined / "model")
    pairs = [PAIR, ("", "one [SEP] two"), ("bad " * 100, "rice " * 50)]
    firsts, seconds = map(list, zip(*pairs, strict=True))
    with torch.inference_mode():
        theirs = model(**tokenizer(firsts, seconds, padding=True, truncation=True, return_tensors="pt")).logits
    np.testing.assert_allclose(load(joined).logits(pairs), theirs.numpy(), atol=1e-5)


def test_the_report_and_the_yardsticks_know_pairs(joined: Path) -> None:
    evaluation = json.loads((joined / "evaluation.json").read_text())
    assert {"majority", "tfidf", "cosine"} <= set(evaluation["baselines"])
    assert "Untrained cosine" in (joined / "report.html").read_text()
    with (joined / "predictions.csv").open(newline="") as file:
        assert {"text", "text_pair"} <= set(next(csv.DictReader(file)))


def test_pairs_are_predicted_from_files_arguments_and_lines(
    joined: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(joined), "--file", str(table), "--text", "a", "--text-pair", "b", "--quiet"]) == 0
    answers = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(answers[0])[:3] == ["text", "text_pair", "label"]
    assert len(answers) == 120
    assert main(["predict", str(joined), "\t".join(PAIR), "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["predictions"]
    assert (answer["text"], answer["text_pair"]) == PAIR
    (expected,) = load(joined).predict([PAIR])
    assert (answer["label"], expected.text) == (expected.label, PAIR)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["one text"], "not two texts with a tab between"),
        (["--text-pair", "b", "--file", "{table}"], "add --text COL"),
        (["--text", "a", "--file", "{table}"], "this model reads pairs"),
    ],
)
def test_what_is_no_pair_is_told(
    asked: list[str], found: str, joined: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(joined), *(part.format(table=table) for part in asked)]) == 2
    assert found in capsys.readouterr().err
    with pytest.raises(TypeError, match="pairs of texts"):
        load(joined).predict(["one text"])


def test_single_texts_cannot_be_read_as_pairs(
    table: Path, tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["run", str(table), "--text", "a", "--label", "kind", "--model", str(tiny_bert), "--pairs", "apart"]
    assert main([*asked, "--out", str(tmp_path / "r"), "--quiet"]) == 2
    assert "the data hold single texts" in capsys.readouterr().err


def test_similarity_is_learnt_apart_and_kept(tiny_bert: Path, tmp_path: Path) -> None:
    """auto tries both; here, a random model whose embeddings tell what words are shared, apart is better."""
    data = [{name: row[name] for name in ("a", "b", "score")} for row in rows(160)]
    given = graft.Given(data, text=("a", "b"), label="score")
    result = graft.run(given, out=tmp_path / "r", model=str(tiny_bert), settings={"epochs": 1, "lr": 1e-4}, quiet=True)
    assert result.manifest.recipe.pairs == "apart"
    assert result.manifest.head is not None
    assert result.manifest.head.kind == "paired"
    assert result.metrics["spearman"] > 0.3
    high, low = result.predict([("good soup here", "good soup here"), ("good soup here", "old bus of the city")])
    assert high.value > low.value
    again = list(graft.evaluate(tmp_path / "r", graft.split(graft.read(data, text=("a", "b"), label="score"))))
    assert again[-1].metrics == result.metrics


@pytest.mark.parametrize(
    ("embedder", "way", "told"), [(True, "apart", True), (True, "joined", False), (False, "apart", False)]
)
def test_the_recipe_is_told_of_pairs_that_a_sentence_embedder_reads_apart(
    embedder: bool, way: str, told: bool, table: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_bert, model)
    if embedder:
        (model / "modules.json").write_text("[]", encoding="utf-8")
    named, scales = row_recipes.NAMED["fast"], []

    def watched(scale: Scale) -> Recipe:
        scales.append(scale)
        return named(scale)

    monkeypatch.setitem(row_recipes.NAMED, "fast", watched)
    splits = graft.split(graft.read(table, text=("a", "b")))
    for _ in graft.fit(splits, tmp_path / "r", FitOptions(str(model), settings={"pairs": way, "epochs": "1"})):
        pass
    assert [scale.likened for scale in scales] == [False, told]
