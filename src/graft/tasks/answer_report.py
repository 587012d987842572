"""What the report says about answers: numbers, kinds of questions, when none is given, answers in their contexts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graft.records import AnswerDetails, Evaluation, KindScores, Manifest, ShownAnswer
from graft.report import words
from graft.report.blocks import Bin, Block, Column, Estimate, Plot, Prose, Reliability, Section, Spot, Table, Trace
from graft.report.passages import Mark, MarkedTexts, Passage
from graft.tasks.numbers_report import numbers_section


def sections(evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
    """The sections in reading order; those without material are left out."""
    made = [numbers_section(evaluation, manifest, "answer_f1", "words shared with the best reference answer")]
    details = evaluation.details
    if isinstance(details, AnswerDetails):
        made.append(_kinds(details))
        made += [_silence(details)] if details.threshold is not None and details.curve else []
        made += [_answers(details, manifest)] if details.mistakes or details.examples else []
    return tuple(made)


def _kinds(details: AnswerDetails) -> Section:
    blocks: list[Block] = []
    if len(details.by_word) > 1:
        blocks.append(_table("By the word that a question asks by", "Question", details.by_word))
    blocks.append(_table("By the length of the first reference answer", "Answer", details.by_length))
    bins = tuple(Bin(one.low, one.high, one.count, one.confidence, one.accuracy) for one in details.reliability)
    note = (
        "The score is the model's probability of this very stretch. Where several stretches are right they share it, "
        "so answers are mostly better than their scores, which stands above the dashed line; what counts is that "
        "higher scores are right more often."
    )
    blocks.append(Reliability("How often an answer is exact, by its score", bins, note))
    lead = "An answer is exact when it is a reference but for case, punctuation and articles."
    return Section("classes", "Kinds of questions", lead, tuple(blocks))


def _table(caption: str, first: str, kinds: Sequence[KindScores]) -> Table:
    columns = (
        Column(first),
        Column("Questions", "count"),
        Column("F1", "range", "of the words, against the best reference"),
        Column("Exact", "estimate", "share of answers that are a reference"),
    )
    rows = tuple(
        (
            one.name,
            one.support,
            Estimate(one.f1, one.intervals.get("answer_f1")),
            Estimate(one.exact, one.intervals.get("exact_match")),
        )
        for one in kinds
    )
    return Table(caption, columns, rows)


def _silence(details: AnswerDetails) -> Section:
    """When no answer is given."""
    assert details.threshold is not None
    near = min(details.curve, key=lambda point: abs(point[0] - (details.threshold or 0.0)))
    traces = [
        Trace(name, tuple(Spot(100 * point[3], point[place], _said(name, point, place)) for point in details.curve))
        for name, place in (("F1", 1), ("Exact", 2))
    ]
    traces.append(Trace("settled", (Spot(100 * near[3], near[1], _said("F1", near, 1), ours=True),), False, True))
    lead = (
        "No answer is given where its log-probability is higher than that of the best stretch by more than "
        f"{words.decimal(details.threshold)}: the threshold with the highest F1 on validation. "
        "The curve shows what others would have got here."
    )
    plot = Plot("F1 and exact answers by how many questions are answered", "questions answered (%)", tuple(traces))
    return Section("silence", "When no answer is given", lead, (plot,))


def _said(name: str, point: tuple[float, float, float, float], place: int) -> str:
    return f"{name} {words.percent(point[place])} at a threshold of {words.decimal(point[0])}"


def _answers(details: AnswerDetails, manifest: Manifest) -> Section:
    shown = (*details.mistakes, *details.examples)
    files = sorted({one.file for one in shown})
    # SQuAD's JSON has its questions on one line, and they are counted
    kind = "question" if any(source.format.startswith("squad") for source in manifest.data.sources) else "line"
    where = f" {kind.capitalize()}s are those of {files[0]}." if len(files) == 1 else ""
    place = f"{{file}}, {kind} {{line}}" if len(files) > 1 else f"{kind.capitalize()} {{line}}"
    blocks: list[Block] = []
    if details.mistakes:
        caption = f"The {words.plural(len(details.mistakes), 'worst answer')}, the surest first"
        blocks.append(_passages(caption, details.mistakes, place))
    else:
        blocks.append(Prose("Every answer is exact."))
    if details.examples:
        blocks.append(_passages("Some answers that are exact", details.examples, place))
    lead = f"Where the answer is, and what was found: the place to look for wrong references and blind spots.{where}"
    return Section("mistakes", "Answers in their contexts", lead, tuple(blocks))


def _passages(caption: str, shown: Sequence[ShownAnswer], place: str) -> MarkedTexts:
    """place: how a row's is said, from its file and line."""
    passages = tuple(_passage(one, place.format(file=one.file, line=one.line)) for one in shown)
    return MarkedTexts(caption, passages, page=6, what="an answer")


def _passage(one: ShownAnswer, place: str) -> Passage:
    found = "no answer was given" if one.found is None else f"score {words.decimal(one.score, 2)}"
    there = "" if one.truth else "; there is no answer"
    return Passage(f"{place}; {found}{there}", one.context, tuple(_marks(one)), one.question)


def _marks(one: ShownAnswer) -> Iterator[Mark]:
    if one.found is not None and (one.found in one.truth or one.f1 == 1):
        yield Mark(*one.found, "", "right")
        return
    if one.truth:
        yield Mark(*one.truth[0], "", "missed")
    if one.found is not None:
        yield Mark(*one.found, "", "wrong")
