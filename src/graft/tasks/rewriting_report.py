"""What the report says about texts that were written for others: numbers, by length, what is copied, side by side."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from graft.records import Evaluation, Manifest, RewriteDetails, Sideways
from graft.report import words
from graft.report.blocks import Column, Estimate, Facts, Section, Table
from graft.report.passages import Mark, SideBySide, Strip
from graft.tasks.numbers_report import numbers_section

PIECE = re.compile(r"\s+|\w+|[^\w\s]")


def sections(evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
    """The sections in reading order."""
    made = [numbers_section(evaluation, manifest, "chrf", "runs of characters that output and reference share")]
    details = evaluation.details
    if isinstance(details, RewriteDetails):
        made.append(_shape(details, manifest))
        if details.drawn:
            made.append(_beside(details))
    return tuple(made)


def _shape(details: RewriteDetails, manifest: Manifest) -> Section:
    settled = manifest.head.settled if manifest.head else {}
    beams = int(settled.get("beams", 1))
    facts = [
        ("Length of outputs to references", words.decimal(details.length_ratio, 2)),
        ("Words copied from the source", words.percent(details.copied)),
        ("The same of the references", words.percent(details.copied_references)),
        ("Outputs that are the source", words.percent(details.unchanged)),
        ("Outputs without text", words.count(details.empty)),
        ("Written", f"by {beams} beams" if beams > 1 else "greedily"),
        ("Tokens at most", words.count(int(settled.get("max_new_tokens", 0)))),
    ]
    columns = (Column("Words of the source"), Column("Texts", "count"), Column("chrF", "range"))
    rows = tuple(
        (f"{one.low} to {one.high}" if one.low < one.high else f"{one.low}", one.rows, Estimate(one.chrf, one.interval))
        for one in details.by_length
    )
    blocks = (Facts(tuple(facts)), Table("chrF by the length of the source", columns, rows, sortable=False))
    lead = (
        "How long the outputs are, and how much of them is the source's own words: runs of three words or more. "
        "How they are written (greedily or by beams) was chosen on validation."
    )
    return Section("shape", "Length and copying", lead, blocks)


def _beside(details: RewriteDetails) -> Section:
    files = sorted({one.file for one in details.worst})
    where = f" Lines are those of {files[0]}." if len(files) == 1 else ""
    lead = (
        "Marked in an output: what its reference does not have; in a reference: what the output lacks. Of several "
        f"references the nearest is shown.{where}"
    )
    drawn = SideBySide("Drawn at random", tuple(map(_strip, details.drawn)), page=5)
    worst = SideBySide("The lowest chrF first", tuple(map(_strip, details.worst)), page=5)
    return Section("mistakes", "Side by side", lead, (drawn, worst))


def _strip(one: Sideways) -> Strip:
    reference = max(one.references, key=lambda text: _alike(text, one.output))
    lacks, extra = differences(reference, one.output)
    return Strip(
        f"Line {one.line}, chrF {words.percent(one.chrf)}", one.source, (reference, lacks), (one.output, extra)
    )


def _alike(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, first.split(), second.split(), autojunk=False).ratio()


def differences(reference: str, output: str) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
    """Marks in a reference for what an output lacks, and in the output for what the reference does not have."""
    ours, theirs = ([found.span() for found in PIECE.finditer(text)] for text in (reference, output))
    pieces = [reference[start:end] for start, end in ours], [output[start:end] for start, end in theirs]
    lacks: list[Mark] = []
    extra: list[Mark] = []
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, *pieces, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        lacks += _mark(ours[i1:i2], "missed")
        extra += _mark(theirs[j1:j2], "wrong")
    return tuple(lacks), tuple(extra)


def _mark(spans: Sequence[tuple[int, int]], kind: str) -> list[Mark]:
    return [Mark(spans[0][0], spans[-1][1], "", kind)] if spans else []  # type: ignore[arg-type]
