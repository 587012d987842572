"""Predictions as CSV, as JSON Lines, or gathered for one JSON object. The task says what an answer shows."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from graft.tasks.task import Answer, Task

if TYPE_CHECKING:
    from graft.predict import Predictor


class Writer(Protocol):
    """Takes answers one by one."""

    def write(self, answer: Answer) -> None: ...


def writer(file: TextIO, form: str, predictor: Predictor) -> Writer:
    """A writer of `form`: "csv" (the text, or the two of a pair, then the task's columns) or "jsonl"."""
    return Lines(file, predictor.task) if form == "jsonl" else Table(file, predictor)


class Table:
    """CSV with a header, such as text, label, probability and the probability of each class."""

    def __init__(self, file: TextIO, predictor: Predictor) -> None:
        self._task = predictor.task
        self._rows = csv.writer(file, lineterminator="\n")
        texts = ("text", "text_pair") if predictor.kind == "pairs" else ("text",)
        self._rows.writerow((*texts, *self._task.columns(predictor.classes)))

    def write(self, answer: Answer) -> None:
        self._rows.writerow((*_texts(answer).values(), *self._task.cells(answer)))


class Lines:
    """One JSON object per line."""

    def __init__(self, file: TextIO, task: Task) -> None:
        self._file, self._task = file, task

    def write(self, answer: Answer) -> None:
        print(json.dumps(_texts(answer) | self._task.plain(answer), ensure_ascii=False), file=self._file)


class Collected:
    """Answers as plain values, in memory."""

    def __init__(self, task: Task) -> None:
        self.rows: list[dict[str, Any]] = []
        self._task = task

    def write(self, answer: Answer) -> None:
        self.rows.append(_texts(answer) | self._task.plain(answer))


def _texts(answer: Answer) -> dict[str, str]:
    """What was answered: a text, or the two of a pair."""
    if isinstance(answer.text, str):
        return {"text": answer.text}
    return {"text": answer.text[0], "text_pair": answer.text[1]}
