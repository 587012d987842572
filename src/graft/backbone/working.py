"""A model as a stage works with it: copied, in the working dtype, and cut where states below are cached.

What every path has in common, whatever its head reads; a path adds what goes into the model and what is taken from it.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from graft.backbone.boundary import Boundary
from graft.backbone.dropout import MaskPool, install
from graft.backbone.model import Backbone
from graft.backbone.trunk import StandIn, Trunk
from graft.machine import dtype_of, sent
from graft.records import MachineRecord

FREQUENCIES = "inv_freq"  # how the library's buffers of them end, which are made anew and never saved


def working_copy(model: PreTrainedModel, device: str, dtype: torch.dtype) -> PreTrainedModel:
    """A copy on a device in a dtype, in eval mode, as `deepcopy` and `converted` give it; but no number is copied
    twice, nor a second model ever held in the first one's dtype."""
    kept = {id(buffer) for *_, buffer in _frequencies(model)}
    made: dict[int, Any] = {}
    for one in itertools.chain(model.parameters(), model.buffers()):
        to = dtype if one.is_floating_point() and id(one) not in kept else None
        moved = one.detach().to(device, to, copy=True)
        made[id(one)] = nn.Parameter(moved, one.requires_grad) if isinstance(one, nn.Parameter) else moved
    copied = copy.deepcopy(model, made)
    copied.eval()
    return copied


def converted(model: PreTrainedModel, device: str, dtype: torch.dtype) -> PreTrainedModel:
    """The model itself, moved, in eval mode. The frequencies of rotary positions stay in their dtype, as where the
    library loads a model in another one: in bf16 they lose what tells far places apart."""
    kept = list(_frequencies(model))
    cast(Any, model).to(device=device, dtype=dtype).eval()
    for module, name, buffer in kept:
        module.register_buffer(name, buffer.to(device), persistent=False)
    return model


def _frequencies(model: PreTrainedModel) -> Iterator[tuple[nn.Module, str, Tensor]]:
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if name.endswith(FREQUENCIES) and name in module._non_persistent_buffers_set:
                yield module, name, buffer


class WorkingModel:
    """A backbone's model on its device, in eval mode. `copied`: the backbone's own stays as it is."""

    def __init__(self, backbone: Backbone, machine: MachineRecord, copied: bool = True) -> None:
        made = working_copy if copied else converted
        self.module = cast(Any, made(backbone.model, machine.device, dtype_of(machine)))
        self.device = machine.device
        self.pools: list[MaskPool] = []
        self.apart = False  # whether each text of a pair is read by itself
        self.trunk = Trunk(self.module, backbone.family)
        self._stand_in: StandIn | None = None

    def set_dropout(self, hidden: float, attention: float) -> None:
        """The rates that hold in train mode."""
        dtype = next(self.module.parameters()).dtype
        self.pools = install(self.module, hidden, attention, self.device, dtype)

    @contextmanager
    def above(self, cut: int) -> Iterator[None]:
        """Within this context the blocks below the cut are replaced by the feeds' cached states."""
        with self.trunk.cut_at(cut) as stand_in:
            self._stand_in = stand_in
            try:
                yield
            finally:
                self._stand_in = None

    def boundary(self, cached: Boundary | Tensor | None) -> Boundary | None:
        """What a feed has cached at the cut; None where there is no cut and all is computed."""
        if self._stand_in is None:
            return None
        assert isinstance(cached, Boundary), "above a cut, states must be cached"
        return cached

    def put(self, states: Tensor) -> None:
        """The cached states from which the next forward pass goes on, in the shape of its token ids."""
        assert self._stand_in is not None, "states are put only above a cut"
        self._stand_in.states = sent(states, self.device)
