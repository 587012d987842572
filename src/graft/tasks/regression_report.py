"""What the report says about predicted numbers: against yardsticks, against the truth, and the furthest misses."""

from __future__ import annotations

from graft.records import Evaluation, Manifest, RegressionDetails
from graft.report import words
from graft.report.blocks import Column, Scatter, Section, Table
from graft.tasks.numbers_report import numbers_section

_TEXT = 600  # characters


def sections(evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
    """The sections in reading order; those without material are left out."""
    made = [numbers_section(evaluation, manifest, "rmse", "in the target's unit; less is better")]
    details = evaluation.details
    if isinstance(details, RegressionDetails):
        made += [_scatter(details, evaluation), _misses(details)]
    return tuple(made)


def _scatter(details: RegressionDetails, evaluation: Evaluation) -> Section:
    over = "above" if details.bias > 0 else "below"
    lead = f"On average an answer lies {words.number(abs(details.bias))} {over} the true number."
    if len(details.points) < evaluation.n:
        lead += f" Shown are {words.count(len(details.points))} texts, drawn at random."
    note = "On the dashed line the answer is the true number; above it the model says too much."
    return Section("scatter", "Predicted against true", lead, (Scatter("Each dot is a text", details.points, note),))


def _misses(details: RegressionDetails) -> Section:
    files = sorted({miss.file for miss in details.misses})
    columns = (
        Column("Line", "count", "where the row starts in its file"),
        *((Column("File"),) if len(files) > 1 else ()),
        Column("Text", "text"),
        Column("Truth", "number"),
        Column("Predicted", "number"),
        Column("Off by", "number"),
    )
    rows = tuple(
        (
            miss.line,
            *((miss.file,) if len(files) > 1 else ()),
            words.shorten(miss.text, _TEXT),
            miss.truth,
            miss.predicted,
            miss.predicted - miss.truth,
        )
        for miss in details.misses
    )
    where = f" Lines are those of {files[0]}." if len(files) == 1 else ""
    lead = f"The furthest from the truth first: the place to find wrong numbers and blind spots.{where}"
    table = Table(f"The {words.plural(len(rows), 'largest miss')}", columns, rows, searchable=True, page=12)
    return Section("mistakes", "Largest misses", lead, (table,))
