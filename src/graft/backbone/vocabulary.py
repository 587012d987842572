"""The loss over a vocabulary, in chunks: all logits of a batch never stand in memory at once.

A causal model of 50,257 words gives 1.6 GiB of logits for 8,192 tokens, and the plain loss holds them three times over
(logits, their logarithms, their gradient). Here the forward pass goes through the tokens in chunks, and takes the
gradients of a chunk while its logits are there; the backward pass only scales them. The idea is that of Cut
Cross-Entropy (Wijmans et al. 2024, arXiv 2411.09009) and of Liger's fused linear cross-entropy, without a kernel.

Shapes: hidden_ND (the states that predict), targets_N (int64), weight_VD.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

CHUNK_BYTES = 48 << 20  # of logits in the working dtype: rows enough for products at full pace
BLOCK_BYTES = 24 << 20  # of probabilities in fp32 at a time: they stay in the last cache
IGNORED = -100  # a target that is none


def summed_loss(
    hidden_ND: Tensor, head: nn.Linear, targets_N: Tensor, rows: int | None = None, smoothing: float = 0.0
) -> Tensor:
    """Sum of the cross-entropies (nats, fp32 or wider, 0-d) of the head's logits; targets of -100 are left out.

    `rows`: tokens per chunk; by default as many as CHUNK_BYTES hold. `smoothing`: the share of each target that is
    spread over the whole vocabulary. Gradients reach the states, the head's weight and its bias; the weight's is summed
    over chunks in fp32 whatever the working dtype.
    """
    kept = targets_N != IGNORED
    if not bool(kept.all()):
        hidden_ND, targets_N = hidden_ND[kept], targets_N[kept]
    size = rows or _rows_within(CHUNK_BYTES, len(head.weight), hidden_ND.element_size())
    summed: Tensor = _ChunkedLoss.apply(hidden_ND, head.weight, head.bias, targets_N, (size, smoothing))  # type: ignore[no-untyped-call]
    return summed


@torch.no_grad()
def token_losses(hidden_ND: Tensor, head: nn.Linear, targets_N: Tensor) -> Tensor:
    """losses_N: the cross-entropy (nats, fp32 or wider) of each token, in chunks."""
    wide = _wide(hidden_ND.dtype)
    losses_N = hidden_ND.new_zeros(len(targets_N), dtype=wide)
    for chunk in _slices(len(targets_N), _rows_within(BLOCK_BYTES, len(head.weight), 4)):
        logits_CV = head(hidden_ND[chunk]).to(wide)
        losses_N[chunk] = nn.functional.cross_entropy(logits_CV, targets_N[chunk], reduction="none")
    return losses_N


def _rows_within(size: int, words: int, each: int) -> int:
    """Rows of so many words that fit in `size` bytes; never so few that a product becomes slow."""
    return max(64, size // (each * words))


def _slices(length: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, length)) for start in range(0, length, size))


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


class _ChunkedLoss(torch.autograd.Function):
    """The summed loss, its gradients taken chunk by chunk in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        bias_V: Tensor | None,
        targets_N: Tensor,
        settings: tuple[int, float],
    ) -> Tensor:
        size, smoothing = settings
        gradients = _Gradients(hidden_ND, weight_VD, bias_V, ctx.needs_input_grad)
        summed = hidden_ND.new_zeros((), dtype=_wide(hidden_ND.dtype))
        room_CV = hidden_ND.new_empty(min(size, len(targets_N)), len(weight_VD))
        for chunk in _slices(len(targets_N), size):
            logits_CV = room_CV[: chunk.stop - chunk.start]
            torch.mm(hidden_ND[chunk], weight_VD.T, out=logits_CV)
            if bias_V is not None:
                logits_CV += bias_V
            summed += _loss_and_slope(logits_CV, targets_N[chunk], smoothing)
            gradients.add(chunk, logits_CV)
        ctx.gradients = gradients
        return summed

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        of_hidden, of_weight, of_bias = ctx.gradients.scaled(outer[0])
        ctx.gradients = None  # used up: a second backward pass has nothing to give
        return of_hidden, of_weight, of_bias, None, None


def _loss_and_slope(logits_CV: Tensor, targets_C: Tensor, smoothing: float = 0.0) -> Tensor:
    """The summed loss of some logits, which become their own gradient: probabilities, less the target's share of one
    at the target, and less what is spread over all."""
    wide, words = _wide(logits_CV.dtype), logits_CV.shape[1]
    rows = _rows_within(BLOCK_BYTES, words, torch.finfo(wide).bits // 8)
    room_RV = logits_CV.new_empty(min(rows, len(logits_CV)), words, dtype=wide)
    summed = logits_CV.new_zeros((), dtype=wide)
    for block in _slices(len(logits_CV), rows):
        block_RV, targets_R1 = logits_CV[block], targets_C[block].unsqueeze(1)
        shares_RV = torch.softmax(block_RV, 1, dtype=wide, out=room_RV[: len(block_RV)])
        share_R1 = shares_RV.gather(1, targets_R1)
        logs_R1 = share_R1.log()
        unlikely = (share_R1 < torch.finfo(wide).tiny).squeeze(1)  # its logarithm would have few digits, or none
        if bool(unlikely.any()):
            exact = torch.log_softmax(block_RV[unlikely], 1, dtype=wide)
            logs_R1[unlikely] = exact.gather(1, targets_R1[unlikely])
        summed -= (1 - smoothing) * logs_R1.sum()
        if smoothing:  # the mean of all logarithms: of the logits, less what the target's tells of their sum
            whole_R1 = block_RV.gather(1, targets_R1).to(wide) - logs_R1
            summed -= smoothing * (block_RV.mean(1, dtype=wide) - whole_R1.squeeze(1)).sum()
            shares_RV -= smoothing / words
        shares_RV.scatter_add_(1, targets_R1, torch.full_like(share_R1, smoothing - 1))
        block_RV.copy_(shares_RV)
    return summed


class _Gradients:
    """The gradients of the summed loss, as far as they are needed."""

    def __init__(self, hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor | None, needed: tuple[bool, ...]) -> None:
        wide = _wide(hidden_ND.dtype)
        self._hidden_ND, self._weight_VD, self._bias_V = hidden_ND, weight_VD, bias_V
        self._of_hidden = torch.empty_like(hidden_ND) if needed[0] else None
        self._of_weight = torch.zeros_like(weight_VD, dtype=wide) if needed[1] else None
        self._of_bias = torch.zeros_like(bias_V, dtype=wide) if bias_V is not None and needed[2] else None

    def add(self, chunk: slice, slope_CV: Tensor) -> None:
        """Take in the gradient of a chunk's logits."""
        if self._of_hidden is not None:
            torch.mm(slope_CV, self._weight_VD, out=self._of_hidden[chunk])
        if self._of_weight is not None and self._of_weight.dtype == slope_CV.dtype:
            self._of_weight.addmm_(slope_CV.T, self._hidden_ND[chunk])
        elif self._of_weight is not None:
            self._of_weight += slope_CV.T @ self._hidden_ND[chunk]
        if self._of_bias is not None:
            self._of_bias += slope_CV.sum(0, dtype=self._of_bias.dtype)

    def scaled(self, scale: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Each times the gradient of what came after the loss, in its parameter's dtype."""
        of_hidden = None if self._of_hidden is None else self._of_hidden.mul_(scale)
        of_weight = None if self._of_weight is None else self._of_weight.mul_(scale).to(self._weight_VD.dtype)
        of_bias = None
        if self._of_bias is not None and self._bias_V is not None:
            of_bias = self._of_bias.mul_(scale).to(self._bias_V.dtype)
        return of_hidden, of_weight, of_bias
