"""What the report says about a classifier: numbers against yardsticks, classes, confusion, calibration, mistakes.

Turns an `Evaluation` into the report's records; draws nothing.
"""

from __future__ import annotations

from graft.records import ClassificationDetails, Evaluation, Manifest
from graft.report import words
from graft.report.blocks import (
    Bin,
    Block,
    Column,
    Estimate,
    Heatmap,
    Prose,
    Reliability,
    Section,
    Table,
)
from graft.tasks.numbers_report import numbers_section

_MATRIX_ALONE = 8  # classes up to which the confusion matrix is read at a glance
_MISTAKES, _TEXT, _PAIRS = 400, 600, 200  # limits that keep the page small


def sections(evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
    """The classifier's sections, in reading order; those without material are left out."""
    details = evaluation.details
    if not isinstance(details, ClassificationDetails):  # of an earlier version of graft
        return (numbers_section(evaluation, manifest, "macro_f1", "every class counts alike, however small"),)
    made = (
        numbers_section(evaluation, manifest, "macro_f1", "every class counts alike, however small"),
        _classes(details),
        _confusion(details, manifest),
        _calibration(evaluation, details),
        _mistakes(details),
    )
    return tuple(section for section in made if section)


def _classes(details: ClassificationDetails) -> Section | None:
    if not details.per_class:
        return None
    columns = (
        Column("Class"),
        Column("Texts", "count"),
        Column("Precision", "estimate", "of the texts given this label, how many have it"),
        Column("Recall", "estimate", "of the texts that have this label, how many were found"),
        Column("F1", "range", "harmonic mean of precision and recall"),
    )
    rows = tuple(
        (
            one.name,
            one.support,
            Estimate(one.precision, one.intervals.get("precision")),
            Estimate(one.recall, one.intervals.get("recall")),
            Estimate(one.f1, one.intervals.get("f1")),
        )
        for one in details.per_class
    )
    many = len(rows) > 12
    table = Table("Precision, recall and F1 per class", columns, rows, searchable=many, page=12 if many else 0)
    return Section("classes", "Class by class", _weakest(details), (table,))


def _weakest(details: ClassificationDetails) -> str:
    seen = [one for one in details.per_class if one.support]
    if len(seen) < 2:
        return ""
    worst, best = min(seen, key=lambda one: one.f1), max(seen, key=lambda one: one.f1)
    return (
        f"Best known: “{words.shorten(best.name, 60)}” (F1 {words.percent(best.f1)}). "
        f"Least: “{words.shorten(worst.name, 60)}” (F1 {words.percent(worst.f1)}, "
        f"{words.plural(worst.support, 'text')})."
    )


def _confusion(details: ClassificationDetails, manifest: Manifest) -> Section | None:
    counts = details.confusion
    names = tuple(one.name for one in details.per_class) or manifest.data.classes
    if not counts or len(names) != len(counts):
        return None
    pairs = sorted(
        (
            (number, row, column)
            for row, line in enumerate(counts)
            for column, number in enumerate(line)
            if number and row != column
        ),
        key=lambda pair: -pair[0],
    )
    blocks: list[Block] = [Heatmap("Truth (rows) and prediction (columns)", names, counts)]
    if len(names) > _MATRIX_ALONE and pairs:
        blocks.insert(0, _pairs(pairs, names, counts))
    return Section("confusion", "Confusion", _confusion_lead(pairs, names, counts), tuple(blocks))


def _pairs(pairs: list[tuple[int, int, int]], names: tuple[str, ...], counts: tuple[tuple[int, ...], ...]) -> Table:
    columns = (
        Column("Truth"),
        Column("Taken for"),
        Column("Texts", "count"),
        Column("Of the truth", "share", "share of the true class's texts"),
    )
    rows = tuple(
        (names[row], names[column], number, number / sum(counts[row])) for number, row, column in pairs[:_PAIRS]
    )
    return Table("The pairs most often confused", columns, rows, searchable=len(rows) > 12, page=10)


def _confusion_lead(
    pairs: list[tuple[int, int, int]], names: tuple[str, ...], counts: tuple[tuple[int, ...], ...]
) -> str:
    if not pairs:
        return "No text was taken for another class."
    number, row, column = pairs[0]
    share = words.percent(number / sum(counts[row]), 0)
    return (
        f"Most often, “{words.shorten(names[row], 60)}” is taken for “{words.shorten(names[column], 60)}”: "
        f"{words.plural(number, 'text')}, {share} of that class."
    )


_READING = (
    "Each dot gathers texts of like confidence. On the dashed line the model is right as often as it "
    "says; below the line it says "
    "too much, above it too little. The bars count the texts."
)


def _calibration(evaluation: Evaluation, details: ClassificationDetails) -> Section | None:
    texts = sum(piece.count for piece in details.reliability)
    if not texts:
        return None
    bins = tuple(
        Bin(piece.low, piece.high, piece.count, piece.confidence, piece.accuracy) for piece in details.reliability
    )
    over = sum(piece.count * (piece.confidence - piece.accuracy) for piece in details.reliability) / texts
    says = (
        f"{words.points(over)} {'more' if over > 0 else 'less'} confident than it is right"
        if abs(over) >= 0.0005
        else "as confident as it is right"
    )
    error = evaluation.metrics.get("calibration_error")
    tail = f" The calibration error is {words.percent(error)}." if error is not None else ""
    block = Reliability("How often it is right, by how sure it is", bins, _READING)
    return Section("calibration", "Calibration", f"On average the model is {says}.{tail}", (block,))


def _mistakes(details: ClassificationDetails) -> Section | None:
    if not details.mistakes:
        return None
    shown = details.mistakes[:_MISTAKES]
    files = sorted({mistake.file for mistake in shown})
    columns = (
        Column("Line", "count", "where the row starts in its file"),
        *((Column("File"),) if len(files) > 1 else ()),
        Column("Text", "text"),
        Column("Truth"),
        Column("Predicted"),
        Column("Confidence", "share", "the probability given to the predicted class"),
    )
    rows = tuple(
        (
            mistake.line,
            *((mistake.file,) if len(files) > 1 else ()),
            words.shorten(mistake.text, _TEXT),
            mistake.truth,
            mistake.predicted,
            mistake.confidence,
        )
        for mistake in shown
    )
    where = f" Lines are those of {files[0]}." if len(files) == 1 else ""
    lead = f"The most confident first: the place to find wrong labels and blind spots.{where}"
    blocks: list[Block] = [Table(f"{words.plural(len(rows), 'mistake')}", columns, rows, searchable=True, page=12)]
    wrong = _wrong(details)
    if wrong > len(rows):
        blocks.append(
            Prose(
                f"{words.count(wrong)} texts were labelled wrongly; the {words.count(len(rows))} most "
                "confident are listed."
            )
        )
    return Section("mistakes", "Mistakes", lead, tuple(blocks))


def _wrong(details: ClassificationDetails) -> int:
    if details.confusion:
        return sum(map(sum, details.confusion)) - sum(row[number] for number, row in enumerate(details.confusion))
    return len(details.mistakes)
