"""Documents to train, validation and test: whole documents, drawn by a seed, so that held-out text is really new.

Where documents are few, their chapters are taken for documents; where there are no chapters, stretches of paragraphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
SHARE = 0.1  # of all characters, for validation and for test each
FEWEST = 8  # documents that can be divided as they are
STRETCHES = 20  # that a text without chapters is cut into


@dataclass(frozen=True, slots=True)
class Sides:
    """Positions of documents by split, in their order."""

    train: Integers
    validation: Integers
    test: Integers


def sides(lengths: Integers, groups: Integers, shares: tuple[float, float], seed: int) -> Sides:
    """Draw documents for validation and test until each has its share of all characters; the rest trains.

    `lengths`: characters of each document; `groups`: documents of one group stay together (the same text twice);
    `shares`: of validation and test, 0 for none. A document that would fill more than twice what is wanted is passed
    over while there are others, so that one long novel is not the whole test.
    """
    rng = np.random.default_rng(seed)
    total = int(lengths.sum())
    order = rng.permutation(np.unique(groups))
    sizes = {int(group): int(lengths[groups == group].sum()) for group in order}
    free = [int(group) for group in order]
    drawn: list[list[int]] = []
    for share in reversed(shares):
        chosen = _filled(free, sizes, share * total) if share > 0 else []
        free = [group for group in free if group not in chosen]
        drawn.append(chosen)
    test, validation = (np.flatnonzero(np.isin(groups, chosen)) for chosen in drawn)
    return Sides(np.flatnonzero(np.isin(groups, free)), validation, test)


def _filled(free: Sequence[int], sizes: dict[int, int], wanted: float) -> list[int]:
    """Groups in the order drawn, up to the size wanted; at least one, and at least one is left."""
    chosen: list[int] = []
    filled = 0.0
    for group in free:
        if filled >= 0.9 * wanted or len(chosen) >= len(free) - 1:
            break
        if filled + sizes[group] <= 1.3 * wanted:
            chosen.append(group)
            filled += sizes[group]
    if not chosen and len(free) > 1:
        chosen = [min(free, key=lambda group: sizes[group])]
    return chosen
