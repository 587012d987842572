"""Questions with answers are known by their columns and cells, and nothing else is taken for them."""

from __future__ import annotations

import json

import answered
import pytest

from graft.data.options import ReadOptions
from graft.data.read import read, read_texts
from graft.errors import DataError

CONTEXT = "the {} went to the park and took the tea ."
ROWS = [
    {"question": f"who took the tea {number}", "context": CONTEXT.format(name), "answer": name}
    for number, name in enumerate(["cat", "dog", "man", "woman", "child", "waiter"] * 4)
]
ASKED = ReadOptions(task="question-answering")


def starts(rows):
    return [row | {"answer_start": row["context"].index(row["answer"])} for row in rows]


def test_squads_form_and_that_of_datasets_are_the_same(tmp_path):
    given = answered.articles(8, 0.3)
    (tmp_path / "a.json").write_text(json.dumps(given), encoding="utf-8")
    lines = [json.dumps(row) for row in answered.flat(given)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    one, other = read(tmp_path / "a.json"), read(tmp_path / "a.jsonl")
    assert one.task == other.task == "question-answering"
    assert one.classes == ("start", "end")
    first, second = one.parts["train"], other.parts["train"]
    assert list(first.inputs) == list(second.inputs)
    assert first.targets.shown((), 0, 99) == second.targets.shown((), 0, 99)
    assert any("without an answer" in note for note in one.notes)


def test_parquet_holds_them_too(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = answered.flat(answered.articles(8))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert found.task == "question-answering"
    assert found.parts["train"].targets.texts(0) == rows[0]["answers"]["text"]


def test_flat_columns_are_known_by_a_start_or_by_answers_in_their_contexts():
    assert read(starts(ROWS)).task == "question-answering"
    various = [
        row | {"answer": f"the {row['answer']}", "context": row["context"] + str(n)} for n, row in enumerate(ROWS)
    ]
    found = read([row | {"answer": row["context"][: n + 6]} for n, row in enumerate(various)])
    assert found.task == "question-answering"


def test_a_csv_of_texts_is_read(tmp_path):
    import csv

    with open(tmp_path / "a.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(starts(ROWS)[0]))
        table.writeheader()
        table.writerows(starts(ROWS))
    found = read(tmp_path / "a.csv").parts["train"]
    assert found.targets.texts(1) == ["dog"]
    assert found.texts[1] == "who took the tea 1"


def test_pairs_with_classes_stay_what_they_are():
    """Yes and no are classes, also where a context has the word in it."""
    rows = [row | {"answer": "no" if number % 2 else "yes"} for number, row in enumerate(ROWS)]
    assert read(rows).task == read(rows, label="answer").task == "classification"
    labelled = [row | {"label": "a" if number % 2 else "b"} for number, row in enumerate(rows)]
    assert read(labelled).task == "classification"


def test_columns_can_be_named():
    rows = [{"q": row["question"], "doc": row["context"], "a": row["answer"]} for row in ROWS]
    found = read(rows, text=("q", "doc"), label="a", options=ASKED)
    assert (found.columns.text, found.columns.second, found.columns.label) == ("q", "doc", "a")


@pytest.mark.parametrize(
    ("rows", "named", "found"),
    [
        ([{"question": "a", "text": "b", "more": "c"}] * 12, {}, "no column is called answer"),
        ([{"body": "a", "label": "b"}] * 12, {}, "no column is called question"),
        ([{"question": "a", "label": "b"}] * 12, {}, "no column is called context"),
        (ROWS, {"label": "anwser"}, "did you mean --label answer"),
    ],
)
def test_what_is_lacking_is_told(rows, named, found):
    with pytest.raises(DataError, match=found):
        read(rows, **named, options=ASKED)


def test_one_bad_answer_is_told_with_its_row():
    rows = starts(ROWS)
    rows[4] |= {"answer": "a bird"}
    with pytest.raises(DataError, match=r"5: the answer 'a bird' does not stand in its context"):
        read(rows)
    with pytest.raises(DataError, match="no text"):
        read([*starts(ROWS), {"question": "who", "context": None, "answer": "x", "answer_start": 0}])


def test_questions_alone_are_read_to_be_asked(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"context": row["context"], "question": "who"}) + "\n" for row in ROWS))
    rows = read_texts(path, options=ASKED)
    assert (rows.texts[0], rows.seconds[0]) == ("who", ROWS[0]["context"])
    assert rows.targets.open.all()
