"""Answers in their contexts: every form, and what is wrong with them."""

from __future__ import annotations

import pytest

from graft.data.answers import AnswerColumn
from graft.data.stream import Problems

CONTEXT = "Ann met Bob. Later Bob left Ulm."


def answers(given: object, start: object = None, context: str = CONTEXT) -> tuple[list[str], Problems, list[str]]:
    problems, notes = Problems("rows.jsonl"), []
    column = AnswerColumn(problems)
    column.add(context, given, start, 7)
    return [context[a:b] for a, b, _ in column.finish(notes).of(0)], problems, notes


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
