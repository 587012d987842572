"""How near a measured rate comes to what the machine can do: arithmetic on real tokens over the measured peak.

Counted are the products that the real tokens need: 2 operations per parameter of a matrix product and token, the two
products of attention over each text's own length, times 3 for training (forward, and backward to inputs and weights).
Padding, softmax, norms, dropout, the optimiser and tokenising are not counted: they are what lowers the share.

A classification head reads the last block at the first token only; there the block's queries, projections and
feed-forward part at the other tokens are work that may be left out. So for training and prediction two shares are
given: of every block at every token (the usual count), and of what the head needs. The second is the honest figure
for a side that leaves that work out, the first for one that does it.

The peak is the rate of a square bf16 matrix product, measured in the same run: 2048 a side, and 8192 on a GPU, which
2048 does not fill.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from graft.backbone.model import Backbone
from graft.backbone.trunk import Trunk
from graft.records import MachineRecord

TRIALS = 15
KEYS, VALUES = ("key", "k_lin", "k_proj"), ("value", "v_lin", "v_proj")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a forward pass multiplies by: parameters of matrix products."""

    blocks: tuple[int, ...]  # in each block, read once per token
    shared: int  # of the last block's those that make keys and values: needed at every token
    head: int  # in the head (with the pooler), read once per text
    width: int

    def forward(self, lengths: NDArray[np.int64], cut: int = 0, head: bool = True) -> float:
        """Operations of one forward pass over texts of these lengths in tokens, through the blocks above `cut`."""
        tokens, squares = float(lengths.sum()), float((lengths.astype(np.float64) ** 2).sum())
        attention = 4.0 * self.width * squares * len(self.blocks[cut:])
        return 2.0 * sum(self.blocks[cut:]) * tokens + attention + (2.0 * self.head * len(lengths) if head else 0.0)

    def needed(self, lengths: NDArray[np.int64], cut: int = 0) -> float:
        """The same, with the last block where the head reads it."""
        tokens, squares = float(lengths.sum()), float((lengths.astype(np.float64) ** 2).sum())
        spared = 2.0 * (self.blocks[-1] - self.shared) * (tokens - len(lengths))
        return self.forward(lengths, cut) - spared - 4.0 * self.width * (squares - tokens)


@dataclass(frozen=True, slots=True)
class Work:
    """Operations by the usual count, and those that the head needs."""

    usual: float
    needed: float

    def times(self, factor: float) -> Work:
        return Work(self.usual * factor, self.needed * factor)


def classifying(backbone: Backbone, lengths: NDArray[np.int64], cut: int = 0) -> Work:
    """One forward pass to the logits of texts of these lengths; `.times(3)` trains on them once."""
    found = shape(backbone)
    return Work(found.forward(lengths, cut), found.needed(lengths, cut))


def extracting(backbone: Backbone, lengths: NDArray[np.int64]) -> Work:
    """One forward pass to the last block's states at every token."""
    operations = shape(backbone).forward(lengths, head=False)
    return Work(operations, operations)


def shape(backbone: Backbone) -> Shape:
    trunk = Trunk(backbone.model, backbone.family)
    blocks = tuple(_products(block) for block in trunk.blocks)
    both = _products(trunk.blocks[-1], KEYS + VALUES)
    return Shape(blocks, both or blocks[-1], _products(backbone.model) - sum(blocks), backbone.record.width)


def _products(module: nn.Module, names: tuple[str, ...] = ()) -> int:
    """Parameters of a module's matrix products; with `names`, of those layers that end in one of them."""
    layers = ((name, part) for name, part in module.named_modules() if isinstance(part, nn.Linear))
    return sum(part.weight.numel() for name, part in layers if not names or name.endswith(names))


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


class Peak:
    """The rate of a square bf16 matrix product, measured again in every round, since a machine's speed drifts."""

    def __init__(self, machine: MachineRecord) -> None:
        self.machine = machine
        self._side = 8192 if machine.device == "cuda" else 2048
        self._rates: list[float] = []

    def measure(self) -> None:
        """Add one median of some trials."""
        torch.manual_seed(0)
        left, right = (torch.randn(self._side, self._side, device=self.machine.device).bfloat16() for _ in range(2))
        spent = []
        for _ in range(TRIALS):
            start = time.perf_counter()
            left @ right
            wait(self.machine.device)
            spent.append(time.perf_counter() - start)
        self._rates.append(2.0 * self._side**3 / statistics.median(spent[3:]))

    @property
    def rate(self) -> float:
        """Operations per second: the median over rounds."""
        return statistics.median(self._rates)

    def show(self) -> None:
        low, high = min(self._rates) / 1e9, max(self._rates) / 1e9
        print(
            f"  peak: {self.rate / 1e9:,.0f} GFLOP/s, a bf16 product of {self._side} a side "
            f"(of {len(self._rates)}: {low:,.0f} to {high:,.0f})",
            flush=True,
        )

    def share(self, work: Work, seconds: Sequence[float]) -> str:
        """The share of the peak that this work in the median of these times is; the needed one beside the usual."""
        usual, needed = (count / statistics.median(seconds) / self.rate for count in (work.usual, work.needed))
        return f"{usual:.1%}" if work.usual == work.needed else f"{usual:.1%} ({needed:.1%} by what the head needs)"

    def line(self, what: str, work: Work, seconds: Sequence[float]) -> str:
        """The roofline line."""
        rate = work.usual / statistics.median(seconds)
        counted = f"{rate / 1e9:,.0f} of {self.rate / 1e9:,.0f} GFLOP/s on real tokens"
        return f"roofline, {what}: {counted}, {self.share(work, seconds)}"
