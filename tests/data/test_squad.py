"""SQuAD's JSON to rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graft.data.options import ReadOptions
from graft.data.squad import read_squad
from graft.data.stream import Problems


def question(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"q{number}", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}], **more}


def squad(*questions: Any) -> str:
    paragraphs = [{"context": "Ann came.", "qas": list(questions)}]
    return json.dumps({"version": "v2.0", "data": [{"title": "Ann", "paragraphs": paragraphs}]})


def read(path: Path, text: str) -> tuple[list[dict[str, Any]], Problems, list[str]]:
    path.write_text(text, encoding="utf-8")
    problems, notes = Problems(path.name), []
    rows: list[dict[str, Any]] = []
    for batch in read_squad(path, ReadOptions(), problems, notes):
        columns = {name: batch.values(name) for name in batch.columns}
        rows += [{"line": line} | {n: v[i] for n, v in columns.items()} for i, line in enumerate(batch.lines)]
    return rows, problems, notes


def test_every_question_is_a_row_with_its_context(tmp_path):
    rows, problems, notes = read(tmp_path / "a.json", squad(question(1), question(2, is_impossible=True)))
    assert [row["line"] for row in rows] == [1, 2]
    assert rows[0]["answers"] == [{"text": "Ann", "answer_start": 0}]
    assert rows[1]["answers"] == [], "what an impossible question lists is no answer"
    assert rows[1]["context"] == "Ann came."
    assert not problems
    assert "v2.0" in notes[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[1, 2]", "an array"),
        ('{"rows": []}', "not of SQuAD's form"),
        ('{"data": [', "not valid JSON"),
        ('{"data": [{"title": "x"}]}', "no list of paragraphs"),
        (squad("who?"), "is no object"),
        ('{"data": []}', "no question"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, text, found):
    _, problems, _ = read(tmp_path / "a.json", text)
    (problem,) = problems.listed()
    assert found in problem.found
    assert problem.remedy
