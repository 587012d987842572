"""Questions as a task: answers, what is settled, yardsticks, and what the report says."""

from __future__ import annotations

from dataclasses import replace

import answered
import numpy as np
import pytest
from report import samples

from graft.data.asked import asked
from graft.data.read import ReadOptions, read
from graft.data.splitting.split import split
from graft.evaluate import evaluate
from graft.records import AnswerDetails, Evaluation, ShownAnswer
from graft.tasks.answering import ANSWERING
from graft.tasks.candidates import Candidates, of_columns
from graft.tasks.task import Outputs

NAMES = ("start", "end")


@pytest.fixture(scope="module")
def splits():
    return split(read(answered.flat(answered.articles(40, 0.3))))


def knowing(answers, doubt: float = 2.0) -> np.ndarray:
    """Candidates of a model that knows every answer, and where there is none."""
    spans = [answers.spans.of(row) or [(0, len(answers.context(row)), 0)] for row in range(len(answers))]
    ends = np.array([span[0][:2] for span in spans])
    best = np.where(answers.open, -1 - doubt, -0.1)[:, None]
    return of_columns(np.where(answers.open, -1.0, -0.1 - doubt), ends[:, :1], ends[:, 1:], best)


def test_a_model_that_knows_is_right(splits):
    answers = splits.validation.targets
    logits = knowing(answers)
    assert ANSWERING.validate(logits, answers, NAMES) == {"answer_f1": 1.0, "exact_match": 1.0}
    settled = ANSWERING.settle(logits, answers, NAMES).kept
    assert -2 <= settled["no_answer"] <= 2
    found = ANSWERING.scorer(logits, answers, Outputs(NAMES, settled)).score().metrics
    assert {name: float(values[0]) for name, values in found.items()} == dict.fromkeys(ANSWERING.metrics, 1.0)
    always = ANSWERING.scorer(logits, answers, Outputs(NAMES)).score().metrics
    assert always["no_answer_accuracy"][0] == 0


def test_answers_are_stretches_or_none():
    (rows,) = asked([("who", "the cat went"), ("when", "the dog"), ("why", "")], "questions")
    logits = of_columns(
        np.array([-3.0, -0.2, 0.0]),
        np.array([[4], [0], [0]]),
        np.array([[7], [3], [0]]),
        np.array([[-0.5], [-2.0], [-np.inf]]),
    )
    one, two, three = ANSWERING.answers(rows, logits, Outputs(NAMES, {"no_answer": 0.0}))
    assert (one.answer, one.start, one.end) == ("cat", 4, 7)
    assert one.score == pytest.approx(np.exp(-0.5))
    assert (two.answer, two.start, two.score) == ("", None, pytest.approx(np.exp(-0.2)))
    assert three.answer == ""
    assert ANSWERING.cells(one)[:2] == ("cat", "4")
    assert ANSWERING.plain(two)["start"] is None
    always = list(ANSWERING.answers(rows, logits, Outputs(NAMES)))
    assert [answer.answer for answer in always] == ["cat", "the", ""]


def test_yardsticks_answer_by_overlap_and_never(splits):
    overlap, never = ANSWERING.yardsticks(splits)
    targets = splits.test.targets
    silent = ANSWERING.scorer(never.logits, targets, Outputs(NAMES, never.settled)).score().metrics
    assert silent["no_answer_accuracy"][0] == 1
    assert silent["answer_f1"][0] == pytest.approx(targets.open.mean())
    found = ANSWERING.scorer(overlap.logits, targets, Outputs(NAMES, overlap.settled)).score().metrics
    assert 0 <= found["answerable_f1"][0] < 1
    assert found["no_answer_accuracy"][0] == 0


def test_overlapping_words_point_to_what_stands_between_them():
    before, after = "Many things were long ago .", "Later it rained and rained on them all ."
    context = f"{before} The treaty of peace was signed in Ulm by the kings . {after}"
    rows = [{"question": "In what city was the treaty of peace signed by the kings?", "context": context}] * 20
    texts = [row | {"context": f"{row['context']} {number}", "answer": "Ulm"} for number, row in enumerate(rows)]
    others = [row | {"context": f"{before} {after} {number} rain", "answer": "rain"} for number, row in enumerate(rows)]
    splits = split(read([*others, *texts], options=ReadOptions(task="question-answering")))
    (overlap,) = ANSWERING.yardsticks(splits)
    found = ANSWERING.scorer(overlap.logits, splits.test.targets, Outputs(NAMES))
    said = {found.text(row) for row, text in enumerate(splits.test.seconds) if "Ulm" in text}
    assert said == {"Ulm"}


def test_an_evaluation_holds_kinds_the_curve_and_answers_in_context(splits):
    answers = splits.test.targets
    logits = knowing(answers)
    logits[:3, 1:3] = 0, 3  # three answers are wrong
    outputs = Outputs(NAMES, {"no_answer": 0.0})
    evaluation = evaluate(ANSWERING, logits, splits.test, outputs, resamples=20)
    details = evaluation.details
    assert isinstance(details, AnswerDetails)
    assert sum(kind.support for kind in details.by_word) == len(answers)
    assert sum(kind.support for kind in details.by_length) == len(answers)
    assert {kind.name for kind in details.by_length} == {"1 word", "no answer"}
    assert 0 < len(details.mistakes) <= 3
    for one in details.mistakes:
        assert one.found == (0, 3)
        assert 0 <= one.found[0] < one.found[1] <= len(one.context)
    shares = [point[3] for point in details.curve]
    assert shares == sorted(shares)
    assert max(point[1] for point in details.curve) >= evaluation.metrics["answer_f1"] - 1e-9


def test_long_contexts_are_shown_in_part():
    from graft.tasks.answer_details import _excerpt

    context = "x" * 5000 + "answer" + "y" * 5000
    shift, text = _excerpt(context, [(5000, 5006)])
    assert text[5000 - shift : 5006 - shift] == "answer"
    assert len(text) < 1500
    shift, text = _excerpt(context, [(0, 4), (5000, 5006)])
    assert text[5000 - shift : 5006 - shift] == "answer"


@pytest.mark.parametrize("shape", [(2, 3), (2,)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="columns"):
        Candidates(np.zeros(shape))


@pytest.mark.parametrize("given", ["a text", [("one", "two", "three")], ["who"], [("who", 3)]])
def test_what_is_no_question_is_refused(given):
    with pytest.raises(TypeError, match=r"question, context|list of texts"):
        list(asked(given, "questions"))


@pytest.mark.parametrize(("form", "place"), [("squad", "Question 94"), ("jsonl", "Line 94")])
def test_questions_of_a_file_of_one_line_are_counted(form, place):
    shown = ShownAnswer("qa.json", 94, "who?", "Ann came first", ((0, 3),), (4, 8), 0.0, 0.5)
    details = AnswerDetails(mistakes=(shown,))
    evaluation = Evaluation("test", 1, {"answer_f1": 0.0}, {}, {}, 1.0, details)
    manifest = samples.two()[0]
    sources = tuple(replace(source, format=form) for source in manifest.data.sources)
    run = replace(manifest, data=replace(manifest.data, task="question-answering", sources=sources))
    (section,) = (one for one in ANSWERING.sections(evaluation, run) if one.id == "mistakes")
    assert f"{place.split()[0]}s are those of qa.json." in section.lead
    assert section.blocks[0].passages[0].place.startswith(f"{place};")
