"""Regression: a number for each text.

The head learns the numbers standardised by train's mean and deviation; the saved model's last layer is scaled back, so
that its one logit is the number itself in the person's units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.data.table import Rows, Splits
from graft.data.targets import Numbers, Targets
from graft.errors import RecipeError
from graft.machine import sent
from graft.records import Evaluation, Loss, Manifest, Miss, Number, RegressionDetails
from graft.report.blocks import Section
from graft.report.words import shorten
from graft.tasks import regression_metrics as numbers
from graft.tasks import regression_report, regression_yardsticks
from graft.tasks.task import Criterion, Floats, Head, Ints, Logits, Measured, Outputs, Scorer, Settled, Yardstick

if TYPE_CHECKING:
    from torch import Tensor

POINTS = 1000  # of the scatter plot
MISSES = 200
WHOLE, MOST = 2**24, 1e16  # from where on numbers of fp32 are whole; from where on they are written with an exponent
LONGEST_TEXT = 500  # characters of a text that a miss shows


class Regression:
    """The task of a number per text."""

    name = "regression"
    head = Head(problem="regression")
    metrics: tuple[str, ...] = numbers.METRICS
    validation: tuple[str, ...] = numbers.VALIDATION_METRICS
    tie_breaker = "rmse"
    settles = True
    mixes = False  # every digit is part of the answer

    def criterion(self, targets: Targets, outputs: int, loss: Loss) -> Criterion:
        if loss.label_smoothing or loss.class_weights != "none":
            raise RecipeError(
                "Numbers have no classes to smooth or to weigh.", "leave out label_smoothing and class_weights."
            )
        return SquaredError(_numbers(targets).standard)

    def validate(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> dict[str, float]:
        known = _numbers(targets)
        found = numbers.metrics(logits.astype(np.float64) * known.deviation + known.mean, known.values)
        return {name: found[name] for name in self.validation}

    def prepared(self, train: Targets, validation: Targets, centred: bool) -> tuple[Targets, Targets]:
        values = _numbers(train).values
        mean, deviation = float(values.mean()) if centred else 0.0, float(values.std()) or 1.0
        return tuple(replace(_numbers(part), mean=mean, deviation=deviation) for part in (train, validation))  # type: ignore[return-value]

    def scale(self, train: Targets) -> tuple[float, float]:
        known = _numbers(train)
        return known.deviation, known.mean

    def settle(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> Settled:
        factor, shift = numbers.line(logits, _numbers(targets).values)
        return Settled(factor=factor, shift=shift)

    def scorer(self, logits: Logits, targets: Targets, outputs: Outputs) -> Scorer:
        return numbers.AnsweredNumbers(logits, _numbers(targets).values)

    def details(self, logits: Logits, rows: Rows, outputs: Outputs, measured: Measured) -> RegressionDetails:
        truth, predicted = _numbers(rows.targets).values, logits[:, 0].astype(np.float64)
        shown = np.sort(np.random.default_rng(0).permutation(len(rows))[:POINTS])
        worst = np.argsort(-np.abs(predicted - truth), kind="stable")[:MISSES]
        return RegressionDetails(
            points=tuple((float(truth[row]), float(predicted[row])) for row in shown),
            bias=float((predicted - truth).mean()),
            misses=tuple(_miss(rows, int(row), truth, predicted) for row in worst),
        )

    def yardsticks(self, splits: Splits) -> Iterator[Yardstick]:
        yield regression_yardsticks.mean(splits.train, len(splits.test))
        yield regression_yardsticks.ridge(splits.train, splits.validation, splits.test)

    def answers(self, rows: Rows, logits: Logits, outputs: Outputs) -> Iterator[Number]:
        for text, value in zip(rows.inputs, logits[:, 0].tolist(), strict=True):
            yield Number(text, value)

    def columns(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return names[:1]

    def cells(self, answer: Number) -> tuple[str, ...]:
        return self.short(answer)

    def judged(self) -> tuple[str, ...]:
        return ("value", "predicted")

    def short(self, answer: Number) -> tuple[str, ...]:
        return (_digits(answer.value),)

    def plain(self, answer: Number) -> dict[str, Any]:
        return {"value": float(_digits(answer.value))}

    def sections(self, evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
        return regression_report.sections(evaluation, manifest)


REGRESSION = Regression()


def _digits(value: float) -> str:
    """A number of fp32, which a model's are, with as many digits as tell it from its neighbours; where fp32 holds
    whole numbers only, with all of them: errors are measured by these."""
    exact = float(np.float32(value))
    return f"{exact:.0f}" if WHOLE <= abs(exact) < MOST else str(float(str(np.float32(value))))


def _numbers(targets: Targets) -> Numbers:
    if not isinstance(targets, Numbers):
        raise TypeError(f"regression needs a number per row, not {type(targets).__name__}")
    return targets


def _miss(rows: Rows, row: int, truth: Floats, predicted: Floats) -> Miss:
    text = shorten(rows.shown(row), LONGEST_TEXT)
    return Miss(rows.file, int(rows.lines[row]), text, float(truth[row]), float(predicted[row]))


@dataclass(frozen=True, slots=True)
class SquaredError:
    """Mean squared error of standardised numbers."""

    values: Floats  # of the train split

    def losses(self, logits: Tensor, rows: Ints) -> Tensor:
        import torch

        wide = logits.dtype if logits.dtype == torch.float64 else torch.float32
        truth = sent(torch.from_numpy(self.values[rows]), logits.device).to(wide)
        return torch.nn.functional.mse_loss(logits.to(wide).squeeze(1), truth, reduction="none")

    def weight(self, rows: Ints) -> float:
        return float(len(rows))
