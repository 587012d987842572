"""Pairs of texts through the whole journey, joined and apart, as a person would ask for it."""

from __future__ import annotations

import csv
import dataclasses
import gzip
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
from graft.fit_options import FitOptions
from graft.predict import load
from graft.records import Epoch, Manifest, Recipe
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
    joined: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(joined), "--file", str(table), "--text", "a", "--text-pair", "b", "--quiet"]) == 0
    answers = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(answers[0])[:3] == ["text", "text_pair", "label"]
    assert len(answers) == 120
    assert main(["predict", str(joined), "\t".join(PAIR), "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["predictions"]
    assert (answer["text"], answer["text_pair"]) == PAIR
    given = tmp_path / "pairs.txt.gz"
    given.write_bytes(gzip.compress("\t".join(PAIR).encode()))
    assert main(["predict", str(joined), "--file", str(given), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"] == [answer]
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


def as_embedder(model: Path) -> None:
    """Put the modules of a sentence embedder beside a model."""
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for place, (kind, path) in enumerate((("Transformer", ""), ("Pooling", "1_Pooling")))
    ]
    (model / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (model / "1_Pooling").mkdir()
    (model / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}', encoding="utf-8")


@pytest.fixture
def one_epoch_by_an_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe `fast` as it is for many numbers of pairs, on few of any kind."""
    named = row_recipes.NAMED["fast"]

    def shorter(scale: Scale) -> Recipe:
        recipe = named(scale)
        stages = (dataclasses.replace(recipe.stages[0], epochs=1 if scale.by_embedder else 2),)
        return dataclasses.replace(recipe, stages=stages)

    monkeypatch.setitem(row_recipes.NAMED, "fast", shorter)


@pytest.mark.usefixtures("one_epoch_by_an_embedder")
@pytest.mark.parametrize(("embedder", "way", "epochs"), [(True, "apart", 1), (True, "joined", 2), (False, "apart", 2)])
def test_the_recipe_is_told_of_pairs_that_a_sentence_embedder_reads_apart(
    embedder: bool, way: str, epochs: int, table: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(tiny_bert, tmp_path / "model"))
    if embedder:
        as_embedder(model)
    options = FitOptions(str(model), settings={"pairs": way})
    splits = graft.split(graft.read(table, text=("a", "b")))
    *_, last = graft.fit(splits, tmp_path / "r", options)
    assert isinstance(last, Manifest)
    assert [stage.epochs for stage in last.recipe.stages] == [epochs]


@pytest.mark.usefixtures("one_epoch_by_an_embedder")
def test_a_run_goes_on_by_its_recipe_where_the_model_became_an_embedder(
    table: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(tiny_bert, tmp_path / "model"))
    options = FitOptions(str(model), settings={"pairs": "apart"})
    splits = graft.split(graft.read(table, text=("a", "b")))
    for event in graft.fit(splits, tmp_path / "r", options):
        if isinstance(event, Epoch):
            break
    as_embedder(model)
    *_, last = graft.fit(splits, tmp_path / "r", options, resume=True)
    assert isinstance(last, Manifest)
    assert [stage.epochs for stage in last.recipe.stages] == [2]
