"""Choosing held-out rows: every class in its share, texts that count as the same on one side, the same for one seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graft.data.splitting.duplicates import Keys

Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]


def targets(per_class: Counts, rows: int) -> Counts:
    """How many of `rows` held-out rows each class gives, by largest remainder; each class keeps a row.

    Every count is its exact share rounded down or up, unless classes of one row leave the others more to give.
    """
    shares = per_class * (rows / max(1, int(per_class.sum())))
    counts: Counts = np.minimum(np.floor(shares).astype(np.int64), np.maximum(per_class - 1, 0))
    room = np.maximum(per_class - 1, 0) - counts
    order = np.lexsort((np.arange(len(shares)), -(shares - np.floor(shares))))
    while (missing := rows - int(counts.sum())) > 0 and room.any():
        given = [place for place in order if room[place] > 0][:missing]
        counts[given] += 1
        room[given] -= 1
    return counts


def held_out(keys: Keys, labels: NDArray[np.int32], rows: int, generator: np.random.Generator) -> Mask:
    """True for about `rows` rows to hold out.

    Rows with equal keys move together. Groups of several rows are drawn first, each with the probability of the share
    and only while its classes still have that much to give; single rows then fill each class's count exactly. Where a
    class has too few single rows, more groups are tried; what does not fit stays in train.
    """
    per_class = np.bincount(labels).astype(np.int64)
    left = targets(per_class, rows)
    kept = np.zeros(len(keys), np.bool_)
    _, group, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    several = sizes[group] > 1
    groups = _members(group, np.flatnonzero(several))
    generator.shuffle(groups)
    drawn = generator.random(len(groups)) < rows / max(1, len(keys))
    for members, is_drawn in zip(groups, drawn, strict=True):
        if is_drawn:
            _take_if_fits(members, labels, left, kept)
    singles = generator.permutation(np.flatnonzero(~several))
    for code in np.flatnonzero(left):
        chosen = singles[labels[singles] == code][: left[code]]
        kept[chosen] = True
        left[code] -= len(chosen)
    for members, is_drawn in zip(groups, drawn, strict=True):
        if not left.any():
            break
        if not is_drawn:
            _take_if_fits(members, labels, left, kept)
    return kept


def _members(group: NDArray[np.int64], rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows of each group, groups in order of their key."""
    if not len(rows):
        return []
    order = rows[np.argsort(group[rows], kind="stable")]
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def _take_if_fits(members: NDArray[np.int64], labels: NDArray[np.int32], left: Counts, kept: Mask) -> None:
    codes, counts = np.unique(labels[members], return_counts=True)
    if (counts <= left[codes]).all():
        left[codes] -= counts
        kept[members] = True
