"""Heads as functions of pooled features, so that a head trains without its backbone.

Two kinds: the family's native head, read from the model's own modules, and a pooled linear one of our own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from graft.backbone.families import Activation, NativeHead
from graft.backbone.model import HEAD, Backbone

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": nn.functional.gelu,
}


class PooledHead(nn.Module):
    """A linear layer on standardised pooled features.

    `pooling`: "first" or "last" (that token's state), "mean" (over tokens) or "layers" (mean over tokens, then over
    all blocks); `depth`: the block whose output is pooled.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int, classes: int, pooling: str, depth: int) -> None:
        super().__init__()
        self.pooling = pooling
        self.depth = depth
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))
        self.linear = nn.Linear(width, classes)

    def forward(self, features_BD: Tensor) -> Tensor:
        standard: Tensor = (features_BD - self.mean) / self.deviation
        logits_BC: Tensor = self.linear(standard)
        return logits_BC


class PairedHead(nn.Module):
    """A linear layer over two texts that crossed the backbone apart: u and v, each of length 1 (after Reimers and
    Gurevych 2019, who take u, v and |u − v|).

    It reads their cosine, |u − v|, u ∘ v, u and v, each scaled to deviations of about 1. It starts as what a line over
    the cosine alone can tell, which for an embedding model is a good deal.
    """

    def __init__(self, width: int, outputs: int, pooling: str, depth: int) -> None:
        super().__init__()
        self.pooling = pooling
        self.depth = depth
        self.linear = nn.Linear(4 * width + 1, outputs)

    def forward(self, both_BD: Tensor) -> Tensor:
        """both_BD: u and v side by side."""
        logits_BC: Tensor = self.linear(paired_features(both_BD).to(self.linear.weight.dtype))
        return logits_BC


def paired_features(both_BD: Tensor) -> Tensor:
    """What a head for pairs reads of u and v side by side: rows × (1 + 4 × width), in fp32; first their cosine."""
    u_BD, v_BD = (nn.functional.normalize(part, dim=1) for part in both_BD.float().chunk(2, dim=1))
    product_BD = u_BD * v_BD
    reach = u_BD.shape[1] ** 0.5
    parts = ((u_BD - v_BD).abs(), product_BD * reach, u_BD, v_BD)
    return torch.cat([4 * product_BD.sum(1, keepdim=True), *(reach * part for part in parts)], dim=1)


OwnHead = PooledHead | PairedHead


class NativeHeadAlone(nn.Module):
    """A family's native head over one state per text, sharing the classification model's own modules.

    Its parameters keep the names that they have in the classification model.
    """

    def __init__(self, model: nn.Module, head: NativeHead) -> None:
        super().__init__()
        self.dense = cast(nn.Linear, model.get_submodule(head.dense)) if head.dense else None
        self.norm = model.get_submodule(head.norm) if head.norm else None
        self.out = cast(nn.Linear, model.get_submodule(head.out))
        self.activation = head.activation

    def forward(self, pooled_BD: Tensor) -> Tensor:
        if self.dense is not None:
            pooled_BD = ACTIVATIONS[self.activation](self.dense(pooled_BD))
        if self.norm is not None:
            pooled_BD = self.norm(pooled_BD)
        logits_BC: Tensor = self.out(pooled_BD)
        return logits_BC


def last_layer(backbone: Backbone) -> nn.Linear:
    """The layer whose outputs are the logits: of the pooled head, else of the family's own."""
    model = cast(nn.Module, backbone.model)
    if hasattr(model, HEAD):
        return cast(OwnHead, model.get_submodule(HEAD)).linear
    if backbone.family.head is not None and backbone.reads == "row":
        return cast(nn.Linear, model.get_submodule(backbone.family.head.out))
    within = f"{backbone.model.base_model_prefix}."
    layers = [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and not name.startswith(within)
    ]
    return layers[-1]  # within a head, layers are made in the order in which they run


def is_centred(backbone: Backbone) -> bool:
    """Whether the head's last layer has a bias, which can hold the mean of what it learns."""
    return last_layer(backbone).bias is not None


@torch.no_grad()
def rescale(backbone: Backbone, factor: float, shift: float) -> None:
    """Turn the head's outputs into factor × output + shift, in place."""
    layer = last_layer(backbone)
    if (factor, shift) == (1.0, 0.0):
        return
    layer.weight.mul_(factor)
    if layer.bias is not None:
        layer.bias.mul_(factor).add_(shift)


def pool(states_BTD: Tensor, mask_BT: Tensor | None, pooling: str) -> Tensor:
    """pooled_BD in fp32 (or wider) of token states: of the "first" or "last" real token, or their "mean".

    Padding lies at the right. A row without tokens is pooled from padding, and finite.
    """
    wide = states_BTD.dtype if states_BTD.dtype == torch.float64 else torch.float32
    if pooling == "first":
        return states_BTD[:, 0].to(wide)
    if pooling == "last":
        rows = torch.arange(len(states_BTD), device=states_BTD.device)
        return states_BTD[rows, last_token(states_BTD, mask_BT)].to(wide)
    if mask_BT is None:
        return states_BTD.mean(1, dtype=wide)
    weights_BT = mask_BT.to(wide)
    sums_BD = torch.bmm(weights_BT.unsqueeze(1), states_BTD.to(wide)).squeeze(1)
    return sums_BD / weights_BT.sum(1, keepdim=True).clamp_min(1)


def last_token(states_BTD: Tensor, mask_BT: Tensor | None) -> Tensor:
    """Where each row's last real token is: places_B."""
    if mask_BT is None:
        return torch.full((len(states_BTD),), states_BTD.shape[1] - 1, device=states_BTD.device)
    return (mask_BT.sum(1) - 1).clamp_min(0)
