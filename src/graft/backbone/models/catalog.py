"""What is known about well-known models of the hub, each fact looked up and its source named.

The facts lie in `catalog.toml`, which a person can read and mend. A fact that was not found is None, never guessed.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

Kind = Literal["encoder", "decoder", "encoder-decoder"]
DATA = Path(__file__).with_name("catalog.toml")
TASKS = ("classify", "pairs", "regress", "tokens", "generate", "embed")
SUITS: dict[Kind, tuple[str, ...]] = {
    "encoder": ("classify", "pairs", "regress", "tokens"),
    "decoder": ("generate", "classify"),
    "encoder-decoder": ("generate", "classify", "pairs", "regress"),
}
WIDER = {"no": "nb"}  # a code of several languages → that which catalogue and hub use for nearly all such texts
COMPARED = "MNLI"  # the score that most papers report, on the development rows as on the test rows


@dataclass(frozen=True, slots=True)
class Score:
    """A published score. `source` is a key of `Catalog.sources`."""

    of: str  # GLUE, MNLI, SST-2, XNLI or "36 tasks": docs/models.md says what each is
    split: Literal["dev", "test"]
    value: float  # in percent
    source: str


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes. For an encoder-decoder `blocks` is the number of either half; `parameters` counts no head."""

    blocks: int | None = None
    width: int | None = None
    heads: int | None = None
    kv_heads: int | None = None  # None: as many as `heads`
    head_width: int | None = None  # None: width / heads
    inner: int | None = None  # width of the feed-forward layers
    embedding: int | None = None  # None: `width`
    vocabulary: int | None = None
    max_tokens: int | None = None  # longest input; for T5, whose positions are relative, the length of pretraining
    parameters: int | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of one model."""

    name: str  # owner/name on the hub
    family: str | None  # transformers' model_type
    year: int | None = None  # of the first release, or of the paper
    licence: str | None = None
    languages: tuple[str, ...] = ()  # ISO 639 codes
    domain: str = "general"  # of the texts that it was pretrained on
    safetensors: bool | None = None  # whether the hub holds such weights
    shape: Shape = Shape()
    scores: tuple[Score, ...] = ()
    sources: tuple[str, ...] = ()  # of the facts other than scores: keys of `Catalog.sources`, or words

    @property
    def short(self) -> str:
        """The name without its owner."""
        return self.name.rsplit("/", 1)[-1]

    def score(self, of: str = COMPARED) -> float | None:
        """A published score: that on the development rows where there is one, else that on the test rows."""
        found = sorted((score.split, score.value) for score in self.scores if score.of == of)
        return found[0][1] if found else None


@dataclass(frozen=True, slots=True)
class Architecture:
    """What all models of a family have in common."""

    kind: Kind
    note: str  # one sentence: what is special about it


@dataclass(frozen=True, slots=True)
class Catalog:
    """All of `catalog.toml`."""

    sources: dict[str, str]
    languages: dict[str, tuple[str, ...]]  # names that stand for many languages
    names: dict[str, str]  # of languages
    architecture: dict[str, Architecture]
    model: tuple[Card, ...]

    def kind(self, card: Card) -> Kind | None:
        """Whether a model is an encoder, a decoder or both; None where its family is not known."""
        known = self.architecture.get(card.family or "")
        return known.kind if known else None

    def tasks(self, card: Card) -> tuple[str, ...]:
        """What a model suits: by its kind, and by what it was trained for."""
        kind = self.kind(card)
        return (SUITS[kind] if kind else ()) + (("embed",) if card.domain == "sentences" else ())

    def language(self, given: str) -> str:
        """The code of a language given by its code or by its English name."""
        codes = {name.lower(): code for code, name in self.names.items()} | WIDER
        return codes.get(given.lower(), given.lower())

    def family(self, given: str) -> str:
        """The family meant by a name whose hyphens and final version may be missing: "deberta" is "deberta-v2"."""
        plain = _plain(given)
        meant = (name for name in self.architecture if plain in (_plain(name), _plain(name).removesuffix("v2")))
        return next(meant, given.lower())

    def get(self, name: str) -> Card | None:
        """The model of a full or short name, whatever the case of its letters."""
        wanted = name.lower()
        return next((card for card in self.model if wanted in (card.name.lower(), card.short.lower())), None)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


@functools.cache
def catalog() -> Catalog:
    """The catalogue that graft brings along."""
    return read(DATA)


def read(path: Path) -> Catalog:
    """A catalogue's file, the names of groups of languages written out. A file that does not fit is a bug."""
    found = msgspec.toml.decode(path.read_bytes(), type=Catalog)
    return dataclasses.replace(found, model=tuple(_with_languages(card, found.languages) for card in found.model))


def _with_languages(card: Card, groups: dict[str, tuple[str, ...]]) -> Card:
    codes = (code for named in card.languages for code in groups.get(named, (named,)))
    return dataclasses.replace(card, languages=tuple(dict.fromkeys(codes)))


def nearest(name: str, names: Iterable[str], count: int = 3) -> list[str]:
    """The full names most like `name`, by their short names or by the whole."""
    by_key: dict[str, str] = {}
    for full in names:
        by_key.setdefault(full.rsplit("/", 1)[-1].lower(), full)
        by_key.setdefault(full.lower(), full)
    close = difflib.get_close_matches(name.lower(), by_key, n=2 * count, cutoff=0.6)
    return list(dict.fromkeys(by_key[key] for key in close))[:count]
