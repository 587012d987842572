"""How a split's rows lie in the token rows that a model reads: one each, or several windows.

Where a head reads tokens, `words` and `sites` say which of them speak for what: for the words of a text, or for the
tokens of a context in which answers are looked for (then `chars` says which characters each of these is).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graft.data.spans import bounds_of, taken

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """The windows of row i are those from bounds[i] to bounds[i + 1]; `starts` are those of `Tokens`."""

    bounds: Ints  # (rows + 1,)
    starts: Ints  # (windows + 1,)
    words: Ints | None = None  # (rows + 1,): the words of row i, for a head that reads tokens
    sites: Ints | None = None  # (words,): the flat place of the token that speaks for each word; -1: none does
    chars: NDArray[np.int32] | None = None  # (words, 2): the characters that each stands for; None: not needed
    longest: int = 0  # the most words of an answer

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def lengths(self) -> Ints:
        """Tokens of each row over all its windows."""
        lengths: Ints = np.diff(self.starts[self.bounds])
        return lengths

    @property
    def spoken(self) -> NDArray[np.bool_]:
        """Whether a token speaks for each word: the limit may have cut it, or the tokenizer drop its characters."""
        assert self.sites is not None, "rows that are read as a whole have no words"
        return self.sites >= 0

    def only(self, kept: NDArray[np.bool_]) -> Layout:
        """The layout of the words that are kept."""
        assert self.words is not None
        assert self.sites is not None
        words = bounds_of(kept)[self.words]
        return replace(
            self, words=words, sites=self.sites[kept], chars=None if self.chars is None else self.chars[kept]
        )

    def take(self, rows: Ints) -> Layout:
        """The layout of these rows, in this order, where their windows are taken as well."""
        bounds, windows = taken(self.bounds, rows)
        starts, _ = taken(self.starts, windows)
        if self.words is None or self.sites is None:
            return Layout(bounds, starts)
        words, chosen = taken(self.words, rows)
        moved = np.repeat(starts[bounds[:-1]] - self.starts[self.bounds[:-1]][rows], np.diff(words))
        sites = np.where(self.sites[chosen] >= 0, self.sites[chosen] + moved, -1)
        chars = None if self.chars is None else self.chars[chosen]
        return Layout(bounds, starts, words, sites, chars, self.longest)
