"""What an evaluation records besides its metrics, task by task: one record each, told apart by its tag `task`."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from graft.records.evidence import WritingDetails
from graft.records.material import Interval
from graft.records.rewriting import RewriteDetails


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


@dataclass(frozen=True, slots=True)
class TypeScores:
    """One type of name on one split."""

    name: str
    support: int  # names of this type
    precision: float
    recall: float
    f1: float
    intervals: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a text: characters counted from 0, `end` one past the last."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Misread:
    """A text some of whose names were not found as they are, with its place in its file."""

    file: str
    line: int
    text: str
    truth: tuple[Name, ...]
    found: tuple[Name, ...]
    loss: float  # mean minus log-probability (nats) of its words' tags


class TokenDetails(msgspec.Struct, frozen=True, tag_field="task", tag="token-classification"):
    """Names in texts: each type, what is taken for what, what is wrong with names, the texts furthest off."""

    per_type: tuple[TypeScores, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()  # names by true type (rows) and found type; last: no name
    kinds: dict[str, int] = {}  # names that are right, of another type, of other ends, both, missed, invented
    mistakes: tuple[Misread, ...] = ()  # the largest loss first
    unread: int = 0  # words that no token speaks for, which get no tag


@dataclass(frozen=True, slots=True)
class KindScores:
    """Questions of one kind on one split."""

    name: str
    support: int
    f1: float
    exact: float
    intervals: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """A question with what is and what was said to be its answer, and the row's place in its file."""

    file: str
    line: int
    question: str
    context: str  # or the part of a long one around the answers
    truth: tuple[tuple[int, int], ...]  # different references, in characters of `context`; none: it has no answer
    found: tuple[int, int] | None  # None: it was said that there is none
    f1: float
    score: float


class AnswerDetails(msgspec.Struct, frozen=True, tag_field="task", tag="question-answering"):
    """Answers to questions: by kind, how far scores can be trusted, when none is given, the worst and a few good."""

    by_word: tuple[KindScores, ...] = ()  # the word that a question asks by
    by_length: tuple[KindScores, ...] = ()  # of the first reference answer
    reliability: tuple[ReliabilityBin, ...] = ()  # exact answers by score
    threshold: float | None = None  # how much likelier (nats) no answer must be to be said; None: always answered
    curve: tuple[tuple[float, float, float, float], ...] = ()  # threshold, F1, exact, share answered
    mistakes: tuple[ShownAnswer, ...] = ()  # the worst first
    examples: tuple[ShownAnswer, ...] = ()


Details = (
    ClassificationDetails
    | RegressionDetails
    | MultiLabelDetails
    | TokenDetails
    | AnswerDetails
    | RewriteDetails
    | WritingDetails
)
