"""A backbone cut at a block: run below the cut, and above it from cached states.

Nothing of an architecture is rewritten. The slots of the blocks that must not run are filled with stand-ins that
return what they are given; the last stand-in below the cut returns the cached states. So the library's own forward
pass still makes masks, positions and final norms, and the result is bit for bit the uncut one.

Shapes: ids_BT (int64), mask_BT (int64 or None when nothing is padded), states_BTD.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from graft.backbone.families import Family, depth_of
from graft.backbone.fastblock import FastBlocks
from graft.backbone.firstrow import by_place, first_row_only

if TYPE_CHECKING:
    from graft.backbone.families import Returns


class StandIn(nn.Module):
    """Takes a block's slot and returns its input, or the states it was told to return, in that family's shape."""

    def __init__(self, block: nn.Module, returns: Returns) -> None:
        super().__init__()
        self.states: Tensor | None = None
        self._block = (block,)  # in a tuple, so that its parameters are not counted as this module's
        self._returns = returns
        self.register_forward_pre_hook(by_place, with_kwargs=True)

    def __getattr__(self, name: str) -> Any:
        """What a family asks of a block before it calls it, such as ModernBERT which attention is its own."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.__dict__["_block"][0], name)

    def forward(self, hidden_BTD: Tensor, *others: Any) -> Any:
        return self._returns(self._block[0], others, hidden_BTD if self.states is None else self.states)


class Turns:
    """The calls of one shared block, as if they were a list of blocks: what stands in for some of them may be set."""

    def __init__(self, slots: nn.ModuleList, calls: int) -> None:
        self._slots = slots
        self._block = slots[0]
        self._turns = [self._block] * calls

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self._turns)

    def __getitem__(self, turn: int) -> nn.Module:
        return self._turns[turn]

    def __setitem__(self, turn: int, module: nn.Module) -> None:
        self._turns[turn] = module
        whole = all(held is self._block for held in self._turns)
        self._slots[0] = self._block if whole else _Round(self._turns)


class _Round(nn.Module):
    """Takes a shared block's slot and calls one module after the other, and then the first again."""

    def __init__(self, turns: list[nn.Module]) -> None:
        super().__init__()
        self._turns = itertools.cycle(tuple(turns))
        self.register_forward_pre_hook(by_place, with_kwargs=True)

    def forward(self, states_BTD: Tensor, mask: Tensor | None = None) -> Any:
        return next(self._turns)(states_BTD, mask)


class Trunk:
    """The blocks of one loaded classification model, which can be switched off from below or from above."""

    def __init__(self, model: PreTrainedModel, family: Family) -> None:
        self.model = model
        slots = cast(nn.ModuleList, model.base_model.get_submodule(family.blocks))
        self._slots = Turns(slots, depth_of(model, family)) if family.shared else slots
        self.blocks: tuple[nn.Module, ...] = tuple(iter(self._slots))  # one block many times, where a family shares it
        self.may_cut = family.known
        self._family = family
        self._below = model.base_model.get_submodule(family.runs)
        self._norm = model.base_model.get_submodule(family.norm) if family.norm else None
        self._masks = family.poolings[0] == "last" and not model.config.is_encoder_decoder
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
        stand_ins = [StandIn(self.blocks[slot], self._family.returns) for slot in slots]
        before = {slot: self._slots[slot] for slot in slots}  # an enclosing cut's stand-ins, perhaps
        try:
            for slot, stand_in in zip(slots, stand_ins, strict=True):
                self._slots[slot] = stand_in
            yield stand_ins
        finally:
            for slot, module in before.items():
                self._slots[slot] = module

    def states(
        self, ids_BT: Tensor, mask_BT: Tensor | None, depths: Sequence[int], types_BT: Tensor | None = None
    ) -> list[Tensor]:
        """The token states after `depth` blocks (0: the embeddings), for each depth asked for, in one pass.

        They are the blocks' own outputs, before any final norm. No block above the deepest is run, unless the
        architecture is unknown: then nothing may stand in for a block.
        """
        captured: dict[int, Tensor] = {}
        hooks = []
        deepest = max(depths)
        for depth in set(depths):
            block = self.blocks[max(depth - 1, 0)]
            hooks.append(_capture(block, captured, depth, self.blocks[:depth].count(block)))
        try:
            with self._fast(), self._replaced(range(max(deepest, 1), len(self.blocks)) if self.may_cut else range(0)):
                mask_BT = self._mask(ids_BT, mask_BT)
                self._below(input_ids=ids_BT, attention_mask=mask_BT, **self._typed(types_BT))
        finally:
            for hook in hooks:
                hook.remove()
        return [captured[depth] for depth in depths]

    def normed(self, states_BTD: Tensor) -> Tensor:
        """A block's output through the final norm, as a head that is grafted on above that block reads it."""
        return states_BTD if self._norm is None else self._norm(states_BTD)

    def logits(self, ids_BT: Tensor, mask_BT: Tensor | None, types_BT: Tensor | None = None) -> Tensor:
        """The classification model's own logits_BC; honours an enclosing `cut_at`."""
        with self._fast(), first_row_only(self.blocks[-1], self._family.name):
            mask_BT = self._mask(ids_BT, mask_BT)
            return self.model(input_ids=ids_BT, attention_mask=mask_BT, **self._typed(types_BT)).logits  # type: ignore[no-any-return]

    def _typed(self, types_BT: Tensor | None) -> dict[str, Tensor]:
        """Token types as the architecture takes them, where it tells the texts of a pair apart at all."""
        tells = getattr(self.model.config, "type_vocab_size", 0) or 0
        return {} if types_BT is None or tells < 2 else {"token_type_ids": types_BT}

    def outputs(self, ids_BT: Tensor, mask_BT: Tensor | None, types_BT: Tensor | None = None) -> Tensor:
        """What a head over every token says, outputs_BTC; honours an enclosing `cut_at`."""
        mask_BT = self._mask(ids_BT, mask_BT)
        with self._fast():
            found = self.model(input_ids=ids_BT, attention_mask=mask_BT, **self._typed(types_BT))
        if "start_logits" in found:  # a head for answers says both apart
            return torch.stack((found.start_logits, found.end_logits), dim=2)
        outputs_BTC: Tensor = found.logits
        return outputs_BTC

    def _mask(self, ids_BT: Tensor, mask_BT: Tensor | None) -> Tensor | None:
        """Where nothing is padded, decoders are told so: the library doubts it, as padding opens their texts, too."""
        return torch.ones_like(ids_BT) if mask_BT is None and self._masks else mask_BT

    def _fast(self) -> AbstractContextManager[None]:
        """Blocks in few steps where plain products are the attention that is asked for, as they are there."""
        is_eager = self.model.config._attn_implementation == "eager"
        return self.fast.in_place() if is_eager and self.model.device.type == "cpu" else nullcontext()


def _capture(block: nn.Module, into: dict[int, Tensor], depth: int, call: int) -> torch.utils.hooks.RemovableHandle:
    """Keep a block's output of its `call`-th call, which is its first unless blocks are shared; for depth 0, the first
    block's first input."""
    calls = itertools.count(1)
    if depth == 0:

        def before(_: nn.Module, args: tuple[Any, ...]) -> None:
            into.setdefault(0, args[0])

        return block.register_forward_pre_hook(before)

    def after(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        if next(calls) == call:
            into[depth] = output[0] if isinstance(output, tuple) else output

    return block.register_forward_hook(after)
