"""Which kind of column the targets stand in: named by the person as a task, or seen in the first rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from graft.data.answers import OUTPUTS
from graft.data.columns.answered import AnswerColumn
from graft.data.columns.labels import Label, LabelColumn
from graft.data.columns.marked import MarkColumn
from graft.data.columns.numbers import NumberColumn
from graft.data.columns.profile import is_number
from graft.data.columns.question_columns import QUESTIONS, taken_for_classes
from graft.data.columns.rewrite_columns import RewriteColumn
from graft.data.columns.several import SeveralColumn
from graft.data.columns.token_columns import MARKS
from graft.data.options import ReadOptions
from graft.data.references import REWRITE
from graft.data.stream import Batch, Problems, Stream
from graft.data.targets import Targets
from graft.data.wording import count_of

MOST_STRANGE = 0.5  # share of cells that are no numbers, up to which a column of decimals is one with mistakes in it


class TargetColumn(Protocol):
    """One part's targets, added row by row."""

    def add(self, value: object, line: int) -> bool:
        """Append one cell; False, and nothing is appended, when it is missing."""
        ...

    def check(self, column: str, options: ReadOptions, problems: Problems, notes: list[str]) -> None:
        """Add what keeps the train part's column from being learnt."""
        ...

    def check_like(self, column: str, problems: Problems) -> None:
        """Add what is wrong with a held-out part's column."""
        ...

    def labels(self) -> tuple[Label, ...]:
        """The distinct names in it; none where the targets have no names."""
        ...

    def targets(self, codes: NDArray[np.int32], names: int) -> Targets:
        """All rows. `codes`: the place of each of `labels` among the dataset's names, of which there are so many."""
        ...


def column_of(task: str, problems: Problems, options: ReadOptions, train: TargetColumn | None = None) -> TargetColumn:
    """An empty column for a task. `problems`: where a column adds what is wrong with single rows; `train`: the train
    part's column, for a held-out part's."""
    if task == MARKS:
        return MarkColumn(problems)
    if task == QUESTIONS:
        return AnswerColumn(problems, options)
    if task == REWRITE:
        return RewriteColumn(problems)
    if task == "regression":
        return NumberColumn()
    if task == "multi-label":
        return SeveralColumn(train if isinstance(train, SeveralColumn) else None)
    return LabelColumn()


def infer_task(sample: Sequence[Batch], column: str, options: ReadOptions, stream: Stream) -> str:
    """The task that is asked for; "auto" is regression for a column of decimal numbers, which is said, else
    classification."""
    if options.task != "auto" or options.labels == "exact" or not column:
        return "classification" if options.task == "auto" else options.task
    cells = [cell for batch in sample for cell in batch.values(column) if cell is not None and cell != ""]
    numbers = [float(cell) for cell in cells if is_number(cell)]  # type: ignore[arg-type]
    decimals = [number for number in numbers if not number.is_integer()]
    if not decimals or len(numbers) < (1 - MOST_STRANGE) * len(cells):
        if answers := taken_for_classes(sample, column):
            different = count_of(answers, "different answer")
            stream.notes.append(
                f"most cells of {column!r} stand in their contexts, but hold only {different}, which were taken for "
                f"classes. To find answers in contexts: --task {QUESTIONS}."
            )
        return "classification"
    stream.notes.append(
        f"{column!r} holds decimal numbers such as {decimals[0]:g}: graft learns to predict the number "
        "(--task regression). To take every value as a class: --labels exact."
    )
    return "regression"


def output_names(names: tuple[str, ...], column: TargetColumn, label: str) -> tuple[str, ...]:
    """What the outputs of a head are called, from the distinct names in train's column."""
    if isinstance(column, MarkColumn):
        return column.tagset(names).names
    if isinstance(column, AnswerColumn):
        return OUTPUTS
    if isinstance(column, RewriteColumn):
        return ()
    return names or (label,)  # a number is called by its column
