"""Token classification: names in texts, each a stretch of words with a type.

The head gives every word a tag (IOB2), read at the word's first token; tags are read as names by conlleval's rules, and
a name counts when both its ends and its type are right. Targets are `Marks`; logits are words × tags, in the order of
the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graft.data.columns.marked import Marks
from graft.data.spans import Span, Spans, taken
from graft.data.table import Rows, Splits
from graft.data.tags import tagset_of
from graft.data.targets import Targets
from graft.records import Evaluation, FoundName, Loss, Manifest, MarkedText, Misread, Name, TokenDetails, TypeScores
from graft.report.blocks import Section
from graft.tasks import names_metrics as numbers
from graft.tasks import names_yardsticks, tagging_report
from graft.tasks.classification import class_weights, smoothed
from graft.tasks.task import Criterion, Head, Ints, Logits, Measured, Outputs, Scorer, Settled, Yardstick

if TYPE_CHECKING:
    from torch import Tensor

MISTAKES = 200
LONGEST_TEXT = 2000  # characters of a text that a mistake shows; of longer ones the texts are left out
DIGITS = 6


class Tagging:
    """The task of names in texts."""

    name = "token-classification"
    head = Head("AutoModelForTokenClassification", "", "token")
    metrics: tuple[str, ...] = numbers.METRICS
    validation: tuple[str, ...] = numbers.VALIDATION_METRICS
    tie_breaker = "word_loss"
    settles = False
    mixes = False

    def criterion(self, targets: Targets, outputs: int, loss: Loss) -> Criterion:
        marks = _marks(targets)
        codes = marks.coded(outputs)
        return WordCrossEntropy(
            codes, marks.words.bounds, class_weights(codes, outputs, loss.class_weights), loss.label_smoothing
        )

    def validate(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> dict[str, float]:
        found = numbers.AnsweredNames(logits, _marks(targets), tagset_of(names)).score().metrics
        return {name: float(found[name][0]) for name in self.validation}

    def prepared(self, train: Targets, validation: Targets, centred: bool) -> tuple[Targets, Targets]:
        return train, validation

    def scale(self, train: Targets) -> tuple[float, float]:
        return 1.0, 0.0

    def settle(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> Settled:
        return Settled()

    def scorer(self, logits: Logits, targets: Targets, outputs: Outputs) -> Scorer:
        return numbers.AnsweredNames(logits, _marks(targets), tagset_of(outputs.names))

    def details(self, logits: Logits, rows: Rows, outputs: Outputs, measured: Measured) -> TokenDetails:
        marks, tagset = _marks(rows.targets), tagset_of(outputs.names)
        answered = numbers.AnsweredNames(logits, marks, tagset)
        scores = answered.score().per_name
        support = answered.counts.truth.sum(axis=0).tolist()
        met = [numbers.meet(marks.spans.of(row), answered.found.of(row)) for row in range(len(rows))]
        return TokenDetails(
            per_type=tuple(
                TypeScores(
                    name=name,
                    support=support[place],
                    precision=float(scores["precision"][0, place]),
                    recall=float(scores["recall"][0, place]),
                    f1=float(scores["f1"][0, place]),
                    intervals=measured.per_name[place],
                )
                for place, name in enumerate(tagset.types)
            ),
            confusion=_confusion(met, len(tagset.types)),
            kinds={kind: sum(one.kind == kind for row in met for one in row) for kind in numbers.KINDS},
            mistakes=_mistakes(rows, marks, answered, tagset.types),
            unread=answered.unread,
        )

    def yardsticks(self, splits: Splits) -> Iterator[Yardstick]:
        yield names_yardsticks.training_names(splits)

    def answers(self, rows: Rows, logits: Logits, outputs: Outputs) -> Iterator[MarkedText]:
        words, tagset = _marks(rows.targets).words, tagset_of(outputs.names)
        sure = np.exp(numbers.log_shares(logits).max(axis=1, initial=-np.inf)) if len(logits) else np.zeros(0)
        found = tagset.decode(numbers.said(logits, tagset), words)
        for row, text in enumerate(rows.texts):
            own = slice(int(words.bounds[row]), int(words.bounds[row + 1]))
            starts, ends, shares = words.starts[own], words.ends[own], sure[own]
            names = []
            for start, end, kind in found.of(row):
                least = float(shares[(starts < end) & (ends > start)].min())
                names.append(FoundName(start, end, tagset.types[kind], text[start:end], least))
            yield MarkedText(text, tuple(names))

    def columns(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return ("names",)

    def cells(self, answer: MarkedText) -> tuple[str, ...]:
        return self.short(answer)

    def judged(self) -> tuple[str, ...]:
        return ("names", "found")

    def short(self, answer: MarkedText) -> tuple[str, ...]:
        """As `Marks.shown` has it: `0-5 PER, 9-15 LOC`."""
        return (", ".join(f"{name.start}-{name.end} {name.label}" for name in answer.names),)

    def plain(self, answer: MarkedText) -> dict[str, Any]:
        names = [
            {
                "start": name.start,
                "end": name.end,
                "label": name.label,
                "text": name.text,
                "probability": round(name.probability, DIGITS),
            }
            for name in answer.names
        ]
        return {"names": names}

    def sections(self, evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
        return tagging_report.sections(evaluation, manifest)


TAGGING = Tagging()


def _marks(targets: Targets) -> Marks:
    if not isinstance(targets, Marks):
        raise TypeError(f"token classification needs names in texts, not {type(targets).__name__}")
    return targets


def _confusion(met: list[list[numbers.Met]], types: int) -> tuple[tuple[int, ...], ...]:
    """Names by true and found type; the last row and column are no name."""
    counts = np.zeros((types + 1, types + 1), np.int64)
    for row in met:
        for one in row:
            counts[_kind(one.truth, types), _kind(one.found, types)] += 1
    return tuple(tuple(line) for line in counts.tolist())


def _kind(span: Span | None, types: int) -> int:
    return types if span is None else span[2]


def _mistakes(rows: Rows, marks: Marks, answered: numbers.AnsweredNames, types: tuple[str, ...]) -> tuple[Misread, ...]:
    loss = answered.losses / np.maximum(answered.read, 1)
    counts = answered.counts
    wrong = np.flatnonzero((counts.hits != counts.truth).any(axis=1) | (counts.hits != counts.found).any(axis=1))
    worst = wrong[np.argsort(-loss[wrong], kind="stable")][:MISTAKES]
    found = []
    for row in worst.tolist():
        text = rows.texts[row]
        if len(text) <= LONGEST_TEXT:
            truth, said = (_named(part, row, types) for part in (marks.spans, answered.found))
            found.append(Misread(rows.file, int(rows.lines[row]), text, truth, said, float(loss[row])))
    return tuple(found)


def _named(spans: Spans, row: int, types: tuple[str, ...]) -> tuple[Name, ...]:
    return tuple(Name(start, end, types[kind]) for start, end, kind in spans.of(row))


@dataclass(frozen=True, slots=True)
class WordCrossEntropy:
    """Cross-entropy over words, each counting alike."""

    codes: NDArray[np.int32]  # the tag of each word of the train split
    bounds: Ints  # the words of each row
    weights: NDArray[np.float32] | None  # of the tags
    smoothing: float

    def _of(self, rows: Ints) -> NDArray[np.int32]:
        return self.codes[taken(self.bounds, rows)[1]]

    def losses(self, logits: Tensor, rows: Ints) -> Tensor:
        return smoothed(logits, self._of(rows), self.weights, self.smoothing)

    def weight(self, rows: Ints) -> float:
        codes = self._of(rows)
        return max(float(len(codes) if self.weights is None else self.weights[codes].sum()), 1e-9)
