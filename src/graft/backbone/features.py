"""Extraction: each text crosses the frozen backbone once, and what was asked for is kept.

Two values. `Pooled` (rows × depths × poolings × width) serves heads, ranking and audit; it is pooled from states that
have passed the family's final norm, as a head above that block would read them. `Boundary` (token states at one cut,
the block's own output) starts stages. One pass fills all that are missing.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone import store as stores
from graft.backbone.batch import Collator, by_length
from graft.backbone.heads import pool
from graft.backbone.model import Backbone
from graft.backbone.paths import attention_for, set_attention
from graft.backbone.trunk import Trunk
from graft.data.tokens import Tokens
from graft.machine import dtype_of
from graft.records import MachineRecord, Progress

TOKEN, MEAN = 0, 1  # the places of a family's two poolings: of one token (its first or its last), and over all
BATCH_TOKENS = 4096  # fits the caches of a small CPU; a GPU takes more
_DISK = {torch.bfloat16: "int16", torch.float32: "float32", torch.float64: "float64"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an extraction must give: pooled states at these depths, token states at these cuts."""

    depths: tuple[int, ...] = ()
    cuts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Features:
    """What an extraction gave, and what it cost. `hits` counts what was found rather than computed."""

    pooled: dict[int, Tensor]  # depth → rows × poolings × width
    boundaries: dict[int, Tensor]  # cut → tokens × width, in the order of Tokens.ids
    hits: int
    bytes: int
    seconds: float


class Extractor:
    """A frozen backbone in its working dtype, in eval mode."""

    def __init__(self, backbone: Backbone, machine: MachineRecord, store: stores.Store) -> None:
        self.machine = machine
        self.store = store
        self.weights = f"{backbone.record.digest}|{_making(backbone)}"
        self.width = backbone.record.width
        self.poolings = backbone.family.poolings
        self.dtype = dtype_of(machine)
        self._pad = backbone.tokenizer.pad_token_id or 0
        self._backbone = backbone
        self._trunk: Trunk | None = None
        self.features: Features | None = None

    @property
    def trunk(self) -> Trunk:
        """The working copy, made when something must really be computed."""
        if self._trunk is None:
            work = (
                cast(Any, copy.deepcopy(self._backbone.model)).to(device=self.machine.device, dtype=self.dtype).eval()
            )
            set_attention(work, attention_for(self.machine))
            self._trunk = Trunk(work, self._backbone.family)
        return self._trunk

    def run(self, tokens: Tokens, wanted: Wanted, phase: str = "extract") -> Iterator[Progress]:
        """Find or compute what is wanted; afterwards `self.features` holds it."""
        start = time.perf_counter()
        found: dict[str, NDArray[Any]] = {}
        missing: dict[str, stores.Entry] = {}
        names = self._names(tokens, wanted)
        for name, (key, dtype, shape) in names.items():
            values = self.store.find(key)
            if values is not None and values.shape == shape:
                found[name] = values
            else:
                missing[name] = self.store.entry(key, dtype, shape)
        hits = len(found)
        try:
            if missing:
                yield from self._fill(tokens, missing, phase)
            for name, entry in missing.items():
                found[name] = entry.keep()
        finally:
            for entry in missing.values():
                entry.drop()
        self.features = self._features(wanted, found, hits, time.perf_counter() - start)

    def _names(self, tokens: Tokens, wanted: Wanted) -> dict[str, tuple[str, str, tuple[int, ...]]]:
        """What is wanted, by a short name: its key, its dtype on disk and its shape."""
        kinds: dict[str, tuple[str, tuple[int, ...]]] = {}
        for depth in wanted.depths:
            kinds[f"pooled{depth}"] = ("float32", (len(tokens), len(self.poolings), self.width))
        for cut in wanted.cuts:
            kinds[f"cut{cut}"] = (_DISK[self.dtype], (len(tokens.ids), self.width))
        return {
            name: (stores.key(self.weights, tokens, self.machine.precision, self.machine.device, name), dtype, shape)
            for name, (dtype, shape) in kinds.items()
        }

    def _fill(self, tokens: Tokens, missing: dict[str, stores.Entry], phase: str) -> Iterator[Progress]:
        collate = Collator(tokens, self._pad, self.machine.device)
        depths = sorted({_depth(name) for name in missing})
        views = {name: _as_tensor(entry.values, self.dtype) for name, entry in missing.items()}
        done, total = 0, len(tokens.ids)
        for rows in by_length(tokens.lengths, BATCH_TOKENS if self.machine.device == "cpu" else 8 * BATCH_TOKENS):
            with torch.inference_mode():
                ids_BT, mask_BT = collate(rows)
                states = dict(zip(depths, self.trunk.states(ids_BT, mask_BT, depths), strict=True))
                for name, view in views.items():
                    if name.startswith("pooled"):
                        view[torch.from_numpy(rows)] = self._pooled(states[_depth(name)], mask_BT)
                    else:
                        _put(view, states[_depth(name)], rows, collate)
            done += int(tokens.lengths[rows].sum())
            yield Progress(phase, done, total)

    def _pooled(self, states_BTD: Tensor, mask_BT: Tensor | None) -> Tensor:
        normed_BTD = self.trunk.normed(states_BTD)
        pooled = torch.stack([pool(normed_BTD, mask_BT, pooling) for pooling in self.poolings], dim=1)
        return pooled.to(device="cpu", dtype=torch.float32)

    def _features(self, wanted: Wanted, found: dict[str, NDArray[Any]], hits: int, seconds: float) -> Features:
        pooled = {depth: _as_tensor(found[f"pooled{depth}"], torch.float32) for depth in wanted.depths}
        boundaries = {cut: _as_tensor(found[f"cut{cut}"], self.dtype) for cut in wanted.cuts}
        return Features(pooled, boundaries, hits, sum(values.nbytes for values in found.values()), seconds)


def _making(backbone: Backbone) -> str:
    """A digest of all that shapes a forward pass besides the weights: the configuration and the libraries."""
    of_the_task = {"id2label", "label2id", "problem_type", "num_labels", "_name_or_path", "architectures"}
    config = {key: value for key, value in backbone.model.config.to_dict().items() if key not in of_the_task}
    made = json.dumps([config, torch.__version__, transformers.__version__], sort_keys=True, default=str)
    return hashlib.sha256(made.encode()).hexdigest()


def _depth(name: str) -> int:
    return int(name.removeprefix("pooled").removeprefix("cut"))


def _as_tensor(values: NDArray[Any], dtype: torch.dtype) -> Tensor:
    tensor = torch.from_numpy(values)
    return tensor.view(torch.bfloat16) if values.dtype == np.int16 and dtype == torch.bfloat16 else tensor


def _put(view: Tensor, states_BTD: Tensor, rows: NDArray[np.int64], collate: Collator) -> None:
    """Write one batch's part of a boundary."""
    index_BT, mask = collate.positions(rows)
    flat = states_BTD.cpu().flatten(0, 1)
    if mask is None:
        view[index_BT.flatten()] = flat
    else:
        real = mask.flatten().bool()
        view[index_BT.flatten()[real]] = flat[real]


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
