"""How near a measured rate comes to what the machine can do: arithmetic on real tokens over the measured peak.

Counted are the products that the real tokens need: 2 operations per parameter of a matrix product and token, the two
products of attention over each text's own length, times 3 for training (forward, and backward to inputs and weights).
Padding, softmax, norms, dropout, the optimiser and tokenising are not counted: they are what lowers the share.
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


@dataclass(frozen=True, slots=True)
class Shape:
    """What a forward pass multiplies by: parameters of matrix products."""

    blocks: tuple[int, ...]  # in each block, read once per token
    head: int  # in the head (with the pooler), read once per text
    width: int

    def forward(self, lengths: NDArray[np.int64], cut: int = 0, head: bool = True) -> float:
        """Operations of one forward pass over texts of these lengths in tokens, through the blocks above `cut`."""
        tokens, squares = float(lengths.sum()), float((lengths.astype(np.float64) ** 2).sum())
        attention = 4.0 * self.width * squares * len(self.blocks[cut:])
        return 2.0 * sum(self.blocks[cut:]) * tokens + attention + (2.0 * self.head * len(lengths) if head else 0.0)

    def training(self, lengths: NDArray[np.int64], cut: int = 0) -> float:
        """Operations of one epoch over texts of these lengths."""
        return 3.0 * self.forward(lengths, cut)


def shape(backbone: Backbone) -> Shape:
    blocks = tuple(_products(block) for block in Trunk(backbone.model, backbone.family).blocks)
    return Shape(blocks, _products(backbone.model) - sum(blocks), backbone.record.width)


def _products(module: nn.Module) -> int:
    return sum(part.weight.numel() for part in module.modules() if isinstance(part, nn.Linear))


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

    def share(self, operations: float, seconds: Sequence[float]) -> float:
        """The share of the peak that these operations in the median of these times are."""
        return operations / statistics.median(seconds) / self.rate

    def line(self, what: str, operations: float, seconds: Sequence[float]) -> str:
        """The roofline line."""
        rate = operations / statistics.median(seconds)
        share = self.share(operations, seconds)
        return f"roofline, {what}: {rate / 1e9:,.0f} of {self.rate / 1e9:,.0f} GFLOP/s on real tokens, {share:.1%}"
