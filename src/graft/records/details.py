"""What an evaluation records besides its metrics, task by task: one record each, told apart by its tag `task`."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from graft.records.evidence import WritingDetails
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


@dataclass(frozen=True, slots=True)
class Miss:
    """A number far from the true one, with the row's place in its file."""

    file: str
    line: int
    text: str
    truth: float
    predicted: float


class RegressionDetails(msgspec.Struct, frozen=True, tag_field="task", tag="regression"):
    """A number per text: predicted against true, and where they lie furthest apart."""

    points: tuple[tuple[float, float], ...] = ()  # truth, predicted; a random part of a large split
    bias: float = 0.0  # mean of predicted minus true
    misses: tuple[Miss, ...] = ()  # the furthest first


@dataclass(frozen=True, slots=True)
class LabelScores:
    """One label of several on one split."""

    name: str
    support: int
    precision: float
    recall: float
    f1: float
    threshold: float  # the probability from which it is given
    intervals: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class Misjudged:
    """A row some of whose labels are wrong, with its place in its file."""

    file: str
    line: int
    text: str
    missed: tuple[str, ...]  # true and not given
    wrong: tuple[str, ...]  # given and not true
    loss: float  # mean minus log-probability (nats) over all labels


class MultiLabelDetails(msgspec.Struct, frozen=True, tag_field="task", tag="multi-label"):
    """Any number of labels per text: each label with its threshold, and the texts that are furthest off."""

    per_label: tuple[LabelScores, ...] = ()
    given: tuple[int, ...] = ()  # texts by how many labels were given: 0, 1, 2, …
    true: tuple[int, ...] = ()  # texts by how many they have
    mistakes: tuple[Misjudged, ...] = ()  # the largest loss first


Details = ClassificationDetails | RegressionDetails | MultiLabelDetails | WritingDetails
