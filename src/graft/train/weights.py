"""Trainable weights as flat fp32 masters, and the fused AdamW step over them.

The model that computes holds its trainable parameters in the working dtype; their fp32 masters lie in one flat
tensor per parameter group, so that a step is a handful of large kernels however many parameters there are, and a
checkpoint is a handful of tensors.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from graft.records import Optimiser
from graft.train.rows import EPS, Moves, RowEmbedding


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
        by_rows = {f"{name}.weight": m for name, m in model.named_modules() if isinstance(m, RowEmbedding)}
        self.tables = {name: by_rows[name] for group in groups for name in group.names if name in by_rows}
        self.table_groups = {name: group for group in groups for name in group.names if name in by_rows}
        self.groups = tuple(left for group in groups if (left := _without(group, self.tables)).names)
        self.names = [name for group in self.groups for name in group.names]
        self._live = [parameters[name] for name in self.names]
        self._flat: list[Tensor] = []
        self._masters: list[Tensor] = []
        self._gradients: list[Tensor] = []
        for group in self.groups:
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
        """One fp32 tensor per group, its `.grad` beside it; without the tables, which train by rows."""
        return self._flat

    @property
    def masters(self) -> list[Tensor]:
        """Every fp32 master, in few tensors: the flat ones, then the tables'."""
        return [*self._flat, *(table.master for table in self.tables.values())]

    @property
    def gradients(self) -> list[Tensor]:
        """The gradients of the last step, in few tensors."""
        flat = [flat.grad for flat in self._flat if flat.grad is not None]
        return [*flat, *(table.gradient for table in self.tables.values())]

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
        for table in self.tables.values():
            table.gather(first)

    def forget(self) -> None:
        """Drop the gradients of a backward pass that is not to be gathered."""
        for parameter in self._live:
            parameter.grad = None
        for table in self.tables.values():
            table.used.clear()

    @torch.no_grad()
    def publish(self, tables: bool = True) -> None:
        """Copy the masters to the parameters that compute, in their dtype.

        A step leaves the tables out: in train mode their rows are read from the masters.
        """
        torch._foreach_copy_([p.detach() for p in self._live], self._masters)
        for table in self.tables.values() if tables else ():
            table.publish()

    def named(self) -> dict[str, Tensor]:
        """The fp32 masters under their parameters' names: views, not copies."""
        tables = {name: table.master for name, table in self.tables.items()}
        return dict(zip(self.names, self._masters, strict=True)) | tables


def _without(group: Group, tables: Container[str]) -> Group:
    return dataclasses.replace(group, names=tuple(name for name in group.names if name not in tables))


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
            self._means = [master.clone() for master in self._weights.masters]
            return
        for mean, master in zip(self._means, self._weights.masters, strict=True):
            mean.lerp_(master, 1 / self._count)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this context the model computes with the mean; nothing happens before the first `add`."""
        if not self._means:
            yield
            return
        own = [master.clone() for master in self._weights.masters]
        self._load(self._means)
        try:
            yield
        finally:
            self._load(own)

    @torch.no_grad()
    def _load(self, values: Sequence[Tensor]) -> None:
        for master, value in zip(self._weights.masters, values, strict=True):
            master.copy_(value)
        self._weights.publish()

    def state(self) -> dict[str, Tensor]:
        """The mean and its count, for a checkpoint; empty before the first `add`."""
        means = {f"mean.{number}": mean for number, mean in enumerate(self._means)}
        return means | {"mean.count": torch.tensor(self._count)} if means else {}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` gave."""
        if "mean.count" in tensors:
            self._count = int(tensors["mean.count"])
            device = self._weights.flat[0].device  # not by `masters`: these would settle the tables
            count = len(self._weights.flat) + len(self._weights.tables)
            self._means = [tensors[f"mean.{number}"].clone().to(device) for number in range(count)]


class Adam:
    """AdamW over flat weights under a schedule of rates."""

    def __init__(self, weights: FlatWeights, settings: Optimiser, steps: int) -> None:
        self.weights = weights
        self.settings = settings
        self.steps = max(steps, 1)
        self.taken = 0.0  # of these
        groups = [
            {"params": [flat], "lr": 0.0, "weight_decay": group.weight_decay}
            for flat, group in zip(weights.flat, weights.groups, strict=True)
        ]
        self._fused = weights.flat[0].device.type in ("cpu", "cuda")
        self._adam = torch.optim.AdamW(groups, betas=settings.betas, eps=EPS, fused=self._fused)

    def step(self, loss: Tensor | None = None, planned: float = 1.0) -> Tensor:
        """Clip, step, publish. Returns the norm of all gradients before clipping (a 0-d tensor).

        `planned`: in place of how many of the schedule's steps it is taken.

        Where it or the `loss` is not finite, nothing moves, and what is returned is not finite: on a GPU the kernels
        see to that, so that nobody has to wait for it.
        """
        norms = [torch.linalg.vector_norm(gradient) for gradient in self.weights.gradients]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
        if loss is not None:
            norm = norm + 0 * loss
        if norm.device.type == "cuda":
            self._adam.found_inf = (~torch.isfinite(norm)).float()  # type: ignore[attr-defined]
        elif not math.isfinite(norm):
            self.taken += planned
            return norm
        self._clip(norm)
        lr = self.settings.lr * scheduled(self.settings, self.taken, self.steps)
        for group, spec in zip(self._adam.param_groups, self.weights.groups, strict=True):
            group["lr"] = lr * spec.scale
        self._adam.step()
        for name, group_of in self.weights.table_groups.items():
            self.weights.tables[name].step(Moves(lr * group_of.scale, self.settings.betas, group_of.weight_decay))
        self.taken += planned
        self.weights.publish(tables=False)
        return norm

    def _clip(self, norm: Tensor) -> None:
        """Have the step divide its gradients where their norm is above the limit.

        The fused step does it while it reads them, as it would for a gradient scaler.
        """
        clip = self.settings.clip
        if not self._fused and clip > 0:
            torch._foreach_mul_(self.weights.gradients, torch.clamp(clip / (norm + 1e-6), max=1.0))
        elif clip > 0:
            scale = torch.clamp((norm + 1e-6) / clip, min=1.0)
            self._adam.grad_scale = scale  # type: ignore[attr-defined]
            for table in self.weights.tables.values():
                table.gradient = table.gradient / scale

    def state(self) -> dict[str, Tensor]:
        """Masters, moments and the step count, for a checkpoint."""
        tensors = {"taken": torch.tensor(self.taken, dtype=torch.float64)}
        for number, flat in enumerate(self.weights.flat):
            tensors[f"{number}.master"] = flat
            for key, value in self._adam.state.get(flat, {}).items():
                tensors[f"{number}.{key}"] = value
        for name, table in self.weights.tables.items():
            tensors |= {f"{name}.{key}": value for key, value in table.state().items()}
        return tensors

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` gave."""
        self.taken = float(tensors["taken"])
        for number, flat in enumerate(self.weights.flat):
            flat.copy_(tensors[f"{number}.master"])
            moments = ("step", "exp_avg", "exp_avg_sq")
            if f"{number}.step" in tensors:
                self._adam.state[flat] = {key: tensors[f"{number}.{key}"].clone().to(flat.device) for key in moments}
        for name, table in self.weights.tables.items():
            table.restore({key: tensors[f"{name}.{key}"] for key in table.state()})
        self.weights.publish(tables=False)


def scheduled(settings: Optimiser, step: float, steps: int) -> float:
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
