"""What the report says about several labels per text: numbers, each label with its threshold, the worst texts."""

from __future__ import annotations

from itertools import zip_longest

from graft.records import Evaluation, Manifest, MultiLabelDetails
from graft.report import words
from graft.report.blocks import Block, Column, Estimate, Section, Table
from graft.tasks.numbers_report import numbers_section

_TEXT = 600  # characters


def sections(evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
    """The sections in reading order; those without material are left out."""
    made = [numbers_section(evaluation, manifest, "micro_f1", "all labels of all texts together")]
    details = evaluation.details
    if isinstance(details, MultiLabelDetails):
        made.append(_labels(details))
        made += [_mistakes(details)] if details.mistakes else []
    return tuple(made)


def _labels(details: MultiLabelDetails) -> Section:
    columns = (
        Column("Label"),
        Column("Texts", "count"),
        Column("Threshold", "share", "the probability from which the label is given; chosen on validation"),
        Column("Precision", "estimate", "of the texts given this label, how many have it"),
        Column("Recall", "estimate", "of the texts that have this label, how many were found"),
        Column("F1", "range", "harmonic mean of precision and recall"),
    )
    rows = tuple(
        (
            one.name,
            one.support,
            one.threshold,
            Estimate(one.precision, one.intervals.get("precision")),
            Estimate(one.recall, one.intervals.get("recall")),
            Estimate(one.f1, one.intervals.get("f1")),
        )
        for one in details.per_label
    )
    many = len(rows) > 12
    table = Table("Each label", columns, rows, searchable=many, page=12 if many else 0)
    counted = tuple(
        (str(number), true, given)
        for number, (true, given) in enumerate(zip_longest(details.true, details.given, fillvalue=0))
    )
    counts = (Column("Labels"), Column("Texts that have so many", "count"), Column("Texts given so many", "count"))
    blocks: tuple[Block, ...] = (table, Table("How many labels a text has", counts, counted, sortable=False))
    lead = "Each label is given from its own threshold on, chosen on validation for its F1."
    return Section("classes", "Label by label", lead, blocks)


def _mistakes(details: MultiLabelDetails) -> Section:
    files = sorted({mistake.file for mistake in details.mistakes})
    columns = (
        Column("Line", "count", "where the row starts in its file"),
        *((Column("File"),) if len(files) > 1 else ()),
        Column("Text", "text"),
        Column("Missed"),
        Column("Wrongly given"),
        Column("Loss", "decimal", "mean −log of the probability of each label's truth"),
    )
    rows = tuple(
        (
            one.line,
            *((one.file,) if len(files) > 1 else ()),
            words.shorten(one.text, _TEXT),
            ", ".join(one.missed),
            ", ".join(one.wrong),
            one.loss,
        )
        for one in details.mistakes
    )
    where = f" Lines are those of {files[0]}." if len(files) == 1 else ""
    lead = f"The largest loss first: the place to find wrong labels and blind spots.{where}"
    table = Table(f"The {words.plural(len(rows), 'worst text')}", columns, rows, searchable=True, page=12)
    return Section("mistakes", "Mistakes", lead, (table,))
