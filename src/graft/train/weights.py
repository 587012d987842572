"""Trainable weights as flat fp32 masters, and the fused AdamW step over them.

The model that computes holds its trainable parameters in the working dtype; their fp32 masters lie in one flat
tensor per parameter group, so that a step is a handful of large kernels however many parameters there are, and a
checkpoint is a handful of tensors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from graft.records import Optimiser


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that share a rate and a weight decay; `scale` multiplies the stage's rate."""

    names: tuple[str, ...]
    scale: float
    weight_decay: float


class FlatWeights:
    """Flat fp32 masters of some parameters of a model, with gradients gathered beside them."""

    def __init__(self, model: nn.Module, groups: Sequence[Group]) -> None:
        parameters = dict(model.named_parameters())
        self.groups = tuple(groups)
        self.names = [name for group in groups for name in group.names]
        self._live = [parameters[name] for name in self.names]
        self._flat: list[Tensor] = []
        self._masters: list[Tensor] = []
        self._gradients: list[Tensor] = []
        for group in groups:
            self._add([parameters[name] for name in group.names])

    def _add(self, parameters: list[nn.Parameter]) -> None:
        sizes = [parameter.numel() for parameter in parameters]
        flat = torch.empty(sum(sizes), dtype=torch.float32, device=parameters[0].device)
        flat.grad = torch.zeros_like(flat)
        self._flat.append(flat)
        for parameter, master, gradient in zip(parameters, flat.split(sizes), flat.grad.split(sizes), strict=True):
            self._masters.append(master.view(parameter.shape))
            self._gradients.append(gradient.view(parameter.shape))
        with torch.no_grad():
            torch._foreach_copy_(self._masters[-len(parameters) :], [p.detach() for p in parameters])

    @property
    def flat(self) -> list[Tensor]:
        """One fp32 tensor per group, its `.grad` beside it."""
        return self._flat

    @torch.no_grad()
    def gather(self, first: bool) -> None:
        """Move the gradients of the last backward pass into the flat ones: written (`first`) or added."""
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in self._live]
        if first:
            torch._foreach_copy_(self._gradients, gradients)
        else:
            torch._foreach_add_(self._gradients, [g.float() for g in gradients])
        for parameter in self._live:
            parameter.grad = None

    @torch.no_grad()
    def publish(self) -> None:
        """Copy the masters to the parameters that compute, in their dtype."""
        torch._foreach_copy_([p.detach() for p in self._live], self._masters)

    def named(self) -> dict[str, Tensor]:
        """The fp32 masters under their parameters' names: views, not copies."""
        return dict(zip(self.names, self._masters, strict=True))


class Average:
    """The mean of flat weights over the times that `add` was called."""

    def __init__(self, weights: FlatWeights) -> None:
        self._weights = weights
        self._means: list[Tensor] = []
        self._count = 0

    @torch.no_grad()
    def add(self) -> None:
        """Take in the weights as they are now."""
        self._count += 1
        if not self._means:
            self._means = [flat.clone() for flat in self._weights.flat]
            return
        for mean, flat in zip(self._means, self._weights.flat, strict=True):
            mean.lerp_(flat, 1 / self._count)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this context the model computes with the mean; nothing happens before the first `add`."""
        if not self._means:
            yield
            return
        own = [flat.clone() for flat in self._weights.flat]
        self._load(self._means)
        try:
            yield
        finally:
            self._load(own)

    @torch.no_grad()
    def _load(self, values: Sequence[Tensor]) -> None:
        for flat, value in zip(self._weights.flat, values, strict=True):
            flat.copy_(value)
        self._weights.publish()

    def state(self) -> dict[str, Tensor]:
        """The mean and its count, for a checkpoint; empty before the first `add`."""
        means = {f"mean.{number}": mean for number, mean in enumerate(self._means)}
        return means | {"mean.count": torch.tensor(self._count)} if means else {}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` gave."""
        if "mean.count" in tensors:
            self._count = int(tensors["mean.count"])
            flats = self._weights.flat
            self._means = [tensors[f"mean.{number}"].clone().to(flat.device) for number, flat in enumerate(flats)]


class Adam:
    """AdamW over flat weights under a schedule of rates."""

    def __init__(self, weights: FlatWeights, settings: Optimiser, steps: int) -> None:
        self.weights = weights
        self.settings = settings
        self.steps = max(steps, 1)
        self.taken = 0
        groups = [
            {"params": [flat], "lr": 0.0, "weight_decay": group.weight_decay}
            for flat, group in zip(weights.flat, weights.groups, strict=True)
        ]
        fused = weights.flat[0].device.type in ("cpu", "cuda")
        self._adam = torch.optim.AdamW(groups, betas=settings.betas, eps=1e-8, fused=fused)

    def step(self) -> Tensor:
        """Clip, step, publish. Returns the norm of all gradients before clipping (a 0-d tensor)."""
        gradients = [flat.grad for flat in self.weights.flat if flat.grad is not None]
        norm: Tensor = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
        # where looking costs no waiting, gradients that need no clipping are not multiplied by 1
        if self.settings.clip > 0 and (norm.is_cuda or float(norm) > self.settings.clip):
            torch._foreach_mul_(gradients, torch.clamp(self.settings.clip / (norm + 1e-6), max=1.0))
        share = scheduled(self.settings, self.taken, self.steps)
        for group, spec in zip(self._adam.param_groups, self.weights.groups, strict=True):
            group["lr"] = self.settings.lr * spec.scale * share
        self._adam.step()
        self.taken += 1
        self.weights.publish()
        return norm

    def state(self) -> dict[str, Tensor]:
        """Masters, moments and the step count, for a checkpoint."""
        tensors = {"taken": torch.tensor(self.taken)}
        for number, flat in enumerate(self.weights.flat):
            tensors[f"{number}.master"] = flat
            for key, value in self._adam.state.get(flat, {}).items():
                tensors[f"{number}.{key}"] = value
        return tensors

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` gave."""
        self.taken = int(tensors["taken"])
        for number, flat in enumerate(self.weights.flat):
            flat.copy_(tensors[f"{number}.master"])
            moments = ("step", "exp_avg", "exp_avg_sq")
            if f"{number}.step" in tensors:
                self._adam.state[flat] = {key: tensors[f"{number}.{key}"].clone().to(flat.device) for key in moments}
        self.weights.publish()


def scheduled(settings: Optimiser, step: int, steps: int) -> float:
    """The share of the peak rate at a step: linear warm-up, then constant, linear or cosine decay to zero."""
    warm = settings.warmup * steps
    if step < warm:
        return (step + 1) / (warm + 1)
    left = (steps - step) / max(steps - warm, 1.0)
    if settings.schedule == "linear":
        return left
    if settings.schedule == "cosine":
        return 0.5 * (1 - math.cos(math.pi * left))
    return 1.0
