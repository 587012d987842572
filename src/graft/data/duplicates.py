"""When two texts count as the same: equal after Unicode NFKC, case folding, and with punctuation and spaces evened out.

Such texts must not lie on two sides of a split: a model that has seen one has seen the other.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]


@cache
def _punctuation() -> dict[int, str]:
    """Every punctuation character (Unicode categories P*) to a space. Symbols and emoji stay: they carry meaning."""
    return {code: " " for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("P")}


def normalise(text: str) -> str:
    """The form in which duplicates are compared. A text of punctuation only keeps it, so that `?` differs from `!`."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.translate(_punctuation()).split()) or " ".join(folded.split())


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
