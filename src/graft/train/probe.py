"""A linear probe over frozen features by a task's own loss (for classes: multinomial logistic regression), and the
same as a start for a head.

The optimum is found by L-BFGS on the whole train split at once, in the features' principal axes, each at the scale
of its curvature: ten evaluations of the loss where the features as they are take sixty. Penalties are tried from the
strongest down, each solution starting the next, until validation gets worse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from graft.backbone.heads import ACTIVATIONS, NativeHeadAlone
from graft.data.targets import Targets
from graft.records import Loss
from graft.tasks.task import Criterion, Task, rank

REACH = 0.4
SIZE = 0.02  # the standard deviation of a new layer's weights in these libraries
PENALTIES = (1e-1, 3e-2, 1e-2, 1e-3)  # L2 on standardised features, per row; the best on validation is kept
START = (1e-2,)  # of a head's start, which is fitted without looking at validation
CURVATURE = 0.2  # of the loss along a feature of variance 1, roughly: p (1 - p)
STEPS = 60  # of the solver at each penalty; it ends sooner by its tolerance
WIDEST = 2048  # features whose axes are looked for: beyond, that costs more than it spares


@dataclass(frozen=True, slots=True)
class Probe:
    """logits = (features - mean) / deviation @ weight.T + bias, in fp32."""

    mean_D: Tensor
    deviation_D: Tensor
    weight_CD: Tensor
    bias_C: Tensor
    score: float  # on validation, by the metric that it was chosen by; 0 without validation rows

    def logits(self, features_ND: Tensor) -> Tensor:
        return ((features_ND.float() - self.mean_D) / self.deviation_D) @ self.weight_CD.T + self.bias_C


@dataclass(frozen=True, slots=True)
class Examples:
    """Frozen features (rows × width, any float dtype) with their targets."""

    features_ND: Tensor
    targets: Targets


def fit_probe(
    task: Task,
    train: Examples,
    validation: Examples | None,
    names: tuple[str, ...],
    penalties: Sequence[float] = PENALTIES,
    steps: int = STEPS,
    metric: str = "",
    warm_start: Probe | None = None,
) -> Probe:
    """The probe that is best on validation by a metric (the task's first, if none is named), over a few penalties,
    tried from the strongest down as long as that helps; without validation rows, that of the strongest.

    `steps`: of the solver, at most; the first of them is nearly a ridge regression where the features have been turned
    into their axes. `warm_start`: what the same features gave at a stronger penalty, which counts, too.
    """
    metric = metric or task.validation[0]
    features = train.features_ND.float()
    mean = features.mean(0)
    centred = features - mean
    deviation = centred.square().mean(0).sqrt().clamp_min(1e-6)  # a tenth of the time of `std`
    standard = centred.div_(deviation)
    criterion = task.criterion(train.targets, len(names), Loss())
    axes = _axes(standard)
    best: tuple[tuple[float, float], Probe] | None = None
    weight, bias = torch.zeros(len(names), features.shape[1]), torch.zeros(len(names))
    if warm_start is not None:
        weight, bias = warm_start.weight_CD, warm_start.bias_C
        before = _validated(task, warm_start, validation, names)
        best = rank(task, metric, before) if before else (0.0, 0.0), warm_start
    for penalty in sorted(penalties, reverse=True):
        weight, bias = _solve(axes, criterion, penalty, (weight, bias), steps)
        probe = Probe(mean, deviation, weight, bias, 0.0)
        found = _validated(task, probe, validation, names)
        value = rank(task, metric, found) if found else (0.0, 0.0)
        if best is None or value > best[0]:
            best = value, replace(probe, score=found.get(metric, 0.0))
        if value[0] < best[0][0] or not found:
            break
    assert best is not None
    return best[1]


def _validated(task: Task, probe: Probe, validation: Examples | None, names: tuple[str, ...]) -> dict[str, float]:
    if validation is None or not len(validation.targets):
        return {}
    return task.validate(probe.logits(validation.features_ND).numpy(), validation.targets, names)


@dataclass(frozen=True, slots=True)
class _Axes:
    """Standardised features in their principal axes."""

    turned_ND: Tensor
    variance_D: Tensor
    turn_DD: Tensor | None  # features @ turn = turned; None: they are as they were


def _axes(standard_ND: Tensor) -> _Axes:
    width = standard_ND.shape[1]
    if width > WIDEST:
        return _Axes(standard_ND, torch.ones(width), None)
    variance_D, turn_DD = torch.linalg.eigh(standard_ND.T @ standard_ND / len(standard_ND))
    return _Axes(standard_ND @ turn_DD, variance_D.clamp_min(0), turn_DD)


def _solve(
    axes: _Axes, criterion: Criterion, penalty: float, start: tuple[Tensor, Tensor], steps: int
) -> tuple[Tensor, Tensor]:
    weight, bias = start
    scale_D = (CURVATURE * axes.variance_D + penalty).rsqrt()
    scaled_ND, turn = axes.turned_ND * scale_D, axes.turn_DD
    free = ((weight if turn is None else weight @ turn) / scale_D).requires_grad_()
    bias = bias.clone().requires_grad_()
    rows = np.arange(len(scaled_ND))
    total = criterion.weight(rows)
    solver = torch.optim.LBFGS(
        [free, bias], max_iter=steps, history_size=10, tolerance_change=1e-4, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        solver.zero_grad()
        size = (free * scale_D).square().sum()  # turning does not change it
        loss = criterion.losses(scaled_ND @ free.T + bias, rows).sum() / total + 0.5 * penalty * size
        loss.backward()
        return loss

    solver.step(objective)
    found = (free * scale_D).detach()
    return found if turn is None else found @ turn.T, bias.detach()


@torch.no_grad()
def start_native(head: NativeHeadAlone, probe: Probe, features_ND: Tensor) -> None:
    """Start a native head in the probe's direction, at the size that a random start has.

    The dense layer standardises the features and scales them by `REACH`, where tanh is nearly the identity (relu and
    gelu: with a shift that keeps nearly all of it above zero). The out layer holds the probe's weights scaled to
    `SIZE`: it answers as the probe does, but softly, so that the stages that follow find their own margin. Full-size
    weights fitted the train split faster and the test split less well.
    """
    scale = SIZE / float(probe.weight_CD.std().clamp_min(1e-6))
    if head.dense is None:
        _start_linear(head.out, probe, features_ND, REACH * scale)
        return
    shift = 0.0 if head.activation == "tanh" else 3 * REACH
    level, slope = _tangent(ACTIVATIONS[head.activation], shift)
    head.dense.weight.copy_(torch.diag(REACH / probe.deviation_D))
    head.dense.bias.copy_(-probe.mean_D / probe.deviation_D * REACH + shift)
    head.out.weight.copy_(probe.weight_CD / slope * scale)
    head.out.bias.copy_((probe.bias_C * REACH - probe.weight_CD.sum(1) * level / slope) * scale)


def _tangent(activation: Callable[[Tensor], Tensor], at: float) -> tuple[float, float]:
    """An activation's value and slope at a point."""
    with torch.enable_grad():
        place = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        value = activation(place)
        (slope,) = torch.autograd.grad(value, place)
    return float(value), float(slope)


def _start_linear(out: nn.Linear, probe: Probe, features_ND: Tensor, scale: float) -> None:
    """A head that is one layer, perhaps without a bias (decoders'): then a direction on which every text's features
    lie at nearly one takes the bias's place, found by least squares.
    """
    weight_CD = probe.weight_CD / probe.deviation_D
    bias_C = probe.bias_C - weight_CD @ probe.mean_D
    own_C = cast("Tensor | None", out.bias)
    if own_C is not None:
        own_C.copy_(bias_C * scale)
    else:
        features = features_ND.double()
        square_DD = features.T @ features / len(features)
        ridge_DD = torch.eye(len(square_DD), dtype=torch.float64) * (1e-6 * square_DD.trace() / len(square_DD))
        constant_D = torch.linalg.solve(square_DD + ridge_DD, features.mean(0)).float()
        weight_CD = weight_CD + torch.outer(bias_C, constant_D)
    out.weight.copy_(weight_CD * scale)
