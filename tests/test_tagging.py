"""Names in text through the whole journey: words with tags in, an ordinary token classifier out."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from graft.cli.main import main
from graft.predict import load
from graft.records import TokenDetails

NAMES = {"PER": ["kind", "waiter"], "LOC": ["street", "park", "river"]}


def sentences(count: int) -> list[tuple[list[str], list[str]]]:
    """Sentences in which some words are names, now and then of two words."""
    rng = random.Random(0)
    found = []
    for _ in range(count):
        words = [rng.choice(tiny.WORDS[:12]) for _ in range(rng.randint(2, 7))]
        tags = ["O"] * len(words)
        kind = rng.choice(["PER", "LOC"])
        place, name = rng.randrange(len(words)), rng.sample(NAMES[kind], rng.randint(1, 2))
        words[place:place], tags[place:place] = name, [f"B-{kind}", f"I-{kind}"][: len(name)]
        found.append((words, tags))
    return found


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("names") / "names.conll"
    rows = ("\n".join(f"{word} {tag}" for word, tag in zip(*row, strict=True)) for row in sentences(160))
    path.write_text("\n\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def finished(table: Path, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "names"
    asked = ["--model", str(tiny_bert), "--epochs", "12", "--lr", "5e-3", "--batch", "8", "--out", str(out), "--quiet"]
    assert main(["run", str(table), *asked]) == 0
    return out


def test_names_are_learnt_and_judged(finished: Path) -> None:
    evaluation = json.loads((finished / "evaluation.json").read_text())
    assert evaluation["metrics"]["entity_f1"] > 0.6
    assert set(evaluation["metrics"]) == set(evaluation["intervals"])
    assert "lookup" in evaluation["baselines"]
    assert {one["name"] for one in evaluation["details"]["per_type"]} == {"LOC", "PER"}
    page = (finished / "report.html").read_text()
    assert "What became of names" in page
    assert "The model learnt from words that were given" in page
    assert "token-classification" in page
    with (finished / "predictions.csv").open(newline="") as file:
        assert list(next(csv.DictReader(file))) == ["line", "names", "found", "text"]


def test_the_artefact_is_ordinary(finished: Path) -> None:
    """Law 7: plain transformers gives the same logits for each word's first token, and its pipeline the same names."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

    model = AutoModelForTokenClassification.from_pretrained(finished / "model")
    tokenizer = AutoTokenizer.from_pretrained(finished / "model")
    words = ["the", "kind", "waiter", "of", "Xylo"]
    tokens = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.inference_mode():
        theirs = model(**tokens).logits[0].numpy()
    firsts = [tokens.word_ids().index(number) for number in range(len(words))]
    np.testing.assert_allclose(load(finished).logits([words]), theirs[firsts], atol=1e-5)
    (answer,) = load(finished).predict(["the kind waiter"])
    found = pipeline("token-classification", str(finished / "model"), aggregation_strategy="first")("the kind waiter")
    assert [(name.start, name.end, name.label) for name in answer.names] == [
        (one["start"], one["end"], one["entity_group"]) for one in found
    ]


def test_a_text_longer_than_a_window_is_read_whole(finished: Path) -> None:
    """Law 2, over windows: a text's names do not depend on its neighbours, and none is cut away."""
    long = " ".join(["the"] * 150 + ["street"])
    alone, *_ = load(finished).predict([long])
    _, beside = load(finished).predict(["the park", long])
    assert [name[:3] for name in map(tuple_of, alone.names)] == [name[:3] for name in map(tuple_of, beside.names)]
    assert load(finished).logits([long]).shape == (151, 5)


def tuple_of(name):
    return name.start, name.end, name.label, name.probability


def test_names_are_predicted_from_files_and_arguments(
    finished: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(finished), "the kind waiter", "--format", "jsonl"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"text", "names"}
    assert main(["predict", str(finished), "--file", str(table), "--quiet"]) == 0
    answers = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert (len(answers), list(answers[0])) == (160, ["text", "names"])
    words = tmp_path / "words.jsonl"
    words.write_text(json.dumps({"words": ["the", "kind", "waiter"]}) + "\n", encoding="utf-8")
    assert main(["predict", str(finished), "--file", str(words), "--quiet"]) == 0
    assert "the kind waiter" in capsys.readouterr().out


def test_details_travel(finished: Path) -> None:
    from graft.folder import RunFolder

    evaluation = RunFolder(finished).evaluation()
    assert evaluation is not None
    assert isinstance(evaluation.details, TokenDetails)
    assert sum(evaluation.details.kinds.values()) > 0


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["--recipe", "thorough", "--head", "pooled"], "a pooled head reads whole texts"),
        (["--set", "long=head-tail"], "long"),
        (["--pairs", "apart"], "the data hold single texts"),
    ],
)
def test_what_names_cannot_be_learnt_by_is_told(
    asked: list[str], found: str, table: Path, tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(table), "--model", str(tiny_bert), "--out", str(tmp_path / "r"), "--quiet", *asked]) == 2
    assert found in capsys.readouterr().err


@pytest.mark.parametrize("recipe", ["probe", "thorough"])
def test_other_recipes_learn_names(recipe: str, table: Path, tiny_roberta: Path, tmp_path: Path) -> None:
    asked = ["--model", str(tiny_roberta), "--recipe", recipe, "--epochs", "2", "--out", str(tmp_path / "r"), "--quiet"]
    assert main(["run", str(table), *asked]) == 0
    assert "entity_f1" in json.loads((tmp_path / "r" / "evaluation.json").read_text())["metrics"]


def test_words_that_no_token_stands_for_get_no_tag_and_teach_nothing(
    tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a split whose words are all in one class or another: what the limit cuts, and a word that nobody sees."""
    rng = random.Random(1)
    kinds = {word: "AB"[place % 2] for place, word in enumerate(tiny.WORDS[:30])}
    rows = [[rng.choice(tiny.WORDS[:30]) for _ in range(14)] for _ in range(80)]
    path = tmp_path / "kinds.jsonl"
    lines = [{"words": ["\u200b", *row], "tags": ["B", *(kinds[word] for word in row)]} for row in rows]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    asked = ["--model", str(tiny_bert), "--long", "truncate", "--max-tokens", "10", "--epochs", "6", "--lr", "5e-3"]
    assert main(["run", str(path), *asked, "--out", str(tmp_path / "r")]) == 0
    printed = capsys.readouterr().err
    assert "words of train teach nothing: no token stands for them" in printed
    assert "words of test get no tag" in printed
    model = load(tmp_path / "r")
    (answer,) = model.predict([["\u200b", *rows[0]]])
    assert [(name.text, name.label) for name in answer.names] == [(word, kinds[word]) for word in rows[0][:8]]
    evaluation = json.loads((tmp_path / "r" / "evaluation.json").read_text())
    tested = evaluation["n"]
    assert evaluation["details"]["unread"] == 7 * tested
    assert evaluation["metrics"]["word_loss"] < 0.7
    assert "got no tag" in (tmp_path / "r" / "report.html").read_text()
    trained = [json.loads(line)["loss"] for line in (tmp_path / "r" / "epochs.jsonl").read_text().splitlines()]
    assert trained[-1] < 0.7
