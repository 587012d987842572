"""A linear probe: multinomial logistic regression over frozen features, and the same as a start for a native head.

The optimum is found by L-BFGS on the whole train split at once, which takes a second where steps would take many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from graft.backbone.families import NativeHead
from graft.backbone.model import Backbone

PENALTIES = (1e-4, 1e-3, 1e-2)  # L2 on standardised features, per row; the best on validation is kept


@dataclass(frozen=True, slots=True)
class Probe:
    """logits = (features - mean) / deviation @ weight.T + bias, in fp32."""

    mean_D: Tensor
    deviation_D: Tensor
    weight_CD: Tensor
    bias_C: Tensor
    accuracy: float  # on validation

    def logits(self, features_ND: Tensor) -> Tensor:
        return ((features_ND.float() - self.mean_D) / self.deviation_D) @ self.weight_CD.T + self.bias_C


def fit_probe(
    train_ND: Tensor, labels_N: Tensor, validation_ND: Tensor, truth_N: Tensor, classes: int, penalties: Sequence[float] = PENALTIES
) -> Probe:
    """The probe that is best on validation over a few penalties. Features may be of any float dtype."""
    features = train_ND.float()
    mean, deviation = features.mean(0), features.std(0, correction=0).clamp_min(1e-6)
    standard = (features - mean) / deviation
    held = (validation_ND.float() - mean) / deviation
    best: Probe | None = None
    weight = torch.zeros(classes, features.shape[1])
    bias = torch.zeros(classes)
    for penalty in sorted(penalties, reverse=True):  # each solution starts the next, weaker one
        weight, bias = _solve(standard, labels_N, penalty, weight, bias)
        accuracy = float(((held @ weight.T + bias).argmax(1) == truth_N).float().mean()) if len(truth_N) else 0.0
        if best is None or accuracy > best.accuracy:
            best = Probe(mean, deviation, weight, bias, accuracy)
    assert best is not None
    return best


def _solve(features: Tensor, labels: Tensor, penalty: float, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    weight = weight.clone().requires_grad_()
    bias = bias.clone().requires_grad_()
    solver = torch.optim.LBFGS([weight, bias], max_iter=60, history_size=10, tolerance_change=1e-7, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        solver.zero_grad()
        loss = torch.nn.functional.cross_entropy(features @ weight.T + bias, labels) + 0.5 * penalty * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(objective)  # type: ignore[arg-type]
    return weight.detach(), bias.detach()


@torch.no_grad()
def start_native(backbone: Backbone, head: NativeHead, probe: Probe, reach: float = 0.4) -> None:
    """Set the native head so that it computes (nearly) what the probe computes.

    The dense layer standardises the features and scales them by `reach`, where tanh is nearly the identity; the out
    layer holds the probe's weights over `reach`. For relu a shift of three deviations keeps nearly all of it linear.
    """
    dense = backbone.model.get_submodule(head.dense)
    out = backbone.model.get_submodule(head.out)
    width = len(probe.mean_D)
    shift = 3.0 if head.activation == "relu" else 0.0
    scale = 1.0 if head.activation == "relu" else reach
    dense.weight.copy_(torch.eye(width) * (scale / probe.deviation_D)[:, None])
    dense.bias.copy_(-probe.mean_D / probe.deviation_D * scale + shift)
    out.weight.copy_(probe.weight_CD / scale)
    out.bias.copy_(probe.bias_C - (probe.weight_CD * shift).sum(1) / scale)
