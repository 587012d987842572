"""What an evaluation records besides its metrics, task by task: one record each, told apart by its tag `task`."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from graft.records.material import Interval


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class on one split."""

    name: str
    support: int
    precision: float
    recall: float
    f1: float
    intervals: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predictions whose confidence lies in [low, high)."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong prediction, with the row's place in its file."""

    file: str
    line: int
    text: str
    truth: str
    predicted: str
    confidence: float


class ClassificationDetails(msgspec.Struct, frozen=True, tag_field="task", tag="classification"):
    """One class per text: each class, what is taken for what, how far confidence can be trusted."""

    per_class: tuple[ClassScores, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()  # rows: truth, columns: predicted
    reliability: tuple[ReliabilityBin, ...] = ()
    mistakes: tuple[Mistake, ...] = ()  # most confident first


Details = ClassificationDetails
