"""The heads of `instant.py`, in numpy: what they read of a text's states, and the functions that blocks use as well.

Shapes: states_TD of one text after each block; logits_C.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from graft.backbone.families import Activation, NativeHead
from graft.records import HeadRecord

Array = NDArray[np.float32]


class Weights:
    """A saved model's tensors by the names of its layers."""

    def __init__(self, tensors: dict[str, Array], base: str) -> None:
        self._tensors = tensors
        self._base = f"{base}." if any(name.startswith(f"{base}.") for name in tensors) else ""

    def table(self, name: str) -> Array:
        return self._tensors[f"{self._base}{name}.weight"]

    def has(self, name: str) -> bool:
        return f"{self._base}{name}.weight" in self._tensors

    def layer(self, name: str, within: bool = True) -> tuple[Array, Array]:
        """Weight and bias of a layer of the backbone, or of the head above it."""
        full = f"{self._base if within else ''}{name}"
        return self._tensors[f"{full}.weight"], self._tensors[f"{full}.bias"]


class NativeReader:
    """The family's own head over the first token's last state."""

    def __init__(self, weights: Weights, head: NativeHead, base: str) -> None:
        inside = head.dense.startswith(f"{base}.")  # BERT's pooler is part of the backbone
        self._dense = weights.layer(head.dense.removeprefix(f"{base}."), inside)
        self._out = weights.layer(head.out, False)
        self._activation = _ACTIVATIONS[head.activation]

    def __call__(self, states: list[Array]) -> Array:
        return linear(self._activation(linear(states[-1][0], self._dense)), self._out)


class PooledReader:
    """graft's own linear head over standardised features."""

    def __init__(self, tensors: dict[str, Array], record: HeadRecord) -> None:
        self._mean, self._deviation = tensors["mean"], tensors["deviation"]
        self._linear = tensors["linear.weight"], tensors["linear.bias"]
        self._pooling = record.pooling

    def __call__(self, states: list[Array]) -> Array:
        if self._pooling == "layers":
            pooled_D = np.mean([states_TD.mean(axis=0) for states_TD in states], axis=0)
        else:
            pooled_D = states[-1][0] if self._pooling == "first" else states[-1].mean(axis=0)
        return linear((pooled_D - self._mean) / self._deviation, self._linear)


class PairedReader:
    """graft's own head over two texts, as `heads.paired_features` has it."""

    def __init__(self, tensors: dict[str, Array]) -> None:
        self._linear = tensors["linear.weight"], tensors["linear.bias"]

    def vector(self, states: list[Array]) -> Array:
        """The mean over a text's tokens, of length 1."""
        mean_D = states[-1].mean(axis=0)
        unit_D: Array = mean_D / np.float32(max(float(np.linalg.norm(mean_D)), 1e-12))
        return unit_D

    def __call__(self, u_D: Array, v_D: Array) -> Array:
        product_D, reach = u_D * v_D, np.float32(len(u_D) ** 0.5)
        parts = (reach * np.abs(u_D - v_D), reach * (product_D * reach), reach * u_D, reach * v_D)
        return linear(np.concatenate((4 * product_D.sum(keepdims=True), *parts)), self._linear)


def linear(states: Array, layer: tuple[Array, Array]) -> Array:
    weight, bias = layer
    result: Array = states @ weight.T + bias
    return result


def _relu(states: Array) -> Array:
    return np.maximum(states, np.float32(0))


def gelu(states: Array) -> Array:
    from scipy.special import erf

    result: Array = states * np.float32(0.5) * (np.float32(1) + erf(states * np.float32(0.5**0.5)))
    return result


_ACTIVATIONS: dict[Activation, Callable[[Array], Array]] = {"tanh": np.tanh, "relu": _relu, "gelu": gelu}
