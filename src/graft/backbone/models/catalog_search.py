"""Filter, merge and sort models, wherever they were found: in the catalogue, on this machine, on the hub."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from graft.backbone.models.catalog import Card, Catalog

SORTS = ("size", "year", "score", "name")
OTHER_WORDS = {  # that one may search a domain by
    "biomedicine": "biomedical medical",
    "medicine": "medical clinical",
    "finance": "financial",
    "law": "legal",
    "science": "scientific",
    "sentences": "embeddings",
    "tweets": "twitter",
}
MANY = 8  # more languages than this are not written out


@dataclass(frozen=True, slots=True)
class Found:
    """A model, and where it is."""

    card: Card
    at_hand: str = ""  # its folder on this machine
    downloads: int | None = None  # in the last 30 days, as the hub counts them
    gated: bool = False  # whether its terms must be accepted first


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a model must be like; None and () ask for nothing."""

    words: tuple[str, ...] = ()
    task: str | None = None
    language: str | None = None  # ISO 639 code
    licence: str | None = None  # as the hub writes it, such as "apache-2.0"
    family: str | None = None  # transformers' model_type
    max_parameters: int | None = None


def suits(card: Card, wanted: Wanted, known: Catalog) -> bool:
    """Whether a model is known to be as wanted: a fact that is not known suits no filter."""
    text, largest, parameters = _text(card, known), wanted.max_parameters, card.shape.parameters
    return (
        (wanted.task is None or wanted.task in known.tasks(card))
        and (wanted.language is None or wanted.language in card.languages)
        and wanted.licence in (None, card.licence)
        and wanted.family in (None, card.family)
        and (largest is None or (parameters is not None and parameters <= largest))
        and all(word.lower() in text for word in wanted.words)
    )


def contradicts(card: Card, wanted: Wanted) -> bool:
    """Whether what is known of a model's licence, family or size speaks against it."""
    return (
        (card.licence is not None and wanted.licence not in (None, card.licence))
        or (card.family is not None and wanted.family not in (None, card.family))
        or (wanted.max_parameters is not None and (card.shape.parameters or 0) > wanted.max_parameters)
    )


def _text(card: Card, known: Catalog) -> str:
    """What search words are looked for in."""
    languages = [known.names.get(code, code) for code in card.languages]
    spoken = languages if len(languages) <= MANY else ["multilingual"]
    domain = f"{card.domain} {OTHER_WORDS.get(card.domain, '')}"
    return " ".join((card.name, card.family or "", known.kind(card) or "", domain, *spoken)).lower()


def chosen(every: Iterable[Found], listed: Iterable[Found], wanted: Wanted, known: Catalog) -> list[Found]:
    """Those that are as wanted, and those that the hub listed as such unless a known fact contradicts."""
    names = {entry.card.name.lower() for entry in listed}
    return [
        entry
        for entry in every
        if suits(entry.card, wanted, known)
        or (entry.card.name.lower() in names and not contradicts(entry.card, wanted))
    ]


def unmet(cards: Iterable[Card], wanted: Wanted, known: Catalog) -> str | None:
    """The field of `wanted` that no model meets even when it alone is asked for; None where each is met by some."""
    pool = list(cards)
    for field in dataclasses.fields(Wanted):
        alone: Any = {field.name: getattr(wanted, field.name)}
        if alone[field.name] and not any(suits(card, Wanted(**alone), known) for card in pool):
            return field.name
    return None


def merged(found: Iterable[Found], known: Catalog) -> list[Found]:
    """One entry per model. What is said first holds, the catalogue before all; later entries fill what is missing."""
    by_name: dict[str, Found] = {}
    for entry in found:
        card = known.get(entry.card.name)
        filled = dataclasses.replace(entry, card=_filled(card, entry.card)) if card else entry
        name = filled.card.name.lower()
        by_name[name] = _joined(by_name[name], filled) if name in by_name else filled
    return list(by_name.values())


def _joined(first: Found, second: Found) -> Found:
    return Found(
        card=_filled(first.card, second.card),
        at_hand=first.at_hand or second.at_hand,
        downloads=second.downloads if first.downloads is None else first.downloads,
        gated=first.gated or second.gated,
    )


def _filled(card: Card, other: Card) -> Card:
    """The card with what it lacks taken from another card of the same model."""
    if card == other:
        return card
    lacking = {
        name: getattr(other, name) for name in ("family", "year", "licence", "languages") if not getattr(card, name)
    }
    shape = {
        field.name: getattr(other.shape, field.name)
        for field in dataclasses.fields(card.shape)
        if getattr(card.shape, field.name) is None
    }
    weights = (card.safetensors, other.safetensors)
    return dataclasses.replace(
        card,
        safetensors=next((one for one in (True, False) if one in weights), None),
        shape=dataclasses.replace(card.shape, **shape),
        sources=tuple(dict.fromkeys((*card.sources, *other.sources))),
        **lacking,
    )


def ordered(found: Iterable[Found], by: str | None = None) -> list[Found]:
    """Sorted: small, new, high-scoring first, or by name; what is not known comes last.

    Without `by`, those at hand come first, then those that the hub counts downloads of, then by size.
    """
    keys: dict[str | None, Callable[[Found], tuple[Any, ...]]] = {
        "size": lambda entry: _last_if_none(entry.card.shape.parameters),
        "year": lambda entry: _last_if_none(entry.card.year, -1),
        "score": lambda entry: _last_if_none(entry.card.score(), -1),
        "name": lambda entry: (entry.card.short.lower(),),
        None: lambda entry: (
            not entry.at_hand,
            *_last_if_none(entry.downloads, -1),
            *_last_if_none(entry.card.shape.parameters),
        ),
    }
    return sorted(found, key=lambda entry: (*keys[by](entry), entry.card.short.lower(), entry.card.name.lower()))


def _last_if_none(value: float | None, sign: int = 1) -> tuple[bool, float]:
    return value is None, sign * (value or 0)
