"""Answers looked for in their contexts: every form that they are written in, and what is wrong with them."""

from __future__ import annotations

import pytest

from graft.data.columns.answered import AnswerColumn, Given, references
from graft.data.options import ReadOptions
from graft.data.stream import Problems

CONTEXT = "The cat took the tea. Then the dog took the tea, too."


def column(unlabelled: str = "error") -> tuple[AnswerColumn, Problems]:
    problems = Problems("rows.jsonl")
    return AnswerColumn(problems, ReadOptions(unlabelled=unlabelled)), problems


def spans_of(column: AnswerColumn) -> list[list[tuple[int, int]]]:
    targets = column.targets(None, 2)
    return [[span[:2] for span in targets.spans.of(row)] for row in range(len(targets))]


@pytest.mark.parametrize(
    ("cell", "start", "expected"),
    [
        ("the dog", None, [("the dog", None)]),
        ("the dog", 27, [("the dog", 27)]),
        ("the dog", "27", [("the dog", 27)]),
        ("the dog", 27.0, [("the dog", 27)]),
        ("", None, []),
        ([], None, []),
        (["a", "b"], [1, 2], [("a", 1), ("b", 2)]),
        (["a", "b"], None, [("a", None), ("b", None)]),
        ({"text": ["a", "b"], "answer_start": [1, 2]}, None, [("a", 1), ("b", 2)]),
        ({"text": [], "answer_start": []}, None, []),
        ({"text": "a", "start": 4}, None, [("a", 4)]),
        ([{"text": "a", "answer_start": 1}, {"text": "b", "answer_start": 2}], None, [("a", 1), ("b", 2)]),
    ],
)
def test_every_form_is_read(cell, start, expected):
    assert references(cell, start) == expected


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (Given(None), "no answer (it is missing or null)"),
        (Given("a bird"), "'a bird' does not stand in its context"),
        (Given("THE DOG"), "there it is 'the dog'"),
        (Given("the tea", 3), "does not begin at character 3; it does at 13, 40"),
        (Given("the tea", -3), "does not begin at character -3"),
        (Given(["the tea", "the dog"], [13]), "2 answers and 1 start"),
        (Given(["the tea", " "]), "one of several answers is blank"),
        (Given([3]), "3, not a string"),
        (Given("the dog", "--27"), "'--27', not a whole number"),
        (Given("the dog", float("nan")), "nan, not a whole number"),
        (Given("the dog", "soon"), "'soon', not a whole number"),
        (Given("the dog", True), "True, not a whole number"),
        (Given("the dog", None, True), "marked as impossible, and yet has the answer 'the dog'"),
        (Given([], None, "false"), "no answer, and yet is not marked"),
        (Given("a bird", None, None, None, "q7"), "question 'q7': the answer 'a bird'"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(given, found):
    made, problems = column()
    assert made.add_row(CONTEXT, given, 7)
    (problem,) = problems.listed()
    assert found in problem.found
    assert (problem.line, bool(problem.remedy)) == (7, True)


def test_what_was_read_otherwise_than_it_stands_is_said():
    made, problems = column()
    notes: list[str] = []
    made.add_row(CONTEXT, Given("the dog", 3), 1)  # one place only: repaired
    made.add_row(CONTEXT, Given("the tea"), 2)  # no start, two places: the first
    made.add_row(CONTEXT, Given(" cat ", 3), 3)  # white space at both ends
    made.add_row(CONTEXT, Given("the tea", 40), 4)
    made.add_row(CONTEXT, Given(""), 5)
    made.check("answers", ReadOptions(), problems, notes)
    assert not problems
    assert spans_of(made) == [[(27, 34)], [(13, 20)], [(4, 7)], [(40, 47)], []]
    for said in ("1 question (20.0%) without", "1 answer with a wrong start", "the first was taken", "white space"):
        assert sum(said in note for note in notes) == 1


def test_characters_are_counted_not_bytes():
    made, problems = column()
    made.add_row("Zoë 🐈 took the tea", Given("the tea", 11), 1)
    assert not problems
    assert spans_of(made) == [[(11, 18)]]


def test_questions_whose_answer_is_not_there_can_be_left_out():
    made, problems = column("drop")
    notes: list[str] = []
    assert not made.add_row(CONTEXT, Given("a bird"), 1)
    assert not made.add_row(CONTEXT, Given(None), 2)
    assert made.add_row(CONTEXT, Given("cat"), 3)
    made.check("answers", ReadOptions(), problems, notes)
    assert not problems
    assert any("2 questions" in note and "dropped" in note for note in notes)


def test_a_train_part_without_any_answer_is_refused():
    made, problems = column()
    made.add_row(CONTEXT, Given(""), 1)
    made.check("answers", ReadOptions(), problems, [])
    assert "no question has an answer" in problems.listed()[0].found
