"""Tags on words and the names that they mark, by the rules of conlleval (Tjong Kim Sang and De Meulder 2003).

Any mixture of IOB1, IOB2, BIOES and BILOU is read by one rule, to which all of that script's chunk boundaries come
down: a word goes on with the name of the word before it when it is tagged I or E, the word before it B or I, and both
with the same type. Any other word that is not O begins a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.data.spans import Spans, bounds_of

OUTSIDE = "O"
BEGINS = "BSU"  # U and L are what BILOU calls S and E
GOES_ON = "IEL"
Chunk = tuple[int, int, str]  # first word, one past the last, type


@dataclass(frozen=True, slots=True)
class Tagset:
    """The tags that a model gives to words.

    `joined`: names of several words, in IOB2 (`O`, `B-x`, `I-x` for each type); else every word has a type of its own,
    as in part-of-speech tagging.
    """

    types: tuple[str, ...]
    joined: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The tags by their codes."""
        if not self.joined:
            return self.types
        return (OUTSIDE, *(f"{prefix}-{kind}" for kind in self.types for prefix in "BI"))

    @property
    def outside(self) -> int:
        """The code of a word that is in no name: that of `O`, or -1 where each word has a type."""
        return 0 if self.joined else -1

    def encode(self, spans: Spans, words: Spans) -> NDArray[np.int32]:
        """The tag code of each word. A word that a span covers in part is inside; where two do, the first one counts.

        spans: codes into `types`; those of a row do not overlap.
        """
        codes = np.full(len(words.starts), self.outside, np.int32)
        for row in np.flatnonzero(spans.counts):
            first, last = int(words.bounds[row]), int(words.bounds[row + 1])
            starts, ends = words.starts[first:last], words.ends[first:last]
            taken = 0
            for start, end, kind in spans.of(int(row)):
                low = max(taken, int(np.searchsorted(ends, start, side="right")))
                high = int(np.searchsorted(starts, end, side="left"))
                if low < high:
                    codes[first + low : first + high] = 2 * kind + 2 if self.joined else kind
                    codes[first + low] = 2 * kind + 1 if self.joined else kind
                    taken = high
        return codes

    def decode(self, codes: NDArray[np.int32], words: Spans) -> Spans:
        """The names that these tag codes mark, one code per word, read by conlleval's rule."""
        if not self.joined:
            kinds, begins, goes_on = codes, codes >= 0, np.zeros(len(codes), np.bool_)
        else:
            kinds, marked = (codes - 1) // 2, codes > 0
            goes_on = np.zeros(len(codes), np.bool_)
            goes_on[1:] = marked[1:] & (codes[1:] % 2 == 0) & marked[:-1] & (kinds[1:] == kinds[:-1])
            goes_on[words.bounds[:-1][words.counts > 0]] = False
            begins = marked & ~goes_on
        firsts = np.flatnonzero(begins)
        stops = np.flatnonzero(~np.append(goes_on[1:], False))  # places after which no name goes on
        lasts = stops[np.searchsorted(stops, firsts)] if len(firsts) else firsts
        counts = np.bincount(words.rows[firsts], minlength=len(words)) if len(firsts) else np.zeros(len(words), int)
        return Spans(bounds_of(counts), words.starts[firsts], words.ends[lasts], kinds[firsts].astype(np.int32))


def tagset_of(names: Sequence[str]) -> Tagset:
    """The tagset whose tags are called so."""
    types = tuple(name[2:] for name in names[1::2])
    joined = Tagset(types)
    return joined if joined.names == tuple(names) else Tagset(tuple(names), joined=False)


def parts(tag: str) -> tuple[str, str]:
    """(prefix, type) of a tag: ("B", "PER"); ("O", "") outside. A tag without a known prefix is a type alone, ""."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, dash, kind = tag.partition("-")
    return (prefix, kind) if dash and kind and len(prefix) == 1 and prefix in BEGINS + GOES_ON else ("", tag)


def chunks(tags: Sequence[str]) -> list[Chunk]:
    """The names that a sentence's tags mark. A tag without a prefix is a name of its own."""
    found: list[Chunk] = []
    before, type_before = OUTSIDE, ""
    for place, tag in enumerate(tags):
        prefix, kind = parts(tag)
        if prefix in ("I", "E", "L") and before in ("B", "I") and kind == type_before:
            found[-1] = (found[-1][0], place + 1, kind)
        elif prefix != OUTSIDE:
            found.append((place, place + 1, kind))
        before, type_before = prefix, kind
    return found


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a file's tags are written."""

    name: str  # "IOB2", "IOB1", "BIOES", "BILOU", "words" (no prefixes), "O" (no names) or "mixed"
    loose: int = 0  # names that begin with I- or E- where the scheme has B- for it
    strange: tuple[str, ...] = ()  # tags without a prefix among tags that have one


def scheme_of(sentences: Iterable[Sequence[str]]) -> Scheme:
    """Which scheme the tags are written in, as far as they tell."""
    seen: Counter[str] = Counter()
    strange: dict[str, None] = {}
    inside_first = begin_first = 0
    for tags in sentences:
        before, type_before = OUTSIDE, ""
        for tag in tags:
            prefix, kind = parts(tag)
            seen[prefix] += 1
            if not prefix:
                strange[tag] = None
            goes_on = before in ("B", "I") and kind == type_before
            inside_first += prefix in ("I", "E", "L") and not goes_on
            begin_first += prefix == "B" and not goes_on
            before, type_before = prefix, kind
    marked = sum(count for prefix, count in seen.items() if prefix not in (OUTSIDE, ""))
    if not marked:
        return Scheme("words" if strange else "O")
    if strange:
        return Scheme("mixed", strange=tuple(strange))
    if seen["U"] or seen["L"]:
        return Scheme("BILOU", inside_first)
    if seen["S"] or seen["E"]:
        return Scheme("BIOES", inside_first)
    if inside_first and not begin_first:
        return Scheme("IOB1")
    return Scheme("IOB2", inside_first)
