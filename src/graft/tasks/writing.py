"""Writing: a language model learns the style of whole documents, and is judged by what it writes.

The targets are the texts themselves. What other tasks read off logits per row is here read off counts per window: what
the model paid for it, and for how many characters (`writing_metrics.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from graft.data.table import Rows, Splits
from graft.data.targets import Targets
from graft.records import Evaluation, Loss, Manifest
from graft.records.evidence import WritingDetails
from graft.report.blocks import Section
from graft.tasks import writing_metrics as numbers
from graft.tasks import writing_report
from graft.tasks.task import Criterion, Head, Logits, Measured, Outputs, Scorer, Settled, Yardstick


class Writing:
    """The task of a style."""

    name = "write"
    head = Head(auto="AutoModelForCausalLM", problem="", reads="language")
    metrics: tuple[str, ...] = numbers.METRICS
    validation: tuple[str, ...] = numbers.METRICS
    tie_breaker = "perplexity"
    settles = False
    mixes = False

    def criterion(self, targets: Targets, outputs: int, loss: Loss) -> Criterion:
        _nothing_per_row()

    def validate(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> dict[str, float]:
        return {name: float(values[0]) for name, values in numbers.Scored(logits).score().metrics.items()}

    def prepared(self, train: Targets, validation: Targets, centred: bool) -> tuple[Targets, Targets]:
        return train, validation

    def scale(self, train: Targets) -> tuple[float, float]:
        return 1.0, 0.0

    def settle(self, logits: Logits, targets: Targets, names: tuple[str, ...]) -> Settled:
        return Settled()

    def scorer(self, logits: Logits, targets: Targets, outputs: Outputs) -> Scorer:
        return numbers.Scored(logits)

    def details(self, logits: Logits, rows: Rows, outputs: Outputs, measured: Measured) -> WritingDetails:
        return WritingDetails()

    def yardsticks(self, splits: Splits) -> Iterator[Yardstick]:
        return iter(())

    def answers(self, rows: Rows, logits: Logits, outputs: Outputs) -> Iterator[Any]:
        _nothing_per_row()

    def columns(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return ("prompt", "sample", "text")

    def cells(self, answer: Any) -> tuple[str, ...]:
        return (answer.prompt, str(answer.sample), answer.text)

    def judged(self) -> tuple[str, ...]:
        return ("title",)

    def short(self, answer: Any) -> tuple[str, ...]:
        return ()

    def plain(self, answer: Any) -> dict[str, Any]:
        return {"prompt": answer.prompt, "sample": answer.sample, "text": answer.text, "ending": answer.ending}

    def sections(self, evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
        return writing_report.sections(evaluation, manifest)


WRITING = Writing()


def _nothing_per_row() -> NoReturn:
    raise TypeError("a language model answers no rows: its loss is train/language.py's, its texts are generate.py's")
