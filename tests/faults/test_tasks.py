"""Whatever is learned, and however texts are fed: a run killed in its stages goes on to the same weights."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import answered
import pytest
import tiny
import tiny_causal

from graft.tasks.registry import TASKS

from .conftest import signature

ROWS = 60
WORDS = ("good", "bad", "warm", "cold")


def told(number: int) -> str:
    return f"the {tiny.WORDS[number % 60]} was {WORDS[number % 4]} number {number}"


def table(header: str, row: Callable[[int], str]) -> str:
    return "\n".join([header, *map(row, range(ROWS))]) + "\n"


def sentence(number: int) -> str:
    words = told(number).split()
    return "".join(f"{word} {'B-THING' if place == 1 else 'O'}\n" for place, word in enumerate(words)) + "\n"


def story(number: int) -> str:
    drawn = random.Random(number)
    return " ".join(f"The {drawn.choice(tiny.WORDS[:60])} was {drawn.choice(WORDS)}." for _ in range(90))


FILES = {
    "scores.csv": table("text,score", lambda n: f"{told(n)},{n % 4 + n / 100}"),
    "labels.csv": table("text,labels", lambda n: f"{told(n)},{'|'.join(sorted({WORDS[n % 4], WORDS[n // 4 % 4]}))}"),
    "pairs.csv": table("one,two,label", lambda n: f"{told(n)},{told(n + n % 2)},{('same', 'other')[n % 2]}"),
    "long.csv": table("text,label", lambda n: f"{' '.join([told(n)] * 4)},{WORDS[n % 2]}"),
    "verdicts.csv": table("document,summary", lambda n: f"{told(n)},it was {WORDS[n % 4]}"),
    "asked.json": json.dumps(answered.articles(20, 0.25)),
    "names.conll": "".join(map(sentence, range(ROWS))),
}
WAYS = {
    "numbers": ("scores.csv", "--task", "regression"),
    "several labels": ("labels.csv", "--task", "multi-label"),
    "names": ("names.conll", "--task", "token-classification"),
    "pairs joined": ("pairs.csv", "--text", "one", "--text-pair", "two", "--pairs", "joined"),
    "pairs apart": ("pairs.csv", "--text", "one", "--text-pair", "two", "--pairs", "apart"),
    "rewriting": ("verdicts.csv", "--task", "rewrite"),
    "answers": ("asked.json", "--task", "question-answering"),
    "windows": ("long.csv", "--long", "windows", "--max-tokens", "16"),
    "writing": ("stories", "--task", "write"),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
    (folder / "stories").mkdir()
    for number in range(9):
        (folder / "stories" / f"{number}.txt").write_text(story(number), encoding="utf-8")
    tiny.bert(folder / "model", layers=2, width=16)
    tiny_causal.make("gpt2", folder / "writer")
    tiny.rewriter("t5", folder / "rewriter", layers=2, width=16)
    return folder


def test_no_task_is_left_out():
    named = {asked[asked.index("--task") + 1] for asked in WAYS.values() if "--task" in asked}
    assert named | {"classification"} == set(TASKS)


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_run_of_any_task_goes_on_to_the_same_end(worker, desk, tmp_path, way):
    data, *named = WAYS[way]
    model = desk / {"writing": "writer", "rewriting": "rewriter"}.get(way, "model")
    shape = ("--model", model, "--epochs", "2", "--batch", "16", "--precision", "fp32", "--save-every", "0")
    asked = (desk / data, *named, *shape)
    ended = worker("fit", *asked, "--out", tmp_path / "whole", folders=[str(tmp_path)])
    assert ended.code == 0, ended.err
    steps = [number for number, point in enumerate(ended.points, 1) if "rename" in point and "state.json" in point]
    assert len(steps) >= 4
    for at in (steps[1], steps[-2] + 1):
        out = tmp_path / str(at)
        assert worker("fit", *asked, "--out", out, folders=[str(out)], at=at).code == -9
        ended = worker("fit", "--resume", "--out", out)
        assert ended.code == 0, ended.err
        assert signature(out) == signature(tmp_path / "whole")
