"""Predictions as CSV, as JSON Lines, or gathered for one JSON object."""

from __future__ import annotations

import csv
import json
from typing import Any, Protocol, TextIO

from graft.records import Prediction

DIGITS = 6


class Writer(Protocol):
    """Takes predictions one by one."""

    def write(self, prediction: Prediction) -> None: ...


def writer(file: TextIO, form: str, classes: tuple[str, ...]) -> Writer:
    """A writer of `form`: "csv" (text, label, probability, p_<class> …) or "jsonl"."""
    return Lines(file) if form == "jsonl" else Table(file, classes)


class Table:
    """CSV with a header; the probability of each class in a column of its own."""

    def __init__(self, file: TextIO, classes: tuple[str, ...]) -> None:
        self._rows = csv.writer(file, lineterminator="\n")
        self._rows.writerow(("text", "label", "probability", *(f"p_{name}" for name in classes)))

    def write(self, prediction: Prediction) -> None:
        shares = (_digits(share) for share in prediction.probabilities.values())
        self._rows.writerow((prediction.text, prediction.label, _digits(prediction.probability), *shares))


class Lines:
    """One JSON object per line."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, prediction: Prediction) -> None:
        print(json.dumps(plain(prediction), ensure_ascii=False), file=self._file)


class Collected:
    """Predictions as plain values, in memory."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write(self, prediction: Prediction) -> None:
        self.rows.append(plain(prediction))


def plain(prediction: Prediction) -> dict[str, Any]:
    return {
        "text": prediction.text,
        "label": prediction.label,
        "probability": round(prediction.probability, DIGITS),
        "probabilities": {name: round(share, DIGITS) for name, share in prediction.probabilities.items()},
    }


def _digits(share: float) -> str:
    return f"{share:.{DIGITS}f}"
