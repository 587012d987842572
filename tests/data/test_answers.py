"""Answers in their contexts: every form, and what is wrong with them."""

from __future__ import annotations

import numpy as np
import pytest

from graft.data.answers import AnswerColumn
from graft.data.stream import Problems

CONTEXT = "Ann met Bob. Later Bob left Ulm."


def answers(given: object, start: object = None, context: str = CONTEXT) -> tuple[list[str], Problems, list[str]]:
    problems, notes = Problems("rows.jsonl"), []
    column = AnswerColumn(problems)
    assert column.add_row(context, given, start, 7) == context
    column.say(notes)
    return [context[a:b] for a, b, _ in column.targets(np.zeros(1, np.int32), 0).spans.of(0)], problems, notes


@pytest.mark.parametrize(
    ("given", "start", "found"),
    [
        ([{"text": "Bob", "answer_start": 8}, {"text": "Ann", "answer_start": 0}], None, ["Bob", "Ann"]),
        ({"text": ["Bob", "Ann"], "answer_start": [19, 0]}, None, ["Bob", "Ann"]),
        ({"text": "Bob", "answer_start": 8}, None, ["Bob"]),
        ({"text": [], "answer_start": []}, None, []),
        (["Ulm"], None, ["Ulm"]),
        ("Ulm", "28", ["Ulm"]),
        ("Ulm", 28.0, ["Ulm"]),
        ("", "", []),
        (None, None, []),
        ([], None, []),
    ],
)
def test_every_form_of_answers_is_read(given, start, found):
    read, problems, notes = answers(given, start)
    assert read == found
    assert not problems
    assert not notes


def test_an_answer_that_stands_once_elsewhere_is_mended_and_said():
    read, problems, notes = answers("Ulm", 29)
    assert read == ["Ulm"]
    assert "1 answer stood elsewhere" in notes[0]
    assert not problems


def test_an_answer_without_a_start_that_stands_twice_is_the_first_and_said():
    read, problems, notes = answers("Bob")
    assert read == ["Bob"]
    assert "1 answer without a start" in notes[0]
    assert not problems


@pytest.mark.parametrize(
    ("given", "start", "context", "found"),
    [
        ("Bob", 9, CONTEXT, "stands in the context 2 times"),
        ("Eve", None, CONTEXT, "does not stand in the context"),
        ("Bob", "eight", CONTEXT, "not a whole number"),
        ([{"answer": "Bob"}], None, CONTEXT, "the answers are"),
        (7, None, CONTEXT, "the answers are"),
        ({"text": ["Bob", "Ann"], "answer_start": [8]}, None, CONTEXT, "the answers are"),
        ([], None, "  ", "the context is empty"),
    ],
)
def test_answers_that_do_not_fit_are_told(given, start, context, found):
    _, problems, _ = answers(given, start, context)
    problem = problems.listed()[0]
    assert found in problem.found
    assert (problem.line, bool(problem.remedy)) == (7, True)


def test_answers_are_cut_counted_and_shown_as_targets():
    column = AnswerColumn(Problems("rows.jsonl"))
    for given in ("Ulm", [], ["Ann", "Bob"]):
        column.add_row(CONTEXT, given, None, 1)
    found = column.targets(np.zeros(1, np.int32), 0)
    assert found.counts(("start", "end")) == {"answered": 2, "no answer": 1}
    assert found.shown(("start", "end"), 0, 3) == ["28-31", "", "0-3, 8-11"]
    assert found.strata().tolist() == [1, 0, 1]
    assert found.take(np.array([1, 0])).shown(("start", "end"), 0, 2) == ["", "28-31"]
