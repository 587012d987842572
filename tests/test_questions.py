"""Answers to questions through the whole journey: SQuAD's JSON in, an ordinary model of transformers out."""

from __future__ import annotations

import contextlib
import csv
import html
import io
import json
import re
from pathlib import Path

import answered
import pytest
import tiny

from graft.cli.main import main
from graft.predict import load


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "asked.json"
    path.write_text(json.dumps(answered.articles(45, 0.25)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def finished(table: Path, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "questions"
    asked = ["--model", str(tiny_bert), "--epochs", "12", "--lr", "5e-3", "--batch", "8", "--out", str(out), "--quiet"]
    assert main(["run", str(table), *asked]) == 0
    return out


def test_answers_are_learnt_and_judged(finished: Path) -> None:
    evaluation = json.loads((finished / "evaluation.json").read_text())
    assert evaluation["metrics"]["answer_f1"] > 0.6
    assert set(evaluation["metrics"]) == set(evaluation["intervals"])
    assert set(evaluation["baselines"]) == {"overlap", "never"}
    page = (finished / "report.html").read_text()
    for said in ("Answers in their contexts", "When no answer is given", "By the word that a question asks by"):
        assert said in page
    with (finished / "predictions.csv").open(newline="") as file:
        assert list(next(csv.DictReader(file))) == ["line", "answers", "answer", "score", "question", "context"]
    manifest = json.loads((finished / "run.json").read_text())
    assert set(manifest["head"]["settled"]) == {"no_answer"}


ASKED = [
    ("where was the cat", "the cat went to the river and took the tea ."),
    ("what was it that the dog took", "good bread the dog went to the park and took the wine ."),
    ("when was it", "the dog went to the park and took the wine ."),
    ("where was the cat", "   "),
]


def the_reports_lines(run: Path) -> str:
    codes = re.findall(r"<code[^>]*>(.*?)</code>", (run / "report.html").read_text(), re.DOTALL)
    (code,) = (html.unescape(one) for one in codes if "AutoModelForQuestionAnswering" in one)
    return code


def by_the_reports_lines(run: Path, question: str, context: str) -> str:
    """What they print, asked in the run's folder."""
    code = the_reports_lines(run)
    code = code.replace("Who came first?", question).replace("Ann came first, then Bob.", context)
    printed = io.StringIO()
    with contextlib.chdir(run), contextlib.redirect_stdout(printed):
        exec(compile(code, "report", "exec"), {})
    return printed.getvalue().removesuffix("\n")


def test_the_reports_lines_for_plain_transformers_answer_as_graft_does(finished: Path) -> None:
    """Law 7: the artefact is ordinary, and what the report shows runs."""
    expected = [answer.answer for answer in load(finished).predict(ASKED)]
    assert [by_the_reports_lines(finished, *one) for one in ASKED] == expected
    assert "" in expected[:3]
    assert any(expected)


def test_they_cut_a_context_that_is_longer_than_the_model(finished: Path) -> None:
    words = [*ASKED[0][1].split(), *(["the", "bread", "was", "good", "."] * 40)]
    assert by_the_reports_lines(finished, ASKED[0][0], " ".join(words)) in " ".join(words[: tiny.POSITIONS])


def test_they_answer_whatever_is_asked_where_every_question_of_train_has_an_answer(
    tiny_roberta: Path, tmp_path: Path
) -> None:
    """By a tokenizer with tokens for a space alone, at which no answer begins."""
    table, out = tmp_path / "asked.json", tmp_path / "run"
    table.write_text(json.dumps(answered.articles(24)), encoding="utf-8")
    asked = ["--model", str(tiny_roberta), "--epochs", "2", "--lr", "5e-3", "--set", "answer_tokens=3"]
    assert main(["run", str(table), *asked, "--out", str(out), "--quiet"]) == 0
    spaced = [(question, context.replace(" ", "   ")) for question, context in ASKED]
    answers = [answer.answer for answer in load(out).predict([*ASKED, *spaced])]
    assert [by_the_reports_lines(out, *one) for one in [*ASKED, *spaced]] == answers
    assert all(answers[:3])


def test_a_long_context_is_read_whole(finished: Path) -> None:
    """Law 2, over windows: an answer does not depend on its neighbours, and none is cut away."""
    question = "where was the cat"
    long = "the bread was good . " * 40 + "the cat went to the river and took the tea ."
    (alone,) = load(finished).predict([(question, long)])
    _, beside = load(finished).predict([(question, "the cat went to the park ."), (question, long)])
    assert (alone.answer, alone.start) == (beside.answer, beside.start)
    assert long[alone.start : alone.end] == alone.answer if alone.answer else alone.start is None


def test_questions_come_from_files_and_arguments(
    finished: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = "where was the cat\tthe cat went to the river and took the tea ."
    assert main(["predict", str(finished), asked, "--format", "jsonl"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["question", "context", "answer", "start", "end", "score", "no_answer"]
    assert main(["predict", str(finished), "--file", str(table), "--quiet"]) == 0
    answers = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert (len(answers), list(answers[0])[:3]) == (180, ["question", "context", "answer"])
    flat = tmp_path / "flat.csv"
    flat.write_text("context,question\nthe dog took the tea,what\n", encoding="utf-8")
    assert main(["predict", str(finished), "--file", str(flat), "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["predictions"]
    assert (one["question"], one["context"]) == ("what", "the dog took the tea")
    lines = tmp_path / "lines.txt"
    lines.write_text("what\tthe dog took the tea\n" * 2, encoding="utf-8")  # which could be labels before texts
    assert main(["predict", str(finished), "--file", str(lines), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"] == [one, one]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["only one text"], "this model answers questions"),
        (["--file", "texts.csv"], "no column is called question"),
        (["--file", "lines.txt"], "lines.txt:2: this model answers questions"),
        (["--file", "none.txt"], "none.txt"),
        (["--file", "latin.txt"], "latin.txt:1: byte 4"),
    ],
)
def test_what_is_no_question_is_told(
    asked: list[str],
    found: str,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "texts.csv").write_text("text\nsome text\n", encoding="utf-8")
    (tmp_path / "lines.txt").write_text("what\tthe dog took the tea\nwhat\n", encoding="utf-8")
    (tmp_path / "latin.txt").write_text("caf\u00e9\tthe dog\n", encoding="latin-1")
    monkeypatch.chdir(tmp_path)
    assert main(["predict", str(finished), *asked, "--quiet"]) == 2
    assert found in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["--recipe", "thorough", "--head", "pooled"], "a pooled head reads whole texts"),
        (["--long", "head-tail"], "answers are looked for in all of it"),
        (["--pairs", "apart"], "questions are read before their contexts"),
        (["--class-weights", "balanced"], "answers have no classes"),
        (["--metric", "accuracy"], "answer_f1, exact_match"),
        (["--task", "regression"], "label"),
    ],
)
def test_what_answers_cannot_be_learnt_by_is_told(
    asked: list[str], found: str, table: Path, tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(table), "--model", str(tiny_bert), "--out", str(tmp_path / "r"), "--quiet", *asked]) == 2
    assert found in capsys.readouterr().err


@pytest.mark.parametrize(
    ("recipe", "more"), [("probe", ["--from-scratch"]), ("thorough", ["--set", "answer_tokens=1"])]
)
def test_other_recipes_learn_answers(
    recipe: str, more: list[str], table: Path, tiny_roberta: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--model", str(tiny_roberta), "--recipe", recipe, "--epochs", "2", "--out", str(tmp_path / "r")]
    assert main(["run", str(table), *asked, *more]) == 0
    manifest = json.loads((tmp_path / "r" / "run.json").read_text())
    assert manifest["outcome"]["stages"][0]["cached"]
    evaluation = json.loads((tmp_path / "r" / "evaluation.json").read_text())
    assert "answer_f1" in evaluation["metrics"]
    assert ("scratch" in evaluation["baselines"]) == (recipe == "probe")
    assert ("tokens, which is the most that is given" in capsys.readouterr().err) == (recipe == "thorough")
