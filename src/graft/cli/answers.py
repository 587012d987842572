"""Predictions as CSV, as JSON Lines, or gathered for one JSON object. The task says what an answer shows."""

from __future__ import annotations

import csv
import json
from typing import Any, Protocol, TextIO

from graft.tasks.task import Answer, Task


class Writer(Protocol):
    """Takes answers one by one."""

    def write(self, answer: Answer) -> None: ...


def writer(file: TextIO, form: str, task: Task, names: tuple[str, ...]) -> Writer:
    """A writer of `form`: "csv" (the task's columns) or "jsonl"."""
    return Lines(file, task) if form == "jsonl" else Table(file, task, names)


class Table:
    """CSV with a header, such as text, label, probability and the probability of each class."""

    def __init__(self, file: TextIO, task: Task, names: tuple[str, ...]) -> None:
        self._task = task
        self._rows = csv.writer(file, lineterminator="\n")
        self._rows.writerow(task.columns(names))

    def write(self, answer: Answer) -> None:
        self._rows.writerow(self._task.cells(answer))


class Lines:
    """One JSON object per line."""

    def __init__(self, file: TextIO, task: Task) -> None:
        self._file, self._task = file, task

    def write(self, answer: Answer) -> None:
        print(json.dumps(self._task.plain(answer), ensure_ascii=False), file=self._file)


class Collected:
    """Answers as plain values, in memory."""

    def __init__(self, task: Task) -> None:
        self.rows: list[dict[str, Any]] = []
        self._task = task

    def write(self, answer: Answer) -> None:
        self.rows.append(self._task.plain(answer))
