"""Rewriting: a text becomes another one, by an encoder-decoder: a summary, a translation, a corrected text.

Targets are `References`. What other tasks read off logits is here what was written: an array of texts, one per row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from graft.data.references import references_of
from graft.data.table import Rows, Splits
from graft.data.targets import Targets
from graft.records import Evaluation, Loss, Manifest, RewriteDetails, Rewritten
from graft.report.blocks import Section
from graft.tasks import rewriting_evidence as evidence
from graft.tasks import rewriting_metrics as numbers
from graft.tasks import rewriting_report, rewriting_yardsticks
from graft.tasks.task import Criterion, Head, Logits, Measured, Outputs, Scorer, Settled, Yardstick


class Rewriting:
    """The task of turning texts into others."""

    name = "rewrite"
    head = Head(auto="AutoModelForSeq2SeqLM", problem="", reads="decoder")
    metrics: tuple[str, ...] = numbers.METRICS
    validation: tuple[str, ...] = numbers.VALIDATION
    tie_breaker = "token_loss"
    settles = True
    mixes = False

    def criterion(self, targets: Targets, outputs: int, loss: Loss) -> Criterion:
        _no_logits()

    def validate(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> dict[str, float]:
        found = numbers.Written(logits, references_of(targets)).score().metrics
        return {name: float(values[0]) for name, values in found.items()}

    def prepared(self, train: Targets, validation: Targets, centred: bool) -> tuple[Targets, Targets]:
        numbers.check_library()  # before hours are spent
        return train, validation

    def scale(self, train: Targets) -> tuple[float, float]:
        return 1.0, 0.0

    def settle(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> Settled:
        _no_logits()

    def scorer(self, logits: Logits, targets: Targets, outputs: Outputs) -> Scorer:
        return numbers.Written(logits, references_of(targets))

    def details(self, logits: Logits, rows: Rows, outputs: Outputs, measured: Measured) -> RewriteDetails:
        return evidence.details([str(text) for text in logits], rows)

    def yardsticks(self, splits: Splits) -> Iterator[Yardstick]:
        yield from rewriting_yardsticks.yardsticks(splits)

    def answers(self, rows: Rows, logits: Logits, outputs: Outputs) -> Iterator[Rewritten]:
        return (Rewritten(text, str(output)) for text, output in zip(rows.texts, logits, strict=True))

    def columns(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return ("output",)

    def cells(self, answer: Rewritten) -> tuple[str, ...]:
        return (answer.output,)

    def judged(self) -> tuple[str, ...]:
        return ("reference", "output")

    def short(self, answer: Rewritten) -> tuple[str, ...]:
        return (answer.output,)

    def plain(self, answer: Rewritten) -> dict[str, Any]:
        return {"output": answer.output}

    def sections(self, evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
        return rewriting_report.sections(evaluation, manifest)


REWRITING = Rewriting()


def _no_logits() -> NoReturn:
    raise TypeError("what an encoder-decoder learns by and how it writes is train/rewriting.py's")
