"""What the report says about names in texts: numbers, each type, what is taken for what, and the texts furthest off
with their names marked."""

from __future__ import annotations

from typing import Literal

from graft.records import Evaluation, Manifest, Misread, Name, TokenDetails
from graft.report import words
from graft.report.blocks import Block, Column, Estimate, Heatmap, Section, Table
from graft.report.passages import Mark, MarkedTexts, Passage
from graft.tasks.numbers_report import numbers_section

NO_NAME = "no name"
UNREAD = "no token stands for them, as the length limit cut them or the tokenizer drops their characters"
KINDS = {
    "right": ("right", "both ends and the type"),
    "type": ("another type", "both ends right, the type not"),
    "boundary": ("other ends", "the type right, an end not"),
    "both": ("other ends and type", "overlaps with a name of another type"),
    "missed": ("missed", "a name of which nothing was found"),
    "invented": ("invented", "found where there is no name"),
}


def sections(evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
    """The sections in reading order; those without material are left out."""
    made = [numbers_section(evaluation, manifest, "entity_f1", "all names of all texts together")]
    details = evaluation.details
    if isinstance(details, TokenDetails):
        made.append(_types(details))
        made += [_mistakes(details)] if details.mistakes else []
    return tuple(made)


def _types(details: TokenDetails) -> Section:
    columns = (
        Column("Type"),
        Column("Names", "count"),
        Column("Precision", "estimate", "of the names found with this type, how many are right"),
        Column("Recall", "estimate", "of the names of this type, how many were found right"),
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
        for one in details.per_type
    )
    kinds = tuple((KINDS[kind][0], count, KINDS[kind][1]) for kind, count in details.kinds.items())
    names = (*(one.name for one in details.per_type), NO_NAME)
    blocks: tuple[Block, ...] = (
        Table("Each type", columns, rows, searchable=len(rows) > 12, page=12 if len(rows) > 12 else 0),
        Table("What became of names", (Column("Found"), Column("Names", "count"), Column("That is", "text")), kinds),
        Heatmap("Names by true type (rows) and found type (columns)", names, details.confusion),
    )
    lead = "A name is right when both ends and the type are; one half found counts as one missed and one invented."
    if details.unread:
        lead += f" {words.plural(details.unread, 'word')} got no tag: {UNREAD}."
    return Section("classes", "Type by type", lead, blocks)


def _mistakes(details: TokenDetails) -> Section:
    files = sorted({mistake.file for mistake in details.mistakes})
    passages = tuple(_passage(one, len(files) > 1) for one in details.mistakes)
    where = f" Lines are those of {files[0]}." if len(files) == 1 else ""
    lead = f"The largest loss first: the place to find wrong tags and blind spots.{where}"
    caption = f"The {words.plural(len(passages), 'worst text')}: the names that are there, and those that were found"
    return Section("mistakes", "Mistakes", lead, (MarkedTexts(caption, passages, page=10),))


def _passage(one: Misread, several: bool) -> Passage:
    truth, found = set(one.truth), set(one.found)
    marks = [_mark(name, "right") for name in one.truth if name in found]
    marks += [_mark(name, "missed") for name in one.truth if name not in found]
    marks += [_mark(name, "wrong") for name in one.found if name not in truth]
    place = f"{one.file}, line {one.line}" if several else f"Line {one.line}"
    return Passage(place, one.text, tuple(sorted(marks, key=lambda mark: (mark.start, mark.end, mark.kind))))


def _mark(name: Name, kind: Literal["right", "missed", "wrong"]) -> Mark:
    return Mark(name.start, name.end, name.label, kind)
