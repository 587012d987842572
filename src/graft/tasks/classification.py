"""Single-label classification: one of several classes for each text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graft.data.table import Rows, Splits
from graft.data.targets import Codes, Targets
from graft.machine import sent
from graft.records import ClassificationDetails, Evaluation, Loss, Manifest, Prediction
from graft.report.blocks import Section
from graft.tasks import classification_metrics as numbers
from graft.tasks import classification_report, classification_yardsticks
from graft.tasks.task import ROW_HEAD, Criterion, Ints, Logits, Measured, Outputs, Scorer, Scores, Settled, Yardstick

if TYPE_CHECKING:
    from torch import Tensor

DIGITS = 6


class Classification:
    """The task of one class per text."""

    name = "classification"
    head = ROW_HEAD
    metrics: tuple[str, ...] = numbers.METRICS
    validation: tuple[str, ...] = numbers.VALIDATION_METRICS
    tie_breaker = "log_loss"
    settles = False
    mixes = True

    def criterion(self, targets: Targets, outputs: int, loss: Loss) -> Criterion:
        codes = _codes(targets)
        return CrossEntropy(codes, class_weights(codes, outputs, loss.class_weights), loss.label_smoothing)

    def validate(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> dict[str, float]:
        return numbers.validation_metrics(logits, _codes(targets), names)

    def prepared(self, train: Targets, validation: Targets, centred: bool) -> tuple[Targets, Targets]:
        return train, validation

    def scale(self, train: Targets) -> tuple[float, float]:
        return 1.0, 0.0

    def settle(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> Settled:
        return Settled()

    def scorer(self, logits: Logits, targets: Targets, outputs: Outputs) -> Scorer:
        return AnsweredClasses(logits, _codes(targets))

    def details(self, logits: Logits, rows: Rows, outputs: Outputs, measured: Measured) -> ClassificationDetails:
        seen = numbers.outcomes(logits, rows.codes)
        scores = numbers.per_class(seen, outputs.names)
        pairs = zip(scores, measured.per_name, strict=True)
        return ClassificationDetails(
            per_class=tuple(replace(score, intervals=intervals) for score, intervals in pairs),
            confusion=tuple(tuple(line.tolist()) for line in numbers.confusion(seen)),
            reliability=numbers.reliability(seen),
            mistakes=numbers.mistakes(seen, rows, outputs.names),
        )

    def yardsticks(self, splits: Splits) -> Iterator[Yardstick]:
        yield classification_yardsticks.majority(splits.train, len(splits.test), splits.classes)
        yield classification_yardsticks.word_counts(splits.train, splits.test, splits.classes)

    def answers(self, rows: Rows, logits: Logits, outputs: Outputs) -> Iterator[Prediction]:
        names = outputs.names
        for text, row in zip(rows.inputs, numbers.probabilities(logits), strict=True):
            best = int(row.argmax())
            yield Prediction(text, names[best], float(row[best]), dict(zip(names, row.tolist(), strict=True)))

    def columns(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return ("label", "probability", *(f"p_{name}" for name in names))

    def cells(self, answer: Prediction) -> tuple[str, ...]:
        return (*self.short(answer), *map(_digits, answer.probabilities.values()))

    def judged(self) -> tuple[str, ...]:
        return ("label", "predicted", "probability")

    def short(self, answer: Prediction) -> tuple[str, ...]:
        return (answer.label, _digits(answer.probability))

    def plain(self, answer: Prediction) -> dict[str, Any]:
        return {
            "label": answer.label,
            "probability": round(answer.probability, DIGITS),
            "probabilities": {name: round(share, DIGITS) for name, share in answer.probabilities.items()},
        }

    def sections(self, evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
        return classification_report.sections(evaluation, manifest)


CLASSIFICATION = Classification()


def _digits(share: float) -> str:
    return f"{share:.{DIGITS}f}"


def _codes(targets: Targets) -> NDArray[np.int32]:
    if not isinstance(targets, Codes):
        raise TypeError(f"classification needs one class per row, not {type(targets).__name__}")
    return targets.values


class AnsweredClasses:
    """A classifier's answers beside the true classes."""

    def __init__(self, logits: Logits, labels: NDArray[np.int32]) -> None:
        self._seen = numbers.outcomes(logits, labels)
        self._whole = numbers.score(numbers.tally(self._seen))

    def __len__(self) -> int:
        return len(self._seen)

    def score(self, drawn_RB: Ints | None = None) -> Scores:
        if drawn_RB is None:
            return self._whole
        return numbers.score(numbers.tally(self._seen, drawn_RB), self._whole)


@dataclass(frozen=True, slots=True)
class CrossEntropy:
    """Cross-entropy, with classes weighted and targets smoothed where that is asked for."""

    codes: NDArray[np.int32]  # of the train split
    weights: NDArray[np.float32] | None  # of the classes
    smoothing: float

    def losses(self, logits: Tensor, rows: Ints) -> Tensor:
        return smoothed(logits, self.codes[rows], self.weights, self.smoothing)

    def weight(self, rows: Ints) -> float:
        import torch

        if self.weights is None:
            return float(len(rows))
        return float(torch.from_numpy(self.weights[self.codes[rows]]).sum())


def smoothed(logits: Tensor, codes: NDArray[np.int32], weights: NDArray[np.float32] | None, smoothing: float) -> Tensor:
    """The cross-entropy of each line with its smoothed target, times the weight of its own class.

    The library's `weight` weighs the spread share of a target by the class that it is spread to: beside a class of
    weight 25 and one of 0.5, a share of 0.1 makes the heavy one the best answer to every line.
    """
    import torch

    losses = torch.nn.functional.cross_entropy(
        logits if logits.dtype == torch.float64 else logits.float(),
        sent(torch.from_numpy(codes.astype(np.int64)), logits.device),
        label_smoothing=smoothing,
        reduction="none",
    )
    return losses if weights is None else losses * sent(torch.from_numpy(weights[codes]), logits.device)


def class_weights(codes: NDArray[np.int32], classes: int, kind: str) -> NDArray[np.float32] | None:
    """Weights that give each class the same total ("balanced"), with mean 1 over rows; None for "none"."""
    if kind == "none":
        return None
    counts = np.bincount(codes, minlength=classes).clip(1)
    weights: NDArray[np.float32] = (len(codes) / (classes * counts)).astype(np.float32)
    return weights
