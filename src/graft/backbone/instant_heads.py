"""The heads of `instant.py`, in numpy: what they read of a text's states, and the functions that blocks use as well.

Shapes: states_BTD of texts of one length after each block; logits_BC.
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
        return linear(self._activation(linear(states[-1][:, 0], self._dense)), self._out)


class PooledReader:
    """graft's own linear head over standardised features."""

    def __init__(self, tensors: dict[str, Array], record: HeadRecord) -> None:
        self._mean, self._deviation = tensors["mean"], tensors["deviation"]
        self._linear = tensors["linear.weight"], tensors["linear.bias"]
        self._pooling = record.pooling

    def __call__(self, states: list[Array]) -> Array:
        if self._pooling == "layers":
            pooled_BD = np.mean([states_BTD.mean(axis=1) for states_BTD in states], axis=0)
        else:
            pooled_BD = states[-1][:, 0] if self._pooling == "first" else states[-1].mean(axis=1)
        return linear((pooled_BD - self._mean) / self._deviation, self._linear)


class PairedReader:
    """graft's own head over two texts, as `heads.paired_features` has it."""

    def __init__(self, tensors: dict[str, Array]) -> None:
        self._linear = tensors["linear.weight"], tensors["linear.bias"]

    def vectors(self, states: list[Array]) -> Array:
        """The mean over each text's tokens, of length 1."""
        mean_BD = states[-1].mean(axis=1)
        unit_BD: Array = mean_BD / np.maximum(np.linalg.norm(mean_BD, axis=1, keepdims=True), np.float32(1e-12))
        return unit_BD

    def __call__(self, units_BD: Array) -> Array:
        """units_BD: the vectors of pairs, two rows each."""
        u_BD, v_BD = units_BD[::2], units_BD[1::2]
        product_BD, reach = u_BD * v_BD, np.float32(units_BD.shape[1] ** 0.5)
        parts = (reach * np.abs(u_BD - v_BD), reach * (product_BD * reach), reach * u_BD, reach * v_BD)
        return linear(np.concatenate((4 * product_BD.sum(axis=1, keepdims=True), *parts), axis=1), self._linear)


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
