"""Texts turned into others through the whole journey: two columns in, an ordinary encoder-decoder out."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

import pytest
import tiny
import torch

from graft.cli.main import main
from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.splitting.split import split
from graft.errors import RunError
from graft.fit_options import FitOptions
from graft.fitting import fit
from graft.folder import RunFolder
from graft.predict import load
from graft.records import Progress, RewriteDetails, StageRecord

VERDICTS = {"good": "It is good.", "fine": "It is good.", "bad": "It was bad.", "awful": "It was bad."}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences with a verdict in them, and the verdict by itself."""
    rng, path = random.Random(0), tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    rows = []
    for _ in range(120):
        word = rng.choice(list(VERDICTS))
        text = " ".join(
            [*rng.choices(tiny.WORDS[60:90], k=rng.randint(1, 5)), word, *rng.choices(tiny.WORDS[60:90], k=2)]
        )
        rows.append({"document": text, "summary": VERDICTS[word]})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.rewriter("t5", tmp_path_factory.mktemp("models") / "t5", layers=2)


@pytest.fixture(scope="module")
def finished(table: Path, tiny_t5: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "verdicts"
    asked = ["--task", "rewrite", "--model", str(tiny_t5), "--epochs", "8", "--lr", "5e-3", "--batch", "8"]
    assert main(["run", str(table), *asked, "--out", str(out), "--precision", "fp32", "--quiet"]) == 0
    return out


def test_it_is_learnt_and_judged(finished: Path) -> None:
    evaluation = json.loads((finished / "evaluation.json").read_text())
    assert set(evaluation["metrics"]) == {"chrf", "rouge1", "rouge2", "rouge_l", "bleu", "exact_match"}
    assert set(evaluation["intervals"]) == set(evaluation["metrics"])
    assert evaluation["metrics"]["exact_match"] > 0.6
    assert evaluation["metrics"]["chrf"] > evaluation["baselines"]["copy"]["metrics"]["chrf"] + 0.2
    found = RunFolder(finished).evaluation()
    assert found is not None
    assert isinstance(found.details, RewriteDetails)
    assert sum(one.rows for one in found.details.by_length) == found.n
    assert [one.chrf for one in found.details.worst] == sorted(one.chrf for one in found.details.worst)


def test_the_report_shows_texts_side_by_side(finished: Path) -> None:
    page = (finished / "report.html").read_text(encoding="utf-8")
    for told in ("The numbers", "Length and copying", "Side by side", "Targets cut off", "AutoModelForSeq2SeqLM"):
        assert told in page
    assert "0 classes" not in page
    with (finished / "predictions.csv").open(newline="") as file:
        assert list(next(csv.DictReader(file))) == ["line", "reference", "output", "text"]


def test_the_artefact_is_ordinary(finished: Path) -> None:
    """Law 7: plain transformers loads it, and its `generate` writes the same, by the settings that are saved."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    model = AutoModelForSeq2SeqLM.from_pretrained(finished / "model")
    tokenizer = AutoTokenizer.from_pretrained(finished / "model")
    texts = ["bread good tea", "the awful </s> soup", "good " * 100]
    read_ = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        theirs = tokenizer.batch_decode(model.generate(**read_), skip_special_tokens=True)
    assert [answer.output for answer in load(finished).predict(texts)] == [text.strip() for text in theirs]


def test_answers_come_in_the_usual_forms(finished: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(finished), "bread good tea", "--format", "jsonl"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"text", "output"}
    assert main(["predict", str(finished), "--file", str(table), "--quiet"]) == 0
    answers = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert (len(answers), list(answers[0])) == (120, ["text", "output"])
    with pytest.raises(RunError, match="no logits"):
        load(finished).logits(["a"])


@pytest.mark.parametrize("family", [pytest.param("t5", marks=pytest.mark.slow), "bart"])
def test_the_decoder_trains_over_cached_states_then_blocks_thaw(family: str, table: Path, tmp_path: Path) -> None:
    model = tiny.rewriter(family, tmp_path / family, layers=2)
    splits = split(read(table, options=ReadOptions(task="rewrite")))
    settings = {"epochs": "2", "max_tokens": "9", "long": "head-tail"}
    options = FitOptions(str(model), recipe="thorough", settings=settings, precision="fp32")
    stages = [event for event in fit(splits, tmp_path / "run", options) if isinstance(event, StageRecord)]
    assert [(stage.cut, stage.cached) for stage in stages] == [(2, True), (1, True), (0, False)]


@pytest.mark.slow
def test_an_architecture_that_is_not_known_trains_uncached(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Marian is what many translators are; its output layer has a bias that lies apart."""
    model = tiny.rewriter("marian", tmp_path / "marian", layers=2)
    asked = ["--task", "rewrite", "--model", str(model), "--recipe", "thorough", "--epochs", "1", "--from-scratch"]
    assert main(["run", str(table), *asked, "--out", str(tmp_path / "run")]) == 0
    assert "is not among the families" in capsys.readouterr().err
    manifest, evaluation = RunFolder(tmp_path / "run").manifest(), RunFolder(tmp_path / "run").evaluation()
    assert not any(stage.cached for stage in manifest.outcome.stages)
    assert evaluation is not None
    assert set(evaluation.baselines) == {"copy", "lead", "scratch"}


def test_a_stopped_run_goes_on_to_the_same_weights(table: Path, tiny_t5: Path, tmp_path: Path) -> None:
    """Law 6, with a metric that is judged by what is written."""
    splits = split(read(table, options=ReadOptions(task="rewrite")))
    settings = {"epochs": "2", "rows": "48", "metric": "chrf"}
    options = FitOptions(str(tiny_t5), recipe="probe", settings=settings, precision="fp32", save_every=0)
    steps = sum(is_step(event) for event in fit(splits, tmp_path / "whole", options))
    for _ in range(2):
        under_way = fit(splits, tmp_path / "stopped", options, resume=(tmp_path / "stopped").exists())
        assert any(map(is_step, under_way))
        next(under_way, None)
        under_way.close()
    list(fit(splits, tmp_path / "stopped", options, resume=True))
    ends = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "stopped")]
    assert ends[0] == ends[1]
    assert steps > 3


def is_step(event: object) -> bool:
    return isinstance(event, Progress) and event.phase.startswith("decoder ")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["--head", "pooled"], "pooled head labels texts and writes none"),
        (["--long", "windows"], "a text is rewritten as a whole"),
        (["--metric", "accuracy"], "not a validation metric"),
        (["--class-weights", "balanced"], "class weights"),
        (["--text", "summary"], "source and the target"),
    ],
)
def test_what_cannot_be_done_is_told(
    asked: list[str], found: str, table: Path, tiny_t5: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--task", "rewrite", "--model", str(tiny_t5), "--out", str(tmp_path / "r"), "--quiet"]
    assert main(["run", str(table), *common, "--label", "summary", *asked]) == 2
    assert found in capsys.readouterr().err


def test_an_encoder_is_refused_with_what_would_work(
    table: Path, tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--task", "rewrite", "--model", str(tiny_bert), "--out", str(tmp_path / "r"), "--quiet"]
    assert main(["run", str(table), *asked]) == 2
    assert "t5-small" in capsys.readouterr().err
