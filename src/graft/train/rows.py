"""An embedding table that trains by rows: a step reads, differentiates and moves only the rows that its texts use.

A vocabulary has tens of thousands of rows, a batch some hundreds of tokens; the gradient and the optimiser's step over
all of them took a tenth of a training step on a CPU. The moments of a row stand still while no text uses it (the
"lazy" Adam that sparse gradients are usually given), and each row counts its own steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Moves:
    """How far a step moves: the rate, Adam's betas and epsilon, and the weight decay."""

    lr: float
    betas: tuple[float, float]
    weight_decay: float
    eps: float = 1e-8


class RowEmbedding(nn.Embedding):
    """Takes an nn.Embedding's place while it trains; its parameter is the working copy and keeps its name.

    In train mode the rows are read from fp32 masters, and `used` remembers which, with their gradients.
    """

    def __init__(self, plain: nn.Embedding) -> None:
        super().__init__(plain.num_embeddings, plain.embedding_dim, plain.padding_idx, _weight=plain.weight)
        self.weight = plain.weight
        self.master = plain.weight.detach().to(torch.float32, copy=True)
        self.used: list[tuple[Tensor, Tensor]] = []

    def forward(self, ids: Tensor) -> Tensor:
        if not (self.training and torch.is_grad_enabled()):
            return super().forward(ids)
        rows, places = torch.unique(ids, return_inverse=True)
        leaf = self.master[rows].requires_grad_()
        self.used.append((rows, leaf))
        return nn.functional.embedding(places, leaf).to(self.weight.dtype)


class RowTable:
    """The masters of a RowEmbedding (rows × width, fp32), their moments, and the gradient of the rows in use."""

    def __init__(self, embedding: RowEmbedding, scale: float, weight_decay: float) -> None:
        self.scale = scale
        self.weight_decay = weight_decay
        self._embedding = embedding
        self._first = torch.zeros_like(self.master)
        self._second = torch.zeros_like(self.master)
        self._steps = torch.zeros(len(self.master), 1, device=self.master.device)
        self._rows = torch.zeros(0, dtype=torch.long)
        self.gradient = torch.zeros(0, self.master.shape[1])

    @property
    def master(self) -> Tensor:
        return self._embedding.master

    @torch.no_grad()
    def gather(self, first: bool) -> None:
        """Take in the gradients of the last backward pass: instead of what is held (`first`), or added to it."""
        held = [] if first else [(self._rows, self.gradient)]
        found = held + [(rows, leaf.grad) for rows, leaf in self._embedding.used if leaf.grad is not None]
        self._embedding.used.clear()
        if len(found) == 1:
            self._rows, self.gradient = found[0]
        else:
            all_rows = torch.cat([rows for rows, _ in found] or [self._rows[:0]])
            self._rows, places = torch.unique(all_rows, return_inverse=True)
            zeros = torch.zeros(len(self._rows), self.master.shape[1], device=self.master.device)
            self.gradient = zeros.index_add_(0, places, torch.cat([g for _, g in found])) if found else zeros
        if self._embedding.padding_idx is not None:  # padding never trains
            is_text = self._rows != self._embedding.padding_idx
            self._rows, self.gradient = self._rows[is_text], self.gradient[is_text]

    @torch.no_grad()
    def step(self, moves: Moves) -> None:
        """One AdamW step of the rows in use, published to the working copy."""
        rows, gradient, (beta1, beta2) = self._rows, self.gradient, moves.betas
        steps = self._steps[rows] + 1
        first = torch.lerp(self._first[rows], gradient, 1 - beta1)
        second = torch.lerp(self._second[rows], gradient.square(), 1 - beta2)
        size = (second / (1 - beta2**steps)).sqrt_().add_(moves.eps)
        moved = self.master[rows] * (1 - moves.lr * moves.weight_decay)
        moved -= moves.lr * (first / (1 - beta1**steps)) / size
        for table, values in ((self.master, moved), (self._first, first), (self._second, second)):
            table[rows] = values
        self._steps[rows] = steps
        self._embedding.weight.data[rows] = moved.to(self._embedding.weight.dtype)

    @torch.no_grad()
    def publish(self) -> None:
        """Copy every master to the working copy, in its dtype."""
        self._embedding.weight.copy_(self.master)

    def state(self) -> dict[str, Tensor]:
        """Masters, moments and counts of steps, for a checkpoint."""
        return {"master": self.master, "exp_avg": self._first, "exp_avg_sq": self._second, "step": self._steps}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` gave."""
        for name, tensor in self.state().items():
            tensor.copy_(tensors[name])
        self.publish()


def install(model: nn.Module, names: set[str]) -> None:
    """Let the token embeddings train by rows, where `names` (of parameters that train) holds them and nothing else
    shares them."""
    find = getattr(model, "get_input_embeddings", None)
    plain = find() if find is not None else None
    if type(plain) is not nn.Embedding or plain.max_norm is not None:
        return
    owners = [name for name, parameter in model.named_parameters(remove_duplicate=False) if parameter is plain.weight]
    if len(owners) == 1 and owners[0] in names:
        model.set_submodule(owners[0].removesuffix(".weight"), RowEmbedding(plain))
