"""Extractive question answering: the stretch of a context that answers a question, or that there is none.

The head is the field's own: where an answer starts and where it ends, each a choice among the tokens of the context
(Devlin et al. 2019, section 4.2). Targets are `Answers`; logits are rows of candidates (`tasks/candidates.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from graft.data.answers import Answers
from graft.data.table import Rows, Splits
from graft.data.targets import Targets
from graft.records import AnswerDetails, Evaluation, FoundAnswer, Loss, Manifest
from graft.report.blocks import Section
from graft.tasks import answer_details, answer_report, answer_yardsticks
from graft.tasks import answer_metrics as numbers
from graft.tasks.candidates import Candidates
from graft.tasks.task import Criterion, Head, Logits, Measured, Outputs, Scorer, Settled, Yardstick

DIGITS = 6


class Answering:
    """The task of answering questions from contexts."""

    name = "question-answering"
    head = Head("AutoModelForQuestionAnswering", "", "span")
    metrics: tuple[str, ...] = numbers.METRICS
    validation: tuple[str, ...] = numbers.VALIDATION_METRICS
    tie_breaker = "exact_match"
    settles = True
    mixes = False

    def criterion(self, targets: Targets, outputs: int, loss: Loss) -> Criterion:
        raise TypeError("the loss of answers depends on their tokens: it is train/extractive.py's")

    def validate(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> dict[str, float]:
        """Where some questions have no answer, at the best threshold, as it will be settled."""
        found = numbers.judge(Candidates(logits), _answers(targets))
        if _answers(targets).open.any():
            _, f1, exact = numbers.best_threshold(found)
        else:
            f1, exact = float(found.f1.mean()), float(found.exact.mean())
        return {"answer_f1": f1, "exact_match": exact}

    def prepared(self, train: Targets, validation: Targets, centred: bool) -> tuple[Targets, Targets]:
        return train, validation

    def scale(self, train: Targets) -> tuple[float, float]:
        return 1.0, 0.0

    def settle(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> Settled:
        answers = _answers(targets)
        if not answers.open.any():
            return Settled()
        threshold, *_ = numbers.best_threshold(numbers.judge(Candidates(logits), answers))
        return Settled({numbers.THRESHOLD: threshold})

    def scorer(self, logits: Logits, targets: Targets, outputs: Outputs) -> Scorer:
        return numbers.AnsweredQuestions(Candidates(logits), _answers(targets), _threshold(outputs))

    def details(self, logits: Logits, rows: Rows, outputs: Outputs, measured: Measured) -> AnswerDetails:
        answers, candidates, threshold = _answers(rows.targets), Candidates(logits), _threshold(outputs)
        answered = numbers.AnsweredQuestions(candidates, answers, threshold)
        return answer_details.details(rows, answers, candidates, answered, threshold)

    def yardsticks(self, splits: Splits) -> Iterator[Yardstick]:
        yield from answer_yardsticks.yardsticks(splits)

    def answers(self, rows: Rows, logits: Logits, outputs: Outputs) -> Iterator[FoundAnswer]:
        candidates, threshold = Candidates(logits), _threshold(outputs)
        silent = np.zeros(len(rows), np.bool_) if threshold is None else candidates.doubt > threshold
        silent |= ~np.isfinite(candidates.scores[:, 0])  # nothing to choose from: an empty context
        none, best = np.exp(candidates.none), np.exp(candidates.scores[:, 0])
        for row, given in enumerate(rows.inputs):
            assert isinstance(given, tuple)
            if silent[row]:
                yield FoundAnswer(given, "", None, None, float(none[row]), float(none[row]))
                continue
            start, end = int(candidates.starts[row, 0]), int(candidates.ends[row, 0])
            yield FoundAnswer(given, given[1][start:end], start, end, float(best[row]), float(none[row]))

    def columns(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return ("answer", "start", "score", "no_answer")

    def cells(self, answer: FoundAnswer) -> tuple[str, ...]:
        start = "" if answer.start is None else str(answer.start)
        return (answer.answer, start, f"{answer.score:.{DIGITS}f}", f"{answer.no_answer:.{DIGITS}f}")

    def judged(self) -> tuple[str, ...]:
        return ("answers", "answer", "score")

    def short(self, answer: FoundAnswer) -> tuple[str, ...]:
        return (answer.answer, f"{answer.score:.{DIGITS}f}")

    def plain(self, answer: FoundAnswer) -> dict[str, Any]:
        return {
            "answer": answer.answer,
            "start": answer.start,
            "end": answer.end,
            "score": round(answer.score, DIGITS),
            "no_answer": round(answer.no_answer, DIGITS),
        }

    def sections(self, evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
        return answer_report.sections(evaluation, manifest)


ANSWERING = Answering()


def _threshold(outputs: Outputs) -> float | None:
    """From how much doubt on no answer is given; None where every question is answered."""
    return outputs.settled.get(numbers.THRESHOLD)


def _answers(targets: Targets) -> Answers:
    if not isinstance(targets, Answers):
        raise TypeError(f"question answering needs answers in contexts, not {type(targets).__name__}")
    return targets
