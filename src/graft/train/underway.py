"""An epoch under way: what one step leaves for the next besides the weights, and steps that were no good.

Held apart from the loop so that a checkpoint between two steps is a handful of tensors.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MOST_IN_A_ROW = 10  # steps that are left out one after the other; then it is not the texts but the weights


@dataclass
class UnderWay:
    """The part of an epoch that is done."""

    budget: int  # padded tokens per forward pass; less than the recipe's where memory was short
    step: int = 0  # steps that are done
    all_steps: int = 0  # the same with the stage's earlier epochs
    losses: dict[int, Tensor] = field(default_factory=dict)  # of the steps that counted, 0-d
    seconds: float = 0.0  # spent on it by earlier processes
    began: float = field(default_factory=time.perf_counter)
    bad: int = -1  # the last step that was not finite
    in_a_row: int = 0  # steps up to it that were not
    crossed: int = 0  # tokens of the steps that are done
    tokens: int = 0  # the same with the stage's earlier epochs
    padded: int = 0  # the same with padding
    pools: list[int] = field(default_factory=list)  # sizes of dropout's pools, of a restored epoch that goes on

    @property
    def elapsed(self) -> float:
        return self.seconds + time.perf_counter() - self.began

    def count(self, lengths: NDArray[np.int64], widths: NDArray[np.int64]) -> None:
        """One more step is done, with rows of so many tokens, which take so many in a batch of their like."""
        tokens = int(lengths.sum())
        self.step, self.all_steps = self.step + 1, self.all_steps + 1
        self.crossed, self.tokens = self.crossed + tokens, self.tokens + tokens
        self.padded += int(widths.max()) * len(widths)

    def finish(self) -> None:
        """An epoch is done: stand before the next one."""
        self.step, self.crossed, self.losses, self.seconds, self.bad, self.in_a_row = 0, 0, {}, 0.0, -1, 0
        self.pools = []

    def leave_out(self, step: int) -> bool:
        """Take the loss of a step that was not finite out of the sum. False when it is one too many in a row."""
        self.in_a_row = self.in_a_row + 1 if step and step == self.bad + 1 else 1
        self.bad = step
        self.losses.pop(step, None)
        return self.in_a_row < MOST_IN_A_ROW

    def state(self, pools: list[int]) -> dict[str, Tensor]:
        """For a checkpoint; `pools` are the sizes of dropout's pools now."""
        epoch = self.budget, self.step, self.bad, self.in_a_row
        counts = *epoch, self.crossed, self.tokens, self.padded, self.all_steps
        losses = torch.stack(list(self.losses.values())) if self.losses else torch.zeros(0)
        seconds = torch.tensor(self.elapsed, dtype=torch.float64)
        sizes = torch.tensor(pools if self.step else [], dtype=torch.int64)
        held = {"epoch.counts": torch.tensor(counts), "epoch.losses": losses, "epoch.seconds": seconds}
        return held | {"epoch.pools": sizes}

    def restore(self, tensors: dict[str, Tensor], device: torch.device) -> None:
        """Continue from what `state` gave."""
        counts = tensors["epoch.counts"].tolist()
        if len(counts) == 6:  # of a version that counted an epoch's tokens at its end
            counts.insert(4, 0)
        if len(counts) == 7:  # of one whose epochs all had as many steps, each of them one of the schedule's
            counts.append(int(tensors["taken"]))
        self.budget, self.step, self.bad, self.in_a_row = counts[:4]
        self.crossed, self.tokens, self.padded, self.all_steps = counts[4:]
        losses = tensors["epoch.losses"].to(device).unbind()
        self.losses = {place - len(losses): loss for place, loss in enumerate(losses)}
        self.seconds = float(tensors["epoch.seconds"])
        self.pools = tensors["epoch.pools"].tolist()


class Watch:
    """Tells of steps whose loss or gradient was not finite: on a GPU one step later, so that nobody waits for it."""

    def __init__(self) -> None:
        self._pending: tuple[int, Tensor, torch.cuda.Event] | None = None

    def see(self, step: int, norm: Tensor) -> int | None:
        """Look at a step's norm of gradients. Returns which step was not finite: this one, the one before, or None."""
        if norm.device.type != "cuda":
            return None if math.isfinite(norm) else step
        copy = torch.empty((), pin_memory=True)
        copy.copy_(norm, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        before, self._pending = self._pending, (step, copy, event)
        return self._look(before)

    def last(self) -> int | None:
        """The same for a step that was not looked at yet."""
        before, self._pending = self._pending, None
        return self._look(before)

    def _look(self, pending: tuple[int, Tensor, torch.cuda.Event] | None) -> int | None:
        if pending is None:
            return None
        step, copy, event = pending
        event.synchronize()
        return None if math.isfinite(copy) else step
