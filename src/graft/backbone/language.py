"""A causal language model as a stage trains it: through the whole model, or above a cut from cached states.

Shapes: hidden_ND are the states that predict, N the tokens that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from graft.backbone import attention
from graft.backbone.batch import by_length
from graft.backbone.model import Backbone
from graft.backbone.packing import Packed, pack
from graft.backbone.paths import Feed, Rows
from graft.backbone.vocabulary import IGNORED, summed_loss, token_losses
from graft.backbone.working import WorkingModel
from graft.machine import sent
from graft.records import MachineRecord, Progress

SCORED_TOKENS = 8192  # of one forward pass without gradients


class LanguagePath(WorkingModel):
    """A working copy of a causal language model. Its head is the model's own, and tied where the model ties it."""

    def __init__(self, backbone: Backbone, machine: MachineRecord, window: int, copied: bool = True) -> None:
        super().__init__(backbone, machine, copied)
        by_blocks = machine.device == "cpu" and machine.precision == "bf16" and backbone.family.known
        self.module.config._attn_implementation = attention.install() if by_blocks else "sdpa"
        self.window = window
        self._head = cast(nn.Linear, self.module.get_output_embeddings())
        if machine.device == "cpu":
            fuse_gelu(self.module)

    def logits(self, feed: Feed, rows: Rows) -> Tensor:
        """logits_NV of every token that follows another in these rows."""
        hidden_ND, _, _ = self._asked(feed, np.ones(len(feed.tokens), np.int64), rows)
        return cast(Tensor, self._head(hidden_ND))

    def loss(self, feed: Feed, fresh: Rows, rows: Rows) -> Tensor:
        """The summed cross-entropy (nats) of the tokens that these rows are asked for."""
        hidden_ND, targets_N, _ = self._asked(feed, fresh, rows)
        return summed_loss(hidden_ND, self._head, targets_N)

    @torch.inference_mode()
    def nats(self, feed: Feed, fresh: Rows, phase: str) -> Iterator[Progress | NDArray[np.float64]]:
        """Of each row, the summed cross-entropy of the tokens that it is asked for; the last value yielded."""
        self.module.eval()
        found = np.zeros(len(feed.tokens))
        done, total = 0, len(feed.tokens.ids)
        for rows in by_length(feed.tokens.lengths, SCORED_TOKENS):
            with torch.inference_mode():
                hidden_ND, targets_N, owner_N = self._asked(feed, fresh, rows)
                losses_N = token_losses(hidden_ND, self._head, targets_N).double().cpu().numpy()
            found[rows] = np.bincount(owner_N.numpy(), losses_N, minlength=len(rows))
            done += int(feed.tokens.lengths[rows].sum())
            yield Progress(phase, done, total)
        yield found

    def _asked(self, feed: Feed, fresh: Rows, rows: Rows) -> tuple[Tensor, Tensor, Tensor]:
        """(hidden_ND, targets_N, owner_N) of the tokens that rows are asked for."""
        packed = pack(feed.tokens, fresh, rows, self.window)
        asked_BT = packed.targets_BT != IGNORED
        hidden_BTD = self._states(feed, rows, packed)
        owner_N = packed.owner_BT[asked_BT]
        places_N = sent(asked_BT.flatten().nonzero().squeeze(1), self.device)  # found here: a GPU would be waited for
        return hidden_BTD.flatten(0, 1)[places_N], sent(packed.targets_BT[asked_BT], self.device), owner_N

    def _states(self, feed: Feed, rows: Rows, packed: Packed) -> Tensor:
        boundary = self.boundary(feed.cached)
        if boundary is not None:
            self.put(boundary.flat(rows)[packed.index_BT])
        positions_BT = None if packed.positions_BT is None else sent(packed.positions_BT, self.device)
        found = self.module.base_model(
            input_ids=sent(packed.ids_BT, self.device), position_ids=positions_BT, use_cache=False
        )
        return cast(Tensor, found.last_hidden_state)


def fuse_gelu(model: nn.Module) -> None:
    """GPT-2's GELU in one kernel: the library spells it out in eight, most of which wait for memory on a CPU."""
    for parent in list(model.modules()):
        for name, module in list(parent.named_children()):
            if type(module).__name__ == "NewGELUActivation":
                setattr(parent, name, nn.GELU(approximate="tanh"))
