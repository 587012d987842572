"""Rows put together for a forward pass: like lengths together, under a budget of padded tokens.

Shapes: ids_BT and mask_BT are int64; mask_BT is None when nothing is padded, which spares the attention its mask.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.data.tokens.tokens import Tokens
from graft.machine import is_out_of_memory, sent

Order = NDArray[np.int64]


def batch_tokens_for(device: str) -> int:
    """Padded tokens of a forward pass without gradients: what fits the caches of a small CPU; a GPU takes more."""
    return 4096 if device == "cpu" else 32768


def padding_for(device: str) -> int:
    """Tokens of padding in such a pass from which on another pass costs less: a GPU takes long to be told of one."""
    return 128 if device == "cpu" else 8192


def by_length(lengths: NDArray[np.int64], tokens: int, rows: int = 1024, padding: int | None = None) -> Iterator[Order]:
    """Batches for inference: longest first (so that memory peaks at once), at most `tokens` padded tokens each, and at
    most `padding` tokens of padding (None: as it comes)."""
    order = np.argsort(-lengths, kind="stable")
    falling, start = lengths[order], 0
    while start < len(order):
        longest = max(int(falling[start]), 1)
        size = max(1, min(rows, tokens // longest))
        if padding is not None:
            padded = np.cumsum(longest - falling[start : start + size])
            size = max(1, int(np.searchsorted(padded, padding, side="right")))
        yield order[start : start + size]
        start += size


def shuffled(lengths: NDArray[np.int64], rows: int, rng: np.random.Generator, bucket: bool = True) -> list[Order]:
    """Batches of `rows` rows for one epoch of training, in random order.

    With `bucket`, rows are sorted by length with ties broken at random, cut into batches, and the batches shuffled:
    little padding, and yet every epoch has other batches.
    """
    noise = rng.random(len(lengths))
    order = np.lexsort((noise, lengths)) if bucket else np.argsort(noise)
    batches = [order[start : start + rows] for start in range(0, len(order), rows)]
    rng.shuffle(batches)
    return batches


def in_halves(rows: Order, work: Callable[[Order], None]) -> None:
    """Do work that needs no neighbours on some rows: where memory is short, on halves of them. Raises MemoryError."""
    try:
        work(rows)
        return
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    if len(rows) == 1:
        raise MemoryError
    gc.collect()
    for half in np.array_split(rows, 2):
        in_halves(half, work)


def parts(batch: Order, lengths: NDArray[np.int64], tokens: int) -> list[Order]:
    """A batch in parts of at most `tokens` padded tokens each, for gradient accumulation."""
    longest = max(int(lengths[batch].max()), 1)
    size = max(1, tokens // longest)
    return [batch[start : start + size] for start in range(0, len(batch), size)]


@dataclass(frozen=True, slots=True)
class Widths:
    """Which widths a batch may have: multiples of `step`, and anything from `limit` on."""

    step: int = 1
    limit: int = 0

    def above(self, longest: int) -> int:
        """The least of them that holds the longest row."""
        return max(longest, min(-(-longest // self.step) * self.step, self.limit))


class Collator:
    """Token rows as padded tensors on a device."""

    def __init__(self, tokens: Tokens, pad: int, device: str | torch.device, widths: Widths = Widths()) -> None:
        self._ids = torch.from_numpy(np.ascontiguousarray(tokens.ids, dtype=np.int32))
        self._starts = torch.from_numpy(tokens.starts)
        self._firsts = None if tokens.firsts is None else torch.from_numpy(tokens.firsts)
        self._pad = pad
        self._device = device
        self._widths = widths

    def __call__(self, rows: Order) -> tuple[Tensor, Tensor | None]:
        """ids_BT and mask_BT of these rows."""
        index_BT, mask_BT = self.positions(rows)
        if len(self._ids) == 0:
            return torch.full(index_BT.shape, self._pad, device=self._device), mask_BT
        ids_BT = self._ids[index_BT].long()
        if mask_BT is None:
            return sent(ids_BT, self._device), None
        ids_BT.masked_fill_(mask_BT == 0, self._pad)
        return sent(ids_BT, self._device), sent(mask_BT, self._device)

    def types(self, rows: Order, length: int) -> Tensor | None:
        """types_BT of these rows of pairs, `length` tokens wide: 0 for tokens of the first text, 1 for the second's.

        None where the rows are no pairs.
        """
        if self._firsts is None:
            return None
        firsts_B1 = self._firsts[torch.from_numpy(rows)].unsqueeze(1)
        return sent((torch.arange(length).unsqueeze(0) >= firsts_B1).long(), self._device)

    def positions(self, rows: Order) -> tuple[Tensor, Tensor | None]:
        """Where the tokens of these rows are in the flat array (index_BT), and their mask_BT."""
        chosen = torch.from_numpy(rows)
        starts_B1 = self._starts[chosen].unsqueeze(1)
        lengths_B1 = (self._starts[chosen + 1] - self._starts[chosen]).unsqueeze(1)
        width = self._widths.above(max(int(lengths_B1.max()), 1))
        offsets_1T = torch.arange(width).unsqueeze(0)
        if bool((lengths_B1 == width).all()):
            return starts_B1 + offsets_1T, None
        mask_BT = offsets_1T < lengths_B1
        return torch.where(mask_BT, starts_B1 + offsets_1T, 0), mask_BT.long()
