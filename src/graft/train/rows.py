"""An embedding table that trains by rows, and yet as Adam would train it whole.

A vocabulary has tens of thousands of rows, a batch some hundreds of tokens; the gradient and the optimiser's step over
all of them took a tenth of a training step on a CPU. Here a step touches the rows that its texts use. The others would
have gone on by their fading momentum (and weight decay): that is made up for, in one sum per row, when a text next
uses the row, and for all of them before anything else reads the table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

EPS = 1e-8  # Adam's
FADED = 256  # steps after which a momentum has nothing left to give (0.9 to that power is 1e-12)


@dataclass(frozen=True, slots=True)
class Moves:
    """How far a step moves: the rate, Adam's betas, and the weight decay."""

    lr: float
    betas: tuple[float, float]
    weight_decay: float


class Elapsed:
    """What a row that was last touched after `touched` steps has missed since; counted from when all were settled.

    Without a gradient, step t moves a row by a_t · β1^j/√β2^j · m/√v, j steps after m and v were its moments, where
    a_t is the rate with Adam's two corrections. `drift[s]` sums these shares for a row last touched after step s.
    """

    def __init__(self, rows: int, device: torch.device) -> None:
        self.steps = 0
        self.touched = torch.zeros(rows, dtype=torch.long, device=device)
        self.drift = torch.zeros(FADED, dtype=torch.float64, device=device)
        self.log_decay = torch.zeros(FADED, dtype=torch.float64, device=device)  # its sum up to each step

    def add(self, moves: Moves, taken: int) -> None:
        """One more step; `taken` is its number since training began."""
        self.steps += 1
        if self.steps == len(self.drift):
            self.drift, self.log_decay = (torch.cat([past, past * 0]) for past in (self.drift, self.log_decay))
        beta1, beta2 = moves.betas
        share = moves.lr * math.sqrt(1 - beta2**taken) / (1 - beta1**taken)
        first = max(0, self.steps - FADED)
        ages = torch.arange(self.steps - first, 0, -1, dtype=torch.float64, device=self.drift.device)
        kept = max(1 - moves.lr * moves.weight_decay, 1e-30)  # absurd rates end in weights that are not finite
        self.drift[: self.steps] *= kept  # what was moved before is decayed too
        self.drift[first : self.steps] += share * (beta1 / math.sqrt(beta2)) ** ages
        self.log_decay[self.steps] = self.log_decay[self.steps - 1] + math.log(kept)


class RowEmbedding(nn.Embedding):
    """Takes an nn.Embedding's place while it trains; its parameter is the working copy and keeps its name.

    In train mode rows are read from fp32 masters (rows × width), and their gradients remembered until `gather`.
    """

    def __init__(self, plain: nn.Embedding) -> None:
        super().__init__(plain.num_embeddings, plain.embedding_dim, plain.padding_idx, _weight=plain.weight)
        self.weight = plain.weight
        self.used: list[tuple[Tensor, Tensor]] = []
        self._master = plain.weight.detach().to(torch.float32, copy=True)
        self._first, self._second = torch.zeros_like(self._master), torch.zeros_like(self._master)
        self._taken = 0
        self._betas = (0.9, 0.999)
        self._elapsed = Elapsed(len(self._master), self._master.device)
        self._rows = torch.zeros(0, dtype=torch.long)
        self.gradient = torch.zeros(0, self._master.shape[1])

    def forward(self, ids: Tensor) -> Tensor:
        if not (self.training and torch.is_grad_enabled()):
            return super().forward(ids)
        rows, places = torch.unique(ids, return_inverse=True)
        self._catch_up(rows)
        leaf = self._master.index_select(0, rows).requires_grad_()
        self.used.append((rows, leaf))
        return nn.functional.embedding(places, leaf).to(self.weight.dtype)

    @property
    def master(self) -> Tensor:
        """Every row as it stands after all steps."""
        self._settle()
        return self._master

    @torch.no_grad()
    def gather(self, first: bool) -> None:
        """Take in the gradients of the last backward pass: instead of what is held (`first`), or added to it."""
        held = [] if first else [(self._rows, self.gradient)]
        found = held + [(rows, leaf.grad) for rows, leaf in self.used if leaf.grad is not None]
        self.used.clear()
        if len(found) == 1:
            self._rows, self.gradient = found[0]
        else:
            all_rows = torch.cat([rows for rows, _ in found] or [self._rows[:0]])
            self._rows, places = torch.unique(all_rows, return_inverse=True)
            zeros = torch.zeros(len(self._rows), self._master.shape[1], device=self._master.device)
            self.gradient = zeros.index_add_(0, places, torch.cat([g for _, g in found])) if found else zeros
        if self.padding_idx is not None:  # padding has no gradient
            self.gradient = self.gradient.masked_fill((self._rows == self.padding_idx).unsqueeze(1), 0.0)

    @torch.no_grad()
    def step(self, moves: Moves) -> None:
        """One AdamW step: of the rows in use now, of the others when they are next needed."""
        rows, gradient, (beta1, beta2) = self._rows, self.gradient, moves.betas
        self._catch_up(rows)
        self._betas = moves.betas
        self._taken += 1
        self._elapsed.add(moves, self._taken)
        first = torch.lerp(self._first.index_select(0, rows), gradient, 1 - beta1)
        second = torch.lerp(self._second.index_select(0, rows), gradient.square(), 1 - beta2)
        size = (second / (1 - beta2**self._taken)).sqrt_().add_(EPS)
        moved = self._master.index_select(0, rows) * (1 - moves.lr * moves.weight_decay)
        moved -= moves.lr / (1 - beta1**self._taken) * first / size
        self._write(rows, moved, first, second)

    def _catch_up(self, rows: Tensor) -> None:
        """Let these rows make the moves of the steps that did not touch them."""
        elapsed, (beta1, beta2) = self._elapsed, self._betas
        since = elapsed.touched[rows]
        rows, since = rows[since < elapsed.steps], since[since < elapsed.steps]
        if len(rows) == 0:
            return
        missed = (elapsed.steps - since).double()
        decay = (elapsed.log_decay[elapsed.steps] - elapsed.log_decay[since]).exp()
        drift, fade, shrink, decay = (
            part.float().unsqueeze(1) for part in (elapsed.drift[since], beta1**missed, beta2**missed, decay)
        )
        first, second = (table.index_select(0, rows) for table in (self._first, self._second))
        eps = EPS * math.sqrt(
            1 - beta2**self._taken
        )  # as large beside these moments as Adam's beside its corrected ones
        moved = self._master.index_select(0, rows) * decay - drift * first / (second.sqrt() + eps)
        self._write(rows, moved, first * fade, second * shrink)

    def _write(self, rows: Tensor, moved: Tensor, first: Tensor, second: Tensor) -> None:
        for table, values in ((self._master, moved), (self._first, first), (self._second, second)):
            table.index_copy_(0, rows, values)
        self._elapsed.touched[rows] = self._elapsed.steps

    @torch.no_grad()
    def _settle(self) -> None:
        if self._elapsed.steps:
            self._catch_up(torch.arange(len(self._master), device=self._master.device))
            self._elapsed = Elapsed(len(self._master), self._master.device)

    @torch.no_grad()
    def publish(self) -> None:
        """Copy every master to the working copy, in its dtype."""
        self.weight.copy_(self.master)

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on. Nothing is settled for it: a checkpoint must change no sum."""
        elapsed = self._elapsed
        counts = torch.tensor([self._taken, elapsed.steps])
        tables = {"master": self._master, "exp_avg": self._first, "exp_avg_sq": self._second}
        past = {"touched": elapsed.touched, "drift": elapsed.drift, "log_decay": elapsed.log_decay}
        return tables | past | {"counts": counts, "betas": torch.tensor(self._betas, dtype=torch.float64)}

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` gave. The working copy follows when training next publishes."""
        for table, key in ((self._master, "master"), (self._first, "exp_avg"), (self._second, "exp_avg_sq")):
            table.copy_(tensors[key])
        beta1, beta2 = tensors["betas"].tolist()
        self._betas = (beta1, beta2)
        self._taken, steps = tensors["counts"].tolist()
        elapsed = Elapsed(len(self._master), self._master.device)
        elapsed.steps = steps
        past = (tensors[key].clone().to(self._master.device) for key in ("touched", "drift", "log_decay"))
        elapsed.touched, elapsed.drift, elapsed.log_decay = past
        self._elapsed = elapsed


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
