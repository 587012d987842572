"""From names to models that can be compared: what was named, or what is at hand. Opens no socket for what is at hand.

A model that cannot be one is skipped with its reason; one bad folder must not keep the others from being compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graft.backbone import at_hand, hub
from graft.backbone.catalog import Card, catalog
from graft.backbone.hub import Located, of_depth
from graft.errors import GraftError
from graft.files import at_home
from graft.records import Unranked

BYTES = 4  # of a parameter in fp32
COPIES = 2.5  # of the weights while a model is loaded and read: the file's, the model's, one in bf16


@dataclass(frozen=True, slots=True)
class Named:
    """A model to compare: as a person names it, and the only depth that was asked for (None: every depth)."""

    name: str
    depth: int | None = None


def named(names: Sequence[str]) -> list[Named]:
    """What was named, each model once: a folder of models stands for each of them, `model@k` for that depth alone.

    The same model named twice, or whole and at a depth, is one candidate with all that was asked of it.
    """
    found: dict[str, Named] = {}
    for name in names:
        whole, depth = of_depth(name)
        for one in _inside(whole):
            known = found.get(one)
            found[one] = Named(one, depth if known is None or known.depth == depth else None)
    return list(found.values())


def _inside(name: str) -> list[str]:
    """The models of a folder that is none itself; else the name."""
    folder = at_home(name)
    if name == hub.EMBEDDED or not folder.is_dir() or (folder / "config.json").exists():
        return [name]
    return [entry.card.name for entry in at_hand.in_folder(folder)] or [name]


def local() -> list[Named]:
    """The embedded model and those in the hub's cache."""
    embedded = [Named(hub.EMBEDDED)] if at_hand.embedded() else []
    return [*embedded, *(Named(entry.card.name) for entry in at_hand.cached())]


@dataclass(frozen=True, slots=True)
class Found:
    """A model whose files are here, and what they and the catalogue tell."""

    named: Named
    located: Located
    card: Card


def located(wanted: Sequence[Named], free: int) -> Iterator[Found | Unranked]:
    """Each model's files, or why it is skipped. `free`: bytes of memory that are there (0: not known).

    A hub model that is not at hand is downloaded.
    """
    for one in wanted:
        try:
            place = hub.locate(one.name)
        except GraftError as error:
            yield Unranked(one.name, error.found)
            continue
        card = _card(place)
        need = int((card.shape.parameters or 0) * BYTES * COPIES)
        if free and need > free:
            yield Unranked(
                one.name, f"it needs about {need / 2**30:.1f} GiB of memory, {free / 2**30:.1f} GiB are free"
            )
            continue
        yield Found(one, place, card)


def _card(place: Located) -> Card:
    """What the files tell, with the licence and the published scores that the catalogue has for a known model."""
    name = at_hand.EMBEDDED_NAME if place.source == "embedded" else place.name
    card = at_hand.card_of(place.folder, name) or Card(name, None)
    known = catalog().get(name)
    if known is None or place.source == "folder":
        return card
    return dataclasses.replace(card, licence=known.licence, scores=known.scores, languages=known.languages)
