"""Answers as targets: cut, counted and shown; and contexts that never lie on two sides."""

from __future__ import annotations

import answered
import numpy as np
import pytest

from graft.data.answers import Answers, unanswered
from graft.data.read import read
from graft.data.splitting.split import split
from graft.errors import DataError


def answers_of(data) -> Answers:
    targets = read(data).parts["train"].targets
    assert isinstance(targets, Answers)
    return targets


def test_targets_know_their_texts():
    rows = answered.flat(answered.articles(3))
    targets = answers_of(rows)
    assert [targets.texts(row) for row in range(len(rows))] == [row["answers"]["text"] for row in rows]
    assert len(targets.contexts) == len({row["context"] for row in rows}) < len(rows)
    part = targets.take(np.array([3, 0]))
    assert [part.context(0), part.context(1)] == [rows[3]["context"], rows[0]["context"]]
    start = rows[0]["answers"]["answer_start"][0]
    assert targets.shown((), 0, 1) == [f"{start} {rows[0]['answers']['text'][0]}"]
    assert targets.counts(()) == {}


def test_questions_without_an_answer_are_counted():
    targets = answers_of(answered.flat(answered.articles(6, 0.5)))
    counts = targets.counts(())
    assert counts["without an answer"] == int(targets.open.sum()) > 0
    assert sum(counts.values()) == len(targets)
    assert targets.shown((), int(np.flatnonzero(targets.open)[0]), 999)[0] == ""


@pytest.mark.parametrize("titled", [True, False])
def test_no_context_and_no_article_lies_on_two_sides(titled):
    rows = answered.flat(answered.articles(30))
    if not titled:
        rows = [{key: value for key, value in row.items() if key != "title"} for row in rows]
    splits = split(read(rows), seed=3)
    parts = [splits.train, splits.validation, splits.test]
    assert sum(map(len, parts)) == len(rows)
    seen = [{part.seconds[row] for row in range(len(part))} for part in parts]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
    if titled:
        of = [set(part.targets.articles.tolist()) for part in parts]
        assert not of[0] & of[1] | of[0] & of[2] | of[1] & of[2]
    assert f"about one {'article' if titled else 'context'}" in " ".join(splits.summary.notes)


def test_articles_that_share_a_context_are_one():
    rows = answered.flat(answered.articles(12))
    for row in rows[4:6]:
        row |= {key: rows[0][key] for key in ("context", "question", "answers")}
    keys, what = answers_of(rows).groups()
    assert what == "article"
    assert keys[0] == keys[4] == keys[6]
    assert keys[0] != keys[8]


def test_contexts_of_train_in_a_given_test_split_are_told():
    rows = answered.flat(answered.articles(12))
    again = [rows[0] | {"question": "where is it"}]
    splits = split(read(rows, test=again))
    assert splits.summary.split("test").leaks == 1
    assert any("about contexts that are also in train" in note for note in splits.summary.notes)


def test_too_few_contexts_to_divide_are_told():
    rows = [row | {"title": "one", "context": "the cat took the tea"} for row in answered.flat(answered.articles(6))]
    for row in rows:
        row["answers"] = {"text": ["tea"], "answer_start": [17]}
    with pytest.raises(DataError, match="no test split can be cut"):
        split(read(rows))


def test_questions_to_be_asked_have_no_answers():
    targets = unanswered(["a", "b", "a"])
    assert (len(targets), len(targets.contexts)) == (3, 2)
    assert targets.open.all()
    assert targets.context(2) == "a"
