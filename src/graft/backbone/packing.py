"""Token rows packed into the lines of a causal model's batch without waste, each as if it stood alone.

Rows that share a line are kept apart by their positions, which restart at 0 with each row: without an attention mask
and without a cache, the library reads a block-diagonal mask off them (transformers' `find_packed_sequence_indices`).
A line that holds one row needs no mask at all, as nothing in a causal model looks to the right, where padding is.

Shapes: index_BT, positions_BT and targets_BT are int64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.vocabulary import IGNORED
from graft.data.tokens.tokens import Tokens

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Packed:
    """Some rows as lines of one batch."""

    index_BT: Tensor  # where each token stands among those of the given rows, in order; 0 where there is padding
    ids_BT: Tensor
    positions_BT: Tensor | None  # None: one row per line, from its first place on
    targets_BT: Tensor  # the next token's id; IGNORED where none is asked for
    owner_BT: Tensor  # the row that each token is of, by its number among those given; -1 where there is padding

    @property
    def places(self) -> int:
        """Places in all lines, padding included."""
        return self.index_BT.numel()


def pack(tokens: Tokens, fresh: Integers, rows: Integers, size: int) -> Packed:
    """The chosen rows of `tokens`, none longer than `size`, packed into lines of at most `size` places.

    `fresh`: for every row of `tokens`, the place of the first token that it is asked for. Raises ValueError for a row
    that does not fit.
    """
    chosen = tokens.take(rows)
    lengths = chosen.lengths
    lines = bins(lengths.tolist(), size)
    width = max((int(lengths[line].sum()) for line in lines), default=1)
    index, positions = (np.zeros((len(lines), width), np.int64) for _ in range(2))
    targets = np.full((len(lines), width), IGNORED, np.int64)
    owner = np.full((len(lines), width), -1, np.int64)
    for number, line in enumerate(lines):
        place = 0
        for row in line:
            start, length, first = int(chosen.starts[row]), int(lengths[row]), int(fresh[rows[row]])
            index[number, place : place + length] = np.arange(start, start + length)
            positions[number, place : place + length] = np.arange(length)
            owner[number, place : place + length] = row
            targets[number, place + first - 1 : place + length - 1] = chosen.ids[start + first : start + length]
            place += length
    ids = chosen.ids[index] if len(chosen.ids) else index
    apart = any(len(line) > 1 for line in lines)
    return Packed(
        torch.from_numpy(index),
        torch.from_numpy(ids.astype(np.int64)),
        torch.from_numpy(positions) if apart else None,
        torch.from_numpy(targets),
        torch.from_numpy(owner),
    )


def bins(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Numbers of rows in bins of at most `size`: first-fit decreasing, at most 11/9 of the fewest bins possible
    (Johnson 1973). Raises ValueError for a row that is longer than a bin."""
    if max(lengths, default=0) > size:
        raise ValueError(f"a row of {max(lengths)} tokens does not fit a line of {size}")
    found: list[list[int]] = []
    room: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        fits = next((number for number, left in enumerate(room) if left >= lengths[row]), None)
        if fits is None:
            found.append([row])
            room.append(size - lengths[row])
        else:
            found[fits].append(row)
            room[fits] -= lengths[row]
    return found
