"""Long token rows cut into windows that a model can read, so that each token is asked for exactly once.

A document's tokens t0 t1 t2 … are a chain: each is predicted from those before it, t0 is given. A window repeats some
of the tokens before it as context, for which it is not asked again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.data.tokens.tokens import Tokens

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows over documents. All arrays have one entry per window."""

    tokens: Tokens  # one row per window, its context included
    fresh: Integers  # the place in its window of the first token that it is asked for; at least 1
    documents: Integers  # the document that it is cut from
    begins: Integers  # where its first token stands in the flat array of the documents' tokens

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def asked(self) -> Integers:
        """How many tokens each window is asked for."""
        asked: Integers = self.tokens.lengths - self.fresh
        return asked


def windows(documents: Tokens, size: int, context: int = 1) -> Windows:
    """Windows of at most `size` tokens; all but a document's first repeat the last `context` tokens before them.

    With `context = 1` nothing is repeated but the one token that the first prediction needs: for training. More
    context costs more passes and makes fairer numbers, as no token is predicted from too little: for scoring.
    A document of fewer than two tokens asks for nothing and gives no window. Raises ValueError for a context that
    leaves a window nothing to ask for.
    """
    if not 1 <= context < size:
        raise ValueError(f"a context of {context} tokens does not fit a window of {size}")
    starts: list[Integers] = []
    stops: list[Integers] = []
    fresh: list[Integers] = []
    owners: list[Integers] = []
    for document, (begin, end) in enumerate(
        zip(documents.starts[:-1].tolist(), documents.starts[1:].tolist(), strict=True)
    ):
        if end - begin < 2:
            continue
        asked_from = np.concatenate(([begin + 1], np.arange(begin + size, end, size - context)))
        starts.append(np.maximum(asked_from - context, begin))
        stops.append(np.minimum(np.concatenate((asked_from[1:], [end])), end))
        fresh.append(asked_from - starts[-1])
        owners.append(np.full(len(asked_from), document))
    if not starts:
        none = np.zeros(0, np.int64)
        return Windows(Tokens(np.zeros(0, np.int32), np.zeros(1, np.int64)), none, none, none)
    first, last = np.concatenate(starts), np.concatenate(stops)
    return Windows(_rows(documents, first, last), np.concatenate(fresh), np.concatenate(owners), first)


def _rows(tokens: Tokens, first: Integers, last: Integers) -> Tokens:
    lengths = last - first
    starts = np.concatenate(([0], np.cumsum(lengths)))
    places = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths) + np.repeat(first, lengths)
    return Tokens(tokens.ids[places], starts)
