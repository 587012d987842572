"""Dropout on a CPU without a random number per element and step.

torch draws dropout's random numbers one after the other on one core, which took a quarter of a training step. Here a
pool of masks is drawn once an epoch, and every use takes a window of it at a random offset: the same rate, the same
independence within a window, and the cost of one multiplication.
"""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import Tensor, nn

ATTENTION = ("dropout", "attn_dropout", "attention_dropout")
QUERIES = ("query", "q_lin", "q", "query_proj", "q_proj", "Wqkv", "c_attn", "query_key_value", "qkv_proj")
POOL = 1 << 22  # mask values; many times a hidden state's size, and within a CPU's last cache


class MaskPool:
    """Masks for one rate: zeros, and 1 / (1 - rate) elsewhere.

    What a window holds follows from the epoch's seed, the pool's size and the step's seed, so that a step can be done
    again exactly.
    """

    def __init__(self, rate: float, dtype: torch.dtype) -> None:
        self.rate = rate
        self._dtype = dtype
        self._values = torch.empty(0, dtype=dtype)
        self._seed = 0
        self._places = random.Random(0)

    @property
    def size(self) -> int:
        """Mask values held."""
        return len(self._values)

    def refill(self, seed: int, size: int = POOL) -> None:
        """Draw the masks of an epoch; a `size` above the usual is that of an epoch that goes on."""
        self._seed = seed
        self._draw(max(size, POOL))
        self.at_step(seed)

    def at_step(self, seed: int) -> None:
        """Windows come from places that follow from this seed."""
        self._places.seed(seed)

    def window(self, size: int) -> Tensor:
        """`size` mask values from a random place in the pool."""
        if 2 * size > len(self._values):
            self._draw(4 * size)
        place = self._places.randrange(len(self._values) - size)
        return self._values[place : place + size]

    def _draw(self, size: int) -> None:
        kept = np.random.default_rng((self._seed, size)).random(size, dtype=np.float32) >= self.rate
        self._values = torch.from_numpy(kept).to(self._dtype).div_(1 - self.rate)


class PooledDropout(nn.Module):
    """Takes the place of nn.Dropout while a model trains on a CPU."""

    def __init__(self, pool: MaskPool) -> None:
        super().__init__()
        self._pool = pool

    def forward(self, states: Tensor) -> Tensor:
        mask = self.mask(states.shape)
        return states if mask is None else states * mask

    def mask(self, shape: torch.Size) -> Tensor | None:
        """What states of this shape are multiplied by; None in eval mode."""
        return self._pool.window(shape.numel()).view(shape) if self.training else None


def install(model: nn.Module, hidden: float, attention: float, device: str, dtype: torch.dtype) -> list[MaskPool]:
    """Set every dropout of a working model to these rates; on a CPU, hidden dropout comes from pools (returned).

    The attention's own dropout stays torch's, as the library applies it as a function; so does any other that a family
    keeps as a number rather than a module. Blocks are never skipped at random (BART's "layerdrop").
    """
    pools: list[MaskPool] = []
    for parent in list(model.modules()):
        for name, module in list(parent.named_children()):
            if not isinstance(module, nn.Dropout):
                continue
            if _is_attention(parent, name):
                module.p = attention
            elif device == "cpu" and hidden > 0:
                pools = pools or [MaskPool(hidden, dtype)]
                setattr(parent, name, PooledDropout(pools[0]))
            else:
                module.p = hidden
        for name in _numbers(parent):
            rate = attention if _is_attention(parent, name) else hidden if name == "dropout" else 0.0
            setattr(parent, name, rate)
    return pools


def _numbers(module: nn.Module) -> list[str]:
    """The rates that a module keeps as plain numbers."""
    names = ("dropout", "attention_dropout", "activation_dropout", "layerdrop")
    return [name for name in names if isinstance(vars(module).get(name), int | float)]


def _is_attention(parent: nn.Module, name: str) -> bool:
    """Whether a dropout is of attention's probabilities rather than of hidden states: it lies beside the queries."""
    return name in ATTENTION and any(hasattr(parent, query) for query in QUERIES)
