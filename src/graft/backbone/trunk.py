"""A backbone cut at a block: run below the cut, and above it from cached states.

Nothing of an architecture is rewritten. The slots of the blocks that must not run are filled with stand-ins that
return what they are given; the last stand-in below the cut returns the cached states. So the library's own forward
pass still makes masks, positions and final norms, and the result is bit for bit the uncut one.

Shapes: ids_BT (int64), mask_BT (int64 or None when nothing is padded), states_BTD.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from graft.backbone.families import Family
from graft.backbone.fastblock import FastBlocks
from graft.backbone.firstrow import first_row_only


class StandIn(nn.Module):
    """Takes a block's slot and returns its input, or the states it was told to return."""

    def __init__(self) -> None:
        super().__init__()
        self.states: Tensor | None = None

    def forward(self, hidden_BTD: Tensor, *_: Any, **__: Any) -> Tensor:
        return hidden_BTD if self.states is None else self.states


class Trunk:
    """The blocks of one loaded classification model, which can be switched off from below or from above."""

    def __init__(self, model: PreTrainedModel, family: Family) -> None:
        self.model = model
        self._slots: nn.ModuleList = model.base_model.get_submodule(family.blocks)  # type: ignore[assignment]
        self.blocks: tuple[nn.Module, ...] = tuple(self._slots)
        self.may_cut = family.known
        self._kind = family.name
        self.fast = FastBlocks(self.blocks, family.name)

    def __len__(self) -> int:
        return len(self.blocks)

    @contextmanager
    def cut_at(self, cut: int) -> Iterator[StandIn | None]:
        """Within this context the blocks below `cut` do not run; yields the stand-in to hand cached states to.

        At cut 0 there is nothing below and None is yielded.
        """
        with self._replaced(range(cut)) as stand_ins:
            yield stand_ins[-1] if stand_ins else None

    @contextmanager
    def _replaced(self, slots: range) -> Iterator[list[StandIn]]:
        stand_ins = [StandIn() for _ in slots]
        before = {slot: self._slots[slot] for slot in slots}  # an enclosing cut's stand-ins, perhaps
        try:
            for slot, stand_in in zip(slots, stand_ins, strict=True):
                self._slots[slot] = stand_in
            yield stand_ins
        finally:
            for slot, module in before.items():
                self._slots[slot] = module

    def states(self, ids_BT: Tensor, mask_BT: Tensor | None, depths: Sequence[int]) -> list[Tensor]:
        """The token states after `depth` blocks (0: the embeddings), for each depth asked for, in one pass.

        No block above the deepest is run, unless the architecture is unknown: then nothing may stand in for a block.
        """
        captured: dict[int, Tensor] = {}
        hooks = []
        deepest = max(depths)
        for depth in set(depths):
            block = self.blocks[max(depth - 1, 0)]
            hooks.append(_capture(block, captured, depth))
        try:
            with self._fast(), self._replaced(range(max(deepest, 1), len(self.blocks)) if self.may_cut else range(0)):
                self.model.base_model(input_ids=ids_BT, attention_mask=mask_BT)
        finally:
            for hook in hooks:
                hook.remove()
        return [captured[depth] for depth in depths]

    def logits(self, ids_BT: Tensor, mask_BT: Tensor | None) -> Tensor:
        """The classification model's own logits_BC; honours an enclosing `cut_at`."""
        with self._fast(), first_row_only(self.blocks[-1], self._kind):
            return self.model(input_ids=ids_BT, attention_mask=mask_BT).logits  # type: ignore[no-any-return]

    def _fast(self) -> AbstractContextManager[None]:
        """Blocks in few steps where plain products are the attention that is asked for, as they are there."""
        is_eager = self.model.config._attn_implementation == "eager"
        return self.fast.in_place() if is_eager and self.model.device.type == "cpu" else nullcontext()


def _capture(block: nn.Module, into: dict[int, Tensor], depth: int) -> torch.utils.hooks.RemovableHandle:
    """Keep a block's output; for depth 0, the first block's input."""
    if depth == 0:

        def before(_: nn.Module, args: tuple[Any, ...]) -> None:
            into[0] = args[0]

        return block.register_forward_pre_hook(before)

    def after(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        into[depth] = output[0] if isinstance(output, tuple) else output

    return block.register_forward_hook(after)
