"""Extraction: each text crosses the frozen backbone once, and what was asked for is kept.

Two values. `pooled` (rows × poolings × width, per depth) serves heads, ranking and audit; it is pooled from states that
have passed the family's final norm, as a head above that block would read them. A `Boundary` (token states at one cut,
the block's own output) starts stages. One pass fills all that are missing.

Rows are found by their content, so a row that was extracted before, in another split, order or run, is not computed
again, nor is one that occurs twice. What is found is what was computed first: in whatever batch that was, its last
bits may differ from those of another batch (1e-6 relative in float64).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from graft.backbone import identity
from graft.backbone.batch import Collator, batch_tokens_for, padding_for
from graft.backbone.boundary import ON_DISK, Boundary
from graft.backbone.crossing import Crossing, Kind
from graft.backbone.model import Backbone
from graft.backbone.paths import attention_for, set_attention
from graft.backbone.trunk import Trunk
from graft.backbone.working import working_copy
from graft.backbone.worth import Worth
from graft.cache.shelf import Layout
from graft.cache.store import Store
from graft.data.tokens.tokens import Tokens
from graft.machine import dtype_of
from graft.records import MachineRecord, Progress

POOLED, STATES = "pooled", "states"  # the kinds of value
TOKEN, MEAN = 0, 1  # the places of a family's two poolings: of one token (its first or its last), and over all


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an extraction must give: pooled states at these depths, token states at these cuts.

    `passes`: how often the states at each cut will be read; 0 and none: they are kept whether that is cheaper or not.
    """

    depths: tuple[int, ...] = ()
    cuts: tuple[int, ...] = ()
    passes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Features:
    """What an extraction gave, and what it cost."""

    pooled: dict[int, Tensor]  # depth → rows × poolings × width
    boundaries: dict[int, Boundary]  # cut → token states by row; absent where they do not fit, or are not worth it
    hits: int  # rows that were not computed: found, or equal to another row
    bytes: int
    seconds: float
    extracted: int = 0  # rows that crossed the backbone
    spared: float = 0.0  # seconds that computing the hits would have taken, at the measured rate
    whole: float = 0.0  # seconds that computing every row takes, at the measured rate
    notes: tuple[str, ...] = ()  # sentences: what of the cache was damaged or could not be written
    worth: dict[int, Worth] = field(default_factory=dict)  # cut → what reading and computing its states take here


class Extractor:
    """A frozen backbone in its working dtype, in eval mode. `extracted` counts the rows that ever crossed it."""

    def __init__(self, backbone: Backbone, machine: MachineRecord, store: Store) -> None:
        self.machine = machine
        self.store = store
        self.width = backbone.record.width
        self.poolings = backbone.family.poolings
        self.dtype = dtype_of(machine)
        self.attention: str = attention_for(machine)
        self.features: Features | None = None
        self.extracted = 0
        self._pad = backbone.tokenizer.pad_token_id or 0
        self._backbone = backbone
        self._trunk: Trunk | None = None
        self._made_from: identity.Sums = []

    @property
    def trunk(self) -> Trunk:
        """The working copy, made when something must really be computed."""
        if self._trunk is None:
            work = working_copy(self._backbone.model, self.machine.device, self.dtype)
            set_attention(work, self.attention)
            self._trunk = Trunk(work, self._backbone.family)
            self._made_from = self._made_from or identity.sums(self._backbone)
        return self._trunk

    def run(self, tokens: Tokens, wanted: Wanted, phase: str = "extract") -> Iterator[Progress]:
        """Find or compute what is wanted; afterwards `self.features` holds it."""
        began = time.perf_counter()
        kinds = self._kinds(wanted)
        crossing = Crossing(tokens, kinds, self.store)
        if crossing.rows_missing:
            budget = batch_tokens_for(self.machine.device), padding_for(self.machine.device)
            collate = Collator(tokens, self._pad, self.machine.device)
            try:
                for progress in crossing.run(self.trunk, collate, *budget):
                    yield replace(progress, phase=phase)
            finally:
                self.extracted += crossing.extracted
        self.features = self._gathered(tokens, wanted, crossing, began)

    def _kinds(self, wanted: Wanted) -> dict[tuple[str, int], Kind]:
        """What is wanted, each with its shelf."""
        names = [*((POOLED, depth) for depth in wanted.depths), *((STATES, cut) for cut in wanted.cuts)]
        kinds: dict[tuple[str, int], Kind] = {}
        if not names:
            return kinds
        shared = identity.fields(self._backbone, self.machine, self.dtype, self.attention)
        sums, blocks = identity.sums(self._backbone), self._backbone.family.blocks
        if sums != self._made_from:  # the model was trained since: its working copy is another one's
            self._trunk, self._made_from = None, sums
        for name, depth in names:
            fields = shared | identity.kinds_below(self._backbone, depth)
            fields |= {"kind": f"{name} after block {depth}", "in memory": identity.below(sums, blocks, depth)}
            layout = Layout(ON_DISK[self.dtype], self.width)
            if name == POOLED:
                fields |= {"poolings": ", ".join(self.poolings)}
                layout = Layout("float32", len(self.poolings) * self.width)
            shelf = self.store.shelf(fields, layout, self._backbone.record.name)
            passes = dict(zip(wanted.cuts, wanted.passes, strict=False)).get(depth, 0) if name == STATES else 0
            kinds[name, depth] = Kind(depth, self.poolings if name == POOLED else (), shelf, passes)
        return kinds

    def _gathered(self, tokens: Tokens, wanted: Wanted, crossing: Crossing, began: float) -> Features:
        shape = (len(tokens), len(self.poolings), self.width)
        pooled = {depth: crossing.pooled((POOLED, depth)).view(shape) for depth in dict.fromkeys(wanted.depths)}
        found = ((cut, crossing.states((STATES, cut), self.dtype)) for cut in dict.fromkeys(wanted.cuts))
        boundaries = {cut: states for cut, states in found if states is not None}
        rate = crossing.rate
        return Features(
            pooled,
            boundaries,
            hits=len(tokens) - crossing.extracted,
            bytes=sum(values.nbytes for part in (pooled, boundaries) for values in part.values()),
            seconds=time.perf_counter() - began,
            extracted=crossing.extracted,
            spared=(len(tokens.ids) - crossing.tokens_extracted) / rate if rate else 0.0,
            whole=len(tokens.ids) / rate if rate else 0.0,
            notes=crossing.notes,
            worth={cut: crossing.worth((STATES, cut)) for cut in wanted.cuts},
        )


def all_depths(backbone: Backbone) -> tuple[int, ...]:
    """Every block's output, from the first block's up."""
    return tuple(range(1, backbone.record.blocks + 1))


def views(
    pooled: dict[int, Tensor], depths: Sequence[int], poolings: tuple[str, str] = ("first", "mean")
) -> Iterator[tuple[str, int, Tensor]]:
    """Every (pooling, depth, features_ND) that a linear head could read, "layers" (the mean over blocks) last."""
    for (index, pooling), depth in itertools.product(enumerate(poolings), depths):
        yield pooling, depth, pooled[depth][:, index]
    yield "layers", max(depths), torch.stack([pooled[depth][:, MEAN] for depth in depths]).mean(0)
