"""Words with tags and texts with spans: the same names, and what is wrong with them."""

from __future__ import annotations

import numpy as np
import pytest

from graft.data.columns.marked import MarkColumn, Marks
from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.stream import Problems
from graft.data.words import words_in

TEXT = "Ann met Bob Ray in New York."


def column() -> tuple[MarkColumn, Problems]:
    problems = Problems("rows.jsonl")
    return MarkColumn(problems), problems


def marks(column: MarkColumn, notes: list[str] | None = None) -> Marks:
    """All rows by the column's own order of types; what is wrong with the whole becomes a problem."""
    column.check("tags", ReadOptions(), column._problems, [] if notes is None else notes)
    return column.targets(np.arange(len(column.labels()), dtype=np.int32), len(column.labels()))


def test_tags_without_prefixes_are_types_of_words_or_names_beside_words_without():
    each, _ = column()
    each.add_words(["Ann", "left"], ["NOUN", "VERB"], 1)
    assert each.tagset(("NOUN", "VERB")).names == ("NOUN", "VERB")
    some, _ = column()
    some.add_words(["Ann", "left", "Ulm"], ["PER", "O", "LOC"], 1)
    tagset = some.tagset(("PER", "LOC"))
    assert tagset.names[0] == "O"
    codes = tagset.encode(marks(some).spans, marks(some).words)
    assert [tagset.names[code] for code in codes] == ["B-PER", "O", "B-LOC"]


def test_tags_and_spans_give_the_same_names():
    tagged, problems = column()
    words = ["Ann", "met", "Bob", "Ray", "in", "New", "York."]
    text = tagged.add_words(words, ["B-PER", "O", "B-PER", "I-PER", "O", "B-LOC", "I-LOC"], 1)
    spanned, _ = column()
    spans = [{"start": 19, "end": 28, "label": "LOC"}, [0, 3, "PER"], {"begin": 8, "stop": 15, "type": "PER"}]
    spanned.add_spans(TEXT, spans, 1)
    assert text == TEXT
    read, others = marks(tagged), marks(spanned)
    named = [(TEXT[start:end], tagged.labels()[code].name) for start, end, code in read.spans.of(0)]
    assert named == [("Ann", "PER"), ("Bob Ray", "PER"), ("New York.", "LOC")]
    assert [(a, b, spanned.labels()[c].name) for a, b, c in others.spans.of(0)] == [
        (a, b, tagged.labels()[c].name) for a, b, c in read.spans.of(0)
    ]
    assert tagged.tagset(("LOC", "PER")).names == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert not problems


@pytest.mark.parametrize(
    ("words", "tags", "found"),
    [
        (["a", "b"], ["O"], "2 words and 1 tag"),
        (["a", ""], ["O", "O"], "word 2 of the row is empty"),
        ("a b", ["O", "O"], "str, not a list"),
        (None, ["O"], "are missing"),
        (["a"], [0], "0, not a string"),
        (["a"], [None], "None, not a string"),
    ],
)
def test_words_and_tags_that_do_not_fit_are_told(words, tags, found):
    tagged, problems = column()
    tagged.add_words(words, tags, 7)
    (problem,) = problems.listed()
    assert found in problem.found
    assert (problem.line, bool(problem.remedy)) == (7, True)


@pytest.mark.parametrize(
    ("spans", "found"),
    [
        (None, "are missing"),
        ("PER", "not a list"),
        ([{"start": 0, "end": 99, "label": "PER"}], "does not lie in the text of 28"),
        ([{"start": 3, "end": 3, "label": "PER"}], "does not lie in the text"),
        ([{"start": -1, "end": 3, "label": "PER"}], "does not lie in the text"),
        ([{"start": 0, "end": 2, "label": "PER", "text": "Ann"}], "holds 'An', not 'Ann'"),
        ([{"start": 3, "end": 4, "label": "PER"}], "is blank"),
        ([[0, 7, "PER"], [4, 11, "LOC"]], "overlap"),
        ([{"start": "0", "end": 3, "label": "PER"}], "lacks whole numbers"),
        ([{"start": 0, "end": 3}], "or a label"),
    ],
)
def test_spans_that_do_not_fit_are_told(spans, found):
    spanned, problems = column()
    spanned.add_spans(TEXT, spans, 7)
    (problem,) = problems.listed()
    assert found in problem.found
    assert (problem.line, bool(problem.remedy)) == (7, True)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (["I-PER", "O", "I-PER", "I-PER", "B-PER", "O", "O"], "IOB1"),
        (["B-PER", "O", "I-PER", "I-PER", "O", "O", "O"], "1 name begin with I- or E- where IOB2 has B-"),
    ],
)
def test_loose_tags_are_read_as_conlleval_reads_them_and_said(tags, said):
    tagged, problems = column()
    tagged.add_words(TEXT.split(), tags, 1)
    notes: list[str] = []
    read = marks(tagged, notes)
    assert said in notes[0]
    assert read.spans.of(0)[1][:2] == (8, 15)
    assert not problems


@pytest.mark.parametrize(("tags", "found"), [(["B-PER", "PER"], "have no prefix"), (["O", "O"], "no name is marked")])
def test_tags_of_no_scheme_are_a_problem(tags, found):
    tagged, problems = column()
    tagged.add_words(["a", "b"], tags, 3)
    marks(tagged)
    assert found in problems.listed()[0].found


def test_white_space_at_a_spans_end_is_left_out_and_said_and_cut_words_are_said():
    spanned, problems = column()
    spanned.add_spans(TEXT, [[3, 8, "X"], [8, 10, "Y"]], 1)
    notes: list[str] = []
    read = marks(spanned, notes)
    assert read.spans.of(0)[0][:2] == (4, 7)
    assert "1 span with white space" in notes[0]
    assert "within a word" in notes[1]
    assert not problems


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 3.5 km, no?", ["It", "'", "s", "3", ".", "5", "km", ",", "no", "?"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("東京タワー x", ["東", "京", "タ", "ワ", "ー", "x"]),
        ("cafe\u0301 ok", ["cafe\u0301", "ok"]),
        ("", []),
    ],
)
def test_words_of_a_running_text(text, words):
    assert [text[start:end] for start, end, _ in words_in(text)] == words


def test_marks_are_cut_counted_and_shown_as_targets():
    spanned, _ = column()
    for spans in ([[0, 3, "PER"], [19, 27, "LOC"]], [], [[0, 3, "PER"]]):
        spanned.add_spans(TEXT, spans, 1)
    read = marks(spanned)
    names = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    assert read.counts(names) == {"PER": 2, "LOC": 1}
    assert read.shown(names, 0, 9) == ["0-3 PER, 19-27 LOC", "", "0-3 PER"]
    assert read.strata().tolist() == [1, 2, 0], "a row's rarest type; none is one more"
    assert read.take(np.array([2, 0])).shown(names, 0, 2) == ["0-3 PER", "0-3 PER, 19-27 LOC"]


def test_whether_words_were_given_is_kept():
    worded = [{"words": ["Ann", "left"], "tags": ["B-PER", "O"]}] * 12
    running = [{"text": "Ann left", "spans": [{"start": 0, "end": 3, "label": "PER"}]}] * 12
    assert [read(rows).columns.words for rows in (worded, running)] == [True, False]
