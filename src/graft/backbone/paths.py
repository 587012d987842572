"""From rows to logits, for one stage: through the whole model, above a cut from cached states, or the head alone.

All three hold a module whose trainable parameters carry the names that they have in the model that is saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel

from graft.backbone.batch import Collator, Widths, batch_tokens_for, by_length, in_halves, padding_for
from graft.backbone.boundary import Boundary
from graft.backbone.dropout import MaskPool
from graft.backbone.graphs import STEP, StepGraphs
from graft.backbone.heads import OwnHead, PairedHead, pool
from graft.backbone.kept import room
from graft.backbone.model import HEAD, Backbone
from graft.backbone.readout import of_rows, said
from graft.backbone.working import WorkingModel
from graft.data.spans import taken
from graft.data.tokens.layout import Layout
from graft.data.tokens.tokens import Tokens
from graft.records import MachineRecord, Progress
from graft.tasks.task import Reads

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Feed:
    """One split for a stage: its tokens, and what was extracted for this stage (None: computed as it is needed).

    `cached`: token states at the cut (tokens × width), or pooled features (windows × width) for a head alone.
    `layout`: how the rows lie in the rows of tokens; None: one each, which the head reads as a whole. `replies`: what
    is to be written for each row, where a decoder learns to.
    """

    tokens: Tokens
    cached: Boundary | Tensor | None = None
    layout: Layout | None = None
    replies: Tokens | None = None

    def __len__(self) -> int:
        return len(self.tokens) if self.layout is None else len(self.layout)

    @property
    def lengths(self) -> Rows:
        """Tokens of each row, over all its windows, and of its reply."""
        own = self.tokens.lengths if self.layout is None else self.layout.lengths
        return own if self.replies is None else own + self.replies.lengths

    def widths(self, apart: bool) -> Rows:
        """Tokens that each row takes in a batch of its like: its own; of pairs read apart, twice its longer text's."""
        if not apart or self.tokens.firsts is None:
            return self.lengths
        longer: Rows = np.maximum(self.tokens.firsts, self.lengths - self.tokens.firsts)
        return 2 * longer

    def take(self, rows: Rows) -> Feed:
        """The tokens of these rows, in this order; nothing that was extracted."""
        layout = None if self.layout is None else self.layout.take(rows)
        replies = None if self.replies is None else self.replies.take(rows)
        return Feed(self.tokens.take(self.windows(rows)), None, layout, replies)

    def windows(self, rows: Rows) -> Rows:
        """The token rows that these rows are read through."""
        return rows if self.layout is None else taken(self.layout.bounds, rows)[1]


class Path(Protocol):
    """What a stage trains and validates through."""

    module: nn.Module
    pools: list[MaskPool]  # dropout's masks, to be refilled each epoch
    apart: bool  # each text of a pair is read by itself

    def logits(self, feed: Feed, rows: Rows) -> Tensor:
        """What the head says of these rows, as `readout.said` has it."""
        ...


class HeadPath:
    """A head alone, over pooled features in fp32. `module` is the backbone's model, of which nothing else is run."""

    def __init__(self, backbone: Backbone, head: nn.Module) -> None:
        self.module: nn.Module = backbone.model  # only the head's parameters are ever touched
        self.pools: list[MaskPool] = []
        self.apart = False
        self.reads: Reads = "row"
        self._head = head

    def logits(self, feed: Feed, rows: Rows) -> Tensor:
        assert isinstance(feed.cached, Tensor), "a head alone needs pooled features"
        logits_BC: Tensor = self._head(feed.cached[torch.from_numpy(feed.windows(rows))])
        return logits_BC if feed.layout is None else of_rows(logits_BC, feed.layout, rows)


class ModelPath(WorkingModel):
    """A working copy of the whole model, above `cut` where states are cached, else from the tokens."""

    def __init__(self, backbone: Backbone, machine: MachineRecord, copied: bool = True) -> None:
        super().__init__(backbone, machine, copied)
        set_attention(self.module, attention_for(machine))
        self.reads = backbone.reads
        if copied:
            self.trunk.fast.lay_out()
        self._head: OwnHead | None = getattr(self.module, HEAD, None)
        self.apart = isinstance(self._head, PairedHead)
        self._pad = backbone.tokenizer.pad_token_id or 0
        self._widths = Widths(STEP, backbone.record.max_tokens) if self.device == "cuda" else Widths()
        self._graphs = StepGraphs(self.module, self._raw)

    def logits(self, feed: Feed, rows: Rows) -> Tensor:
        tokens = feed.tokens.apart if self.apart else feed.tokens
        windows = (
            np.concatenate((2 * rows, 2 * rows + 1)) if self.apart else feed.windows(rows)
        )  # first texts, then second
        boundary = self.boundary(feed.cached)
        widths = self._widths if boundary is None else Widths()  # cached states are as wide as their rows
        collate = Collator(tokens, self._pad, self.device, widths)  # views: costs microseconds
        ids_BT, mask_BT = collate(windows)
        types_BT = collate.types(windows, ids_BT.shape[1])
        if boundary is not None:
            self.put(boundary.batch(windows))
            raw = self._raw(ids_BT, mask_BT, types_BT)
        else:
            if mask_BT is None and self.device == "cuda":  # one recording serves both, and finds the quick attention
                mask_BT = torch.ones_like(ids_BT)
            raw = self._graphs.outputs(ids_BT, mask_BT, types_BT)
        return said(raw, feed.layout, rows, self.reads)

    def _raw(self, ids_BT: Tensor, mask_BT: Tensor | None, types_BT: Tensor | None) -> Tensor:
        """What the head says of token rows, of two that are a pair, or of every token in them."""
        if self.reads != "row":
            return self.trunk.outputs(ids_BT, mask_BT, types_BT)
        if self._head is None:
            return self.trunk.logits(ids_BT, mask_BT, types_BT)
        features_BD = self._pooled(self._head, ids_BT, mask_BT, types_BT)
        logits_BC: Tensor = self._head(
            _side_by_side(features_BD) if isinstance(self._head, PairedHead) else features_BD
        )
        return logits_BC

    def _pooled(self, head: OwnHead, ids_BT: Tensor, mask_BT: Tensor | None, types_BT: Tensor | None) -> Tensor:
        depths = range(1, head.depth + 1) if head.pooling == "layers" else (head.depth,)
        pooling = "mean" if head.pooling == "layers" else head.pooling
        states = map(self.trunk.normed, self.trunk.states(ids_BT, mask_BT, tuple(depths), types_BT))
        features_BD = torch.stack([pool(states_BTD, mask_BT, pooling) for states_BTD in states]).mean(0)
        return features_BD.to(head.linear.weight.dtype)


def _side_by_side(features_BD: Tensor) -> Tensor:
    """Features of first texts, then of second ones, as one row per pair."""
    return torch.cat(features_BD.chunk(2), dim=1)


def attention_for(machine: MachineRecord) -> str:
    """The attention that is fastest there: in bf16 on a CPU plain batched products, elsewhere torch's fused one.

    Measured at 16 to 512 tokens on a CPU: in bf16 the fused one's backward pass is up to twice slower; in fp32 it is
    a few percent faster.
    """
    return "eager" if machine.device == "cpu" and machine.precision == "bf16" else "sdpa"


def set_attention(model: nn.Module, name: str) -> None:
    """Set the attention of a working model, where the architecture has a choice.

    MPNet and DeBERTa compute their own, and read their masks as "eager" has them.
    """
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and (name == "eager" or module._supports_sdpa):
            module.config._attn_implementation = name


def predict_logits(
    path: Path, feed: Feed, classes: int, phase: str, batch_tokens: int = 0
) -> Iterator[Progress | NDArray[np.float32]]:
    """What the head says of a whole split, in the order of its rows: rows × classes in fp32, words × classes for a head
    that reads tokens, rows × candidates (`tasks/candidates.py`) for one that looks for answers. The last value yielded
    is the array. `batch_tokens`: padded tokens per forward pass; 0: what suits the device."""
    path.module.eval()
    device = next(path.module.parameters()).device.type
    batch_tokens = batch_tokens or batch_tokens_for(device)
    kept = room(len(feed), feed.layout, classes)
    lengths, done, total = feed.lengths, 0, len(feed.tokens.ids)
    widths = feed.widths(path.apart)

    def answer(some: Rows) -> None:
        with torch.inference_mode():
            kept.put(path.logits(feed, some), some)

    for rows in by_length(widths, batch_tokens, padding=padding_for(device)):
        in_halves(rows, answer)
        done += int(lengths[rows].sum())
        yield Progress(phase, done, total)
    yield kept.values
