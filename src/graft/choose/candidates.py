"""From names to models that can be compared: what was named, or what is at hand. Opens no socket for what is at hand.

A model that cannot be one is skipped with its reason; one bad folder must not keep the others from being compared.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graft.backbone.models import at_hand, hub
from graft.backbone.models.catalog import Card, catalog
from graft.backbone.models.hub import Located, of_depth
from graft.errors import GraftError, refusal
from graft.files import at_home
from graft.records import Unranked
from graft.report import words

BYTES = 4  # of a parameter in fp32
COPIES = 2.5  # of the weights while a model is loaded and read: the file's, the model's, one in bf16


@dataclass(frozen=True, slots=True)
class Named:
    """A model to compare: as a person names it, and the only depths that were asked for (none: every depth)."""

    name: str
    depths: tuple[int, ...] = ()  # rising


def named(names: Sequence[str | Path]) -> list[Named]:
    """What was named, each model once: a folder of models stands for each of them, `model@k` for that depth alone.

    The same model named twice, or whole and at a depth, is one candidate with all that was asked of it.
    """
    found: dict[str, set[int | None]] = {}
    for name in names:
        whole, depth = of_depth(os.fspath(name))
        for one in _inside(whole):
            found.setdefault(one, set()).add(depth)
    return [Named(one, _asked(depths)) for one, depths in found.items()]


def _asked(depths: set[int | None]) -> tuple[int, ...]:
    """The depths that were asked for; none, which is all of them, where the whole was named too."""
    return () if None in depths else tuple(sorted(depth for depth in depths if depth is not None))


def compared(wanted: Sequence[Named]) -> str:
    """What is compared, in a sentence."""
    many, some = len(wanted) > 1, sum(bool(one.depths) for one in wanted)
    how = "at the depths that were named" if some else "at every depth"
    if 0 < some < len(wanted):
        how = "at every depth, or at those that were named"
    return f"Comparing {words.plural(len(wanted), 'model')}{', each' if many else ''} {how}."


def is_one(wanted: Sequence[Named]) -> bool:
    """Whether there is but one candidate, so that there can be no race."""
    return len(wanted) == 1 and len(wanted[0].depths) == 1


def _inside(name: str) -> list[str]:
    """What a folder that is no model itself holds that has a configuration, able to serve or not; else the name."""
    folder = at_home(name)
    if name == hub.EMBEDDED or not folder.is_dir() or (folder / "config.json").exists():
        return [name]
    members = sorted(path for path in folder.iterdir() if os.path.isfile(path / "config.json"))
    return [_as_path(path) for path in members] or [name]


def _as_path(path: Path) -> str:
    """A path that cannot be taken for a hub model's name."""
    return str(path) if path.is_absolute() or str(path).startswith(".") else f"./{path}"


def reason(error: GraftError, name: str) -> str:
    """Why a candidate is skipped and what would help, to stand behind its name: without that name, or a full stop."""
    found = error.found.removeprefix(f"{name} ")
    if os.path.isdir(name):  # whose paths may be told in another form
        for spelt in (name, str(Path(name)), os.path.realpath(name)):
            found = re.sub(rf"(?<!\S){re.escape(spelt + os.sep)}", "", found.removeprefix(f"{spelt} "))
    parts = (found.rstrip("."), error.remedy.rstrip("."))
    return " → ".join(part for part in parts if part)


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
            yield Unranked(one.name, reason(error, one.name))
            continue
        except OSError as error:
            yield Unranked(one.name, f"its files cannot be read: {refusal(error)[0]}")
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
