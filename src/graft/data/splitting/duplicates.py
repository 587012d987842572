"""When two texts count as the same: equal after Unicode NFKC, case folding, and with punctuation and spaces evened out
and invisible characters left out.

Such texts must not lie on two sides of a split: a model that has seen one has seen the other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]


class _Spaced(dict[int, str]):
    """Each character by its code: punctuation (Unicode categories P*) as a space, what only formats (Cf: zero-width
    spaces and joiners, soft hyphens) as nothing. Symbols and emoji stay: they carry meaning. Looked up when it is first
    met, as all of Unicode takes a quarter of a second."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        category = unicodedata.category(letter)
        self[code] = found = "" if category == "Cf" else " " if category.startswith("P") else letter
        return found


_SPACED = _Spaced()


def normalise(text: str) -> str:
    """The form in which duplicates are compared. A text of punctuation only keeps it, so that `?` differs from `!`."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.translate(_SPACED).split()) or " ".join(folded.split())


def duplicate_keys(texts: Sequence[str]) -> Keys:
    """A 64-bit hash (BLAKE2b) of each text's normalised form. Two of a million texts clash by chance once in 40 million
    files."""
    keys = np.empty(len(texts), np.uint64)
    for row, text in enumerate(texts):
        form = normalise(text).encode("utf-8", "surrogatepass")
        keys[row] = int.from_bytes(blake2b(form, digest_size=8).digest(), "little")
    return keys


def count_duplicates(keys: Keys) -> int:
    """Rows whose normalised text occurs in another row as well."""
    _, counts = np.unique(keys, return_counts=True)
    return int(counts[counts > 1].sum())


def count_conflicts(keys: Keys, labels: NDArray[np.int32]) -> tuple[int, int]:
    """(texts, rows): normalised texts that occur with more than one label, and the rows that they stand in."""
    order = np.lexsort((labels, keys))
    keys, labels = keys[order], labels[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    counts = np.diff(np.r_[starts, len(keys)])
    mixed = labels[starts] != labels[starts + counts - 1]  # sorted: the first differs from the last
    return int(mixed.sum()), int(counts[mixed].sum())
