"""Predictions as CSV, as JSON Lines, or gathered for one JSON object. The task says what an answer shows."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from graft.tasks.task import Answer

if TYPE_CHECKING:
    from graft.data.asked import Kind
    from graft.predict import Predictor

TEXTS = {"pairs": ("text", "text_pair"), "questions": ("question", "context")}


class Writer(Protocol):
    """Takes answers one by one."""

    def write(self, answer: Answer) -> None: ...


def writer(file: TextIO, form: str, predictor: Predictor) -> Writer:
    """A writer of `form`: "csv" (the text, or the two of a pair, then the task's columns) or "jsonl"."""
    return Lines(file, predictor) if form == "jsonl" else Table(file, predictor)


class Table:
    """CSV with a header, such as text, label, probability and the probability of each class."""

    def __init__(self, file: TextIO, predictor: Predictor) -> None:
        self._task = predictor.task
        self._rows = csv.writer(file, lineterminator="\n")
        texts = TEXTS.get(predictor.kind, ("text",))
        self._rows.writerow((*texts, *self._task.columns(predictor.classes)))

    def write(self, answer: Answer) -> None:
        texts = (answer.text,) if isinstance(answer.text, str) else answer.text
        self._rows.writerow((*texts, *self._task.cells(answer)))


class Lines:
    """One JSON object per line."""

    def __init__(self, file: TextIO, predictor: Predictor) -> None:
        self._file, self._task, self._kind = file, predictor.task, predictor.kind

    def write(self, answer: Answer) -> None:
        print(json.dumps(_texts(answer, self._kind) | self._task.plain(answer), ensure_ascii=False), file=self._file)


class Collected:
    """Answers as plain values, in memory."""

    def __init__(self, predictor: Predictor) -> None:
        self.rows: list[dict[str, Any]] = []
        self._task, self._kind = predictor.task, predictor.kind

    def write(self, answer: Answer) -> None:
        self.rows.append(_texts(answer, self._kind) | self._task.plain(answer))


def _texts(answer: Answer, kind: Kind) -> dict[str, str]:
    """What was answered: a text, the two of a pair, or a question and its context."""
    if isinstance(answer.text, str):
        return {"text": answer.text}
    return dict(zip(TEXTS[kind], answer.text, strict=True))
