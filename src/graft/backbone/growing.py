"""Keys and values of the tokens before, in storage with room ahead.

The library's cache joins each new token to all before it, which copies them at every step. Here a step writes its own
token only; storage is made anew once in `AHEAD` steps. Shapes: B rows, H heads, T tokens, D width of a head.
"""

from __future__ import annotations

from torch import Tensor
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer

AHEAD = 128  # tokens that new storage has room for beyond those it must hold


class GrowingLayer(DynamicLayer):
    """One block's keys and values; `keys` and `values` are the filled parts of what is stored."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stored: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Write new tokens (BHTD) behind the others. Returns the keys and values of all."""
        if self.keys is None or self.values is None:
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
            self.keys, self.values = key_states[..., :0, :], value_states[..., :0, :]
        before = self.keys.shape[-2]
        reach = before + key_states.shape[-2]
        if self._stored is None or self._stored[0].shape[-2] < reach:
            self._stored = _roomier(self.keys, reach), _roomier(self.values, reach)
        keys, values = self._stored
        keys[..., before:reach, :] = key_states
        values[..., before:reach, :] = value_states
        self.keys, self.values = keys[..., :reach, :], values[..., :reach, :]
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Go on with these rows; they are copied, into storage without room ahead."""
        super().batch_select_indices(indices)
        self._stored = None


def _roomier(filled: Tensor, reach: int) -> Tensor:
    """Storage for `reach` tokens and AHEAD more that begins with what is filled."""
    stored = filled.new_empty((*filled.shape[:-2], reach + AHEAD, filled.shape[-1]))
    stored[..., : filled.shape[-2], :] = filled
    return stored


def cache_for(config: PreTrainedConfig) -> DynamicCache:
    """An empty cache for a model; blocks that read only the last tokens keep the library's own layers."""
    cache = DynamicCache(config=config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
