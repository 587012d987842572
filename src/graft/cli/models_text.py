"""Models as text: a table of 80 columns, or one model with its reasons and its facts."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from graft.backbone.models.catalog import COMPARED, Catalog, Shape
from graft.backbone.models.catalog_reasons import count, reasons, warnings
from graft.backbone.models.catalog_search import MANY, Found

WIDTH = 80
LABEL = 12  # columns for the name of a fact


@dataclass(frozen=True, slots=True)
class Column:
    """A column to the right of the name: its head, its width, and what stands in it."""

    head: str
    width: int
    text: Callable[[Found], str]
    left: bool = False

    def cell(self, text: str) -> str:
        fitted = text if len(text) <= self.width else text[: self.width - 1] + "…"
        return fitted.ljust(self.width) if self.left else fitted.rjust(self.width)


SIZE = Column("size", 6, lambda entry: count(entry.card.shape.parameters))
INPUT = Column("input", 6, lambda entry: str(entry.card.shape.max_tokens or "-"))
LANGUAGE = Column("lang", 5, lambda entry: _few(entry.card.languages), left=True)
LICENCE = Column("licence", 12, lambda entry: entry.card.licence or "-", left=True)
SCORE = Column(COMPARED, 5, lambda entry: _percent(entry.card.score()))
DOWNLOADS = Column("downloads", 9, lambda entry: count(entry.downloads))


def table(rows: Sequence[Found]) -> list[str]:
    """The models, one to a line; a name that is too long has a line of its own."""
    counted = any(entry.downloads is not None for entry in rows)
    columns = (SIZE, LANGUAGE, LICENCE, SCORE, DOWNLOADS) if counted else (SIZE, INPUT, LANGUAGE, LICENCE, SCORE)
    room = WIDTH - sum(1 + column.width for column in columns)
    lines = [" ".join(("  model".ljust(room), *(column.cell(column.head) for column in columns))).rstrip()]
    for entry in rows:
        name = f"{'*' if entry.at_hand else ' '} {entry.card.name}"
        if len(name) > room:
            lines += textwrap.wrap(name, WIDTH, subsequent_indent="    ", break_on_hyphens=False, drop_whitespace=False)
            name = ""
        lines.append(" ".join((name.ljust(room), *(column.cell(column.text(entry)) for column in columns))).rstrip())
    return lines


def explanation(found: Found, known: Catalog) -> list[str]:
    """Why one would pick a model, what to mind, its facts and where they come from."""
    card = found.card
    lines = [card.name, "", *_paragraph(" ".join(reasons(card, known)))]
    for warning in warnings(found, known):
        lines += textwrap.wrap(f"Mind: {warning}", WIDTH, subsequent_indent="  ")
    lines.append("")
    for label, fact in _facts(found, known):
        lines += textwrap.wrap(f"{label:<{LABEL}}{fact}", WIDTH, subsequent_indent=" " * LABEL)
    return lines


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False)


def _facts(found: Found, known: Catalog) -> Iterator[tuple[str, str]]:
    """(name, text) of all that is known, "-" for what is not."""
    card, shape = found.card, found.card.shape
    yield "at hand", found.at_hand or "no"
    yield "family", " ".join(filter(None, (card.family or "-", f"({known.kind(card)})" if known.kind(card) else "")))
    yield "suits", ", ".join(known.tasks(card)) or "-"
    yield "parameters", _number(shape.parameters)
    yield "blocks", f"{_number(shape.blocks)}, of width {_number(shape.width)}, {_heads(shape)}"
    yield "vocabulary", _number(shape.vocabulary)
    yield "input", f"{_number(shape.max_tokens)} tokens"
    names = card.languages if len(card.languages) > MANY else [known.names.get(code, code) for code in card.languages]
    yield "languages", ", ".join(names) or "-"
    yield "domain", card.domain if known.get(card.name) or card.domain != "general" else "-"
    yield "licence", card.licence or "-"
    yield "year", str(card.year or "-")
    yield "safetensors", {True: "yes", False: "no", None: "-"}[card.safetensors]
    if found.downloads is not None:
        yield "downloads", f"{found.downloads:,} in the last 30 days"
    for source in dict.fromkeys(score.source for score in card.scores):
        told = ", ".join(
            f"{score.of} {_percent(score.value)} ({score.split})" for score in card.scores if score.source == source
        )
        yield "scores", f"{told}: {known.sources[source]}"
    if not card.scores:
        yield "scores", "-"
    for source in card.sources or ("-",):
        yield "source", known.sources.get(source, source)


def _heads(shape: Shape) -> str:
    heads = f"{_number(shape.heads)} heads"
    return heads if shape.kv_heads in (None, shape.heads) else f"{heads} ({shape.kv_heads} for keys and values)"


def _few(languages: tuple[str, ...]) -> str:
    """One or two languages by their codes, more by their number."""
    return " ".join(languages) or "-" if len(languages) <= 2 else str(len(languages))


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def described(found: Found, known: Catalog) -> dict[str, object]:
    """A model as plain values for JSON; null for what is not known."""
    import msgspec

    facts: dict[str, object] = msgspec.to_builtins(found.card)
    place = {"at_hand": found.at_hand or None, "downloads": found.downloads, "gated": found.gated}
    return facts | {"kind": known.kind(found.card), "tasks": list(known.tasks(found.card))} | place
