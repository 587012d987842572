"""Several labels per text, none included: each has a probability of its own, and a threshold from which it is given.

Thresholds are chosen on validation once the best weights are known, each for its label's F1; they are kept in the
manifest and in the saved model's configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graft.data.table import Rows, Splits
from graft.data.targets import JOINT, Flags, Targets
from graft.machine import sent
from graft.records import Evaluation, LabelScores, LabelSet, Loss, Manifest, Misjudged, MultiLabelDetails
from graft.report.blocks import Section
from graft.report.words import shorten
from graft.tasks import multilabel_metrics as numbers
from graft.tasks import multilabel_report, multilabel_yardsticks
from graft.tasks.task import Criterion, Floats, Head, Ints, Logits, Measured, Outputs, Scorer, Settled, Yardstick

if TYPE_CHECKING:
    from torch import Tensor

DIGITS = 6
MISTAKES = 200
LONGEST_TEXT = 500  # characters of a text that a mistake shows


class MultiLabel:
    """The task of any number of labels per text."""

    name = "multi-label"
    head = Head(problem="multi_label_classification")
    metrics: tuple[str, ...] = numbers.METRICS
    validation: tuple[str, ...] = numbers.VALIDATION_METRICS
    tie_breaker = "label_loss"
    settles = True
    mixes = False

    def criterion(self, targets: Targets, outputs: int, loss: Loss) -> Criterion:
        flags = _flags(targets)
        return BinaryCrossEntropy(flags, positive_weights(flags, loss.class_weights), loss.label_smoothing)

    def validate(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> dict[str, float]:
        truth = _flags(targets)
        thresholds = numbers.best_thresholds(numbers.probabilities(logits), truth)
        found = numbers.metrics(logits, truth, thresholds)
        return {name: found[name] for name in self.validation}

    def prepared(self, train: Targets, validation: Targets, centred: bool) -> tuple[Targets, Targets]:
        return train, validation

    def scale(self, train: Targets) -> tuple[float, float]:
        return 1.0, 0.0

    def settle(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> Settled:
        found = numbers.best_thresholds(numbers.probabilities(logits), _flags(targets))
        return Settled(dict(zip(names, found.tolist(), strict=True)))

    def scorer(self, logits: Logits, targets: Targets, outputs: Outputs) -> Scorer:
        return numbers.AnsweredLabels(logits, _flags(targets), thresholds(outputs))

    def details(self, logits: Logits, rows: Rows, outputs: Outputs, measured: Measured) -> MultiLabelDetails:
        truth, limits = _flags(rows.targets), thresholds(outputs)
        answered = numbers.AnsweredLabels(logits, truth, limits)
        scores, given, loss = answered.score().per_name, answered.rows.given, answered.rows.loss
        wrong = np.flatnonzero((given != truth).any(axis=1))
        worst = wrong[np.argsort(-loss[wrong], kind="stable")][:MISTAKES]
        return MultiLabelDetails(
            per_label=tuple(
                LabelScores(
                    name=name,
                    support=int(truth[:, place].sum()),
                    precision=float(scores["precision"][0, place]),
                    recall=float(scores["recall"][0, place]),
                    f1=float(scores["f1"][0, place]),
                    threshold=float(limits[place]),
                    intervals=measured.per_name[place],
                )
                for place, name in enumerate(outputs.names)
            ),
            given=tuple(np.bincount(given.sum(axis=1)).tolist()),
            true=tuple(np.bincount(truth.sum(axis=1)).tolist()),
            mistakes=tuple(_misjudged(rows, int(row), (given[row], truth[row]), outputs, loss) for row in worst),
        )

    def yardsticks(self, splits: Splits) -> Iterator[Yardstick]:
        yield multilabel_yardsticks.common(splits.train, len(splits.test), splits.classes)
        yield multilabel_yardsticks.word_counts(splits)

    def answers(self, rows: Rows, logits: Logits, outputs: Outputs) -> Iterator[LabelSet]:
        limits, names = thresholds(outputs), outputs.names
        for text, shares in zip(rows.inputs, numbers.probabilities(logits), strict=True):
            order = np.argsort(-shares, kind="stable")
            given = tuple(names[place] for place in order if shares[place] >= limits[place])
            yield LabelSet(text, given, dict(zip(names, shares.tolist(), strict=True)))

    def columns(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return ("labels", *(f"p_{name}" for name in names))

    def cells(self, answer: LabelSet) -> tuple[str, ...]:
        return (JOINT.join(answer.labels), *(f"{share:.{DIGITS}f}" for share in answer.probabilities.values()))

    def judged(self) -> tuple[str, ...]:
        return ("labels", "predicted")

    def short(self, answer: LabelSet) -> tuple[str, ...]:
        given = set(answer.labels)  # in the order of the true ones beside them, so that equal sets are equal cells
        return (JOINT.join(name for name in answer.probabilities if name in given),)

    def plain(self, answer: LabelSet) -> dict[str, Any]:
        shares = {name: round(share, DIGITS) for name, share in answer.probabilities.items()}
        return {"labels": list(answer.labels), "probabilities": shares}

    def sections(self, evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
        return multilabel_report.sections(evaluation, manifest)


MULTI_LABEL = MultiLabel()


def thresholds(outputs: Outputs) -> Floats:
    """One probability per label; 0.5 where none was settled."""
    return np.array([outputs.settled.get(name, numbers.HALF) for name in outputs.names])


def _flags(targets: Targets) -> NDArray[np.bool_]:
    if not isinstance(targets, Flags):
        raise TypeError(f"multi-label classification needs flags, not {type(targets).__name__}")
    return targets.values


def _misjudged(
    rows: Rows, row: int, flags: tuple[NDArray[np.bool_], NDArray[np.bool_]], outputs: Outputs, loss: Floats
) -> Misjudged:
    given, truth = flags
    missed, wrong = (
        tuple(outputs.names[place] for place in np.flatnonzero(found)) for found in (truth & ~given, given & ~truth)
    )
    text = shorten(rows.shown(row), LONGEST_TEXT)
    return Misjudged(rows.file, int(rows.lines[row]), text, missed, wrong, float(loss[row]))


@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy:
    """Cross-entropy of having each label or not, as a mean over labels."""

    flags: NDArray[np.bool_]  # of the train split
    weights: NDArray[np.float32] | None  # of having a label, against not having it
    smoothing: float

    def losses(self, logits: Tensor, rows: Ints) -> Tensor:
        import torch

        wide = logits.dtype if logits.dtype == torch.float64 else torch.float32
        flags = self.flags[rows]
        truth = sent(torch.from_numpy(flags), logits.device).to(wide)
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            logits.to(wide), truth * (1 - self.smoothing) + self.smoothing / 2, reduction="none"
        )
        if self.weights is not None:  # by the flag itself: `pos_weight` would weigh a smoothed target's share, too
            each = each * sent(torch.from_numpy(np.where(flags, self.weights, np.float32(1))), logits.device)
        mean: Tensor = each.mean(1)
        return mean

    def weight(self, rows: Ints) -> float:
        return float(len(rows))


def positive_weights(flags: NDArray[np.bool_], kind: str) -> NDArray[np.float32] | None:
    """Weights with which having a label counts, in total, as much as not having it ("balanced"); None for "none"."""
    if kind == "none":
        return None
    having = flags.sum(axis=0).clip(1)
    weights: NDArray[np.float32] = ((len(flags) - having).clip(1) / having).astype(np.float32)
    return weights
