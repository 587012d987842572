"""Token states at one cut, as they lie in the cache: mapped, not copied, and gathered by row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.cache.shelf import Places, Shelf


class Boundary:
    """The token states (count × width) of each row of one extraction."""

    def __init__(self, shelf: Shelf, places: Places, dtype: torch.dtype) -> None:
        """`places`: one for each row, none of them missing."""
        self._shelf = shelf
        self._places = places
        self.dtype = dtype
        self.width = shelf.layout.width

    def __len__(self) -> int:
        return len(self._places.count)

    @property
    def nbytes(self) -> int:
        return int(self._places.count.sum()) * self._shelf.layout.bytes

    def take(self, rows: NDArray[np.int64]) -> Boundary:
        """The states of these rows, in this order."""
        return Boundary(self._shelf, self._places.take(rows), self.dtype)

    def row(self, row: int) -> Tensor:
        """states_TD of one row."""
        return next(self._rows(np.asarray([row])))

    def batch(self, rows: NDArray[np.int64]) -> Tensor:
        """states_BTD of these rows, zeros behind the shorter ones."""
        longest = max(int(self._places.count[rows].max()), 1)
        states_BTD = torch.zeros(len(rows), longest, self.width, dtype=self.dtype)
        for into_TD, states_TD in zip(states_BTD, self._rows(rows), strict=True):
            into_TD[: len(states_TD)] = states_TD
        return states_BTD

    def flat(self, rows: NDArray[np.int64]) -> Tensor:
        """states_ND of these rows, one row's tokens after the other's."""
        return torch.cat([torch.zeros(0, self.width, dtype=self.dtype), *self._rows(rows)])

    def _rows(self, rows: NDArray[np.int64]) -> Iterator[Tensor]:
        for values in self._shelf.rows(self._places.take(rows)):
            yield as_tensor(values, self.dtype)


ON_DISK = {torch.bfloat16: "int16", torch.float32: "float32", torch.float64: "float64"}  # numpy has no bfloat16


def as_tensor(values: NDArray[np.generic], dtype: torch.dtype) -> Tensor:
    """What lies on disk as a tensor of this dtype, sharing memory."""
    tensor = torch.from_numpy(values)
    return tensor.view(dtype) if tensor.dtype != dtype else tensor


def as_array(tensor: Tensor) -> NDArray[np.generic]:
    """A tensor as it goes to disk, sharing memory."""
    return tensor.view(torch.int16).numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()
