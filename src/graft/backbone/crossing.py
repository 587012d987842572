"""One pass of rows across the frozen blocks, which fills what the cache lacks of each kind of value.

Works on distinct rows; each is computed at most once, and only as deep as what it lacks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.batch import Collator, by_length
from graft.backbone.boundary import Boundary, as_array
from graft.backbone.heads import pool
from graft.backbone.trunk import Trunk
from graft.backbone.worth import SOONEST, Worth
from graft.cache.filling import Filling
from graft.cache.shelf import Numbers, Shelf
from graft.cache.store import Store
from graft.data.tokens.tokens import Tokens
from graft.records import Progress

Name = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Kind:
    """One value that is wanted: pooled states at a depth, or token states at a cut (no `poolings`)."""

    depth: int
    poolings: tuple[str, ...]
    shelf: Shelf
    passes: int = 0  # how often token states will be read; 0: they are kept in any case

    @property
    def is_pooled(self) -> bool:
        return bool(self.poolings)


class Crossing:
    """What is found of the wanted kinds, and the pass that computes the rest."""

    def __init__(self, tokens: Tokens, kinds: dict[Name, Kind], store: Store) -> None:
        self.extracted = 0  # distinct rows computed so far
        self.tokens_extracted = 0
        self._kinds = kinds
        self._store = store
        self._first, self._which, self._digests = distinct(tokens)
        self._lengths = tokens.lengths[self._first]
        self._places = {name: kind.shelf.find(self._digests) for name, kind in kinds.items()}
        self._missing = {name: ~places.found for name, places in self._places.items()}
        self._batches = 0
        self._computing: dict[Name, float] = {}  # seconds a token, of the fastest batch
        self._given_up: set[Name] = set()
        self._pooled = {name: self._found(name) for name, kind in kinds.items() if kind.is_pooled}

    def _found(self, name: Name) -> NDArray[np.float32]:
        """Room for every row's pooled states; those of the distinct rows that were found, where these are first met."""
        shelf, rows = self._kinds[name].shelf, np.flatnonzero(~self._missing[name])
        values = np.empty((len(self._which), shelf.layout.width), dtype=np.float32)
        shelf.copy(self._places[name], rows, values, self._first)
        return values

    @property
    def rows_missing(self) -> int:
        """Distinct rows that lack something."""
        return len(self._lacking())

    def _lacking(self) -> Numbers:
        empty = np.zeros(len(self._first), dtype=bool)
        return np.flatnonzero(np.logical_or.reduce([empty, *self._missing.values()])).astype(np.int64)

    @property
    def rate(self) -> float:
        """Tokens per second at which the slowest kind was computed, here or in the run that first did; 0: unknown."""
        return min((kind.shelf.rate for kind in self._kinds.values() if kind.shelf.rate), default=0.0)

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for kind in self._kinds.values() for note in kind.shelf.notes))

    def run(self, trunk: Trunk, collate: Collator, budget: int, padding: int) -> Iterator[Progress]:
        """Compute what is missing, `budget` padded tokens at a time (of which `padding` may be padding), and keep it as
        it comes."""
        lacking = self._lacking()
        total = int(self._lengths[lacking].sum())
        sinks = self._sinks()
        try:
            for names, rows in self._groups(lacking):
                for batch in by_length(self._lengths[rows], budget, padding=padding):
                    some = {name: sinks[name] for name in names if name not in self._given_up}
                    if some:
                        self._batch(trunk, collate, rows[batch], some)
                        self._give_up(sinks)
                    yield Progress("extract", self.tokens_extracted, total)
        finally:  # what was done before an interruption is kept
            for sink in sinks.values():
                sink.commit()

    def _sinks(self) -> dict[Name, Filling]:
        sinks: dict[Name, Filling] = {}
        reserved = 0
        for name, kind in self._kinds.items():
            size = self._size(name)
            sinks[name] = self._store.filling(kind.shelf, size, reserved)
            reserved += size if sinks[name].keeps else 0
        return sinks

    def _give_up(self, sinks: dict[Name, Filling]) -> None:
        """Once, after the first batches: keep no more of what is cheaper to compute again than to keep."""
        self._batches += 1
        if self._batches != SOONEST:
            return
        for name, kind in self._kinds.items():
            if kind.passes and self._missing[name].any() and not self.worth(name).keeps(kind.passes):
                self._given_up.add(name)
                sinks[name].drop()

    def worth(self, name: Name) -> Worth:
        """What reading and computing states takes, a token, as it was measured here or when they were computed."""
        shelf = self._kinds[name].shelf
        size, computing = shelf.layout.bytes, 1 / shelf.rate if shelf.rate else self._computing.get(name, 0.0)
        return Worth(
            computing, size * shelf.pace_of_writing.seconds_a_byte, size * shelf.pace_of_reading.seconds_a_byte
        )

    def _size(self, name: Name) -> int:
        """Bytes that are still to be written of a kind."""
        kind, missing = self._kinds[name], self._missing[name]
        vectors = missing.sum() if kind.is_pooled else self._lengths[missing].sum()
        return int(vectors) * kind.shelf.layout.bytes

    def _groups(self, lacking: Numbers) -> Iterator[tuple[list[Name], Numbers]]:
        """Rows that lack the same kinds together."""
        names = list(self._missing)
        lacks = np.array([self._missing[name][lacking] for name in names])
        patterns, which = np.unique(lacks, axis=1, return_inverse=True)
        for number in range(patterns.shape[1]):
            chosen = [name for name, is_missing in zip(names, patterns[:, number], strict=True) if is_missing]
            yield chosen, lacking[which.ravel() == number]

    def _batch(self, trunk: Trunk, collate: Collator, rows: Numbers, sinks: dict[Name, Filling]) -> None:
        began = time.perf_counter()
        depths = sorted({self._kinds[name].depth for name in sinks})
        with torch.inference_mode():
            ids_BT, mask_BT = collate(self._first[rows])
            types_BT = collate.types(self._first[rows], ids_BT.shape[1])
            states = dict(zip(depths, trunk.states(ids_BT, mask_BT, depths, types_BT), strict=True))
            values = {name: _values(self._kinds[name], states, trunk, mask_BT) for name in sinks}
        seconds, tokens = time.perf_counter() - began, int(self._lengths[rows].sum())
        for name, sink in sinks.items():
            kind, array = self._kinds[name], as_array(values[name])
            took = seconds * kind.depth / depths[-1] if depths[-1] else seconds, tokens
            computing = took[0] / max(tokens, 1)
            self._computing[name] = min(computing, self._computing.get(name, computing))
            if kind.is_pooled:
                self._pooled[name][self._first[rows]] = array
            sink.add(self._digests[rows], np.ones_like(rows) if kind.is_pooled else self._lengths[rows], array, took)
        self.extracted += len(rows)
        self.tokens_extracted += tokens

    def pooled(self, name: Name) -> Tensor:
        """Pooled states of every row, those of equal rows repeated."""
        values, met = self._pooled[name], self._first[self._which]
        again = np.flatnonzero(met != np.arange(len(met)))
        values[again] = values[met[again]]
        return torch.from_numpy(values)

    def states(self, name: Name, dtype: torch.dtype) -> Boundary | None:
        """Token states of every row; None where they could not all be kept, or are cheaper to compute."""
        kind = self._kinds[name]
        if name in self._given_up:
            return None
        places = kind.shelf.find(self._digests)
        return Boundary(kind.shelf, places.take(self._which), dtype) if places.found.all() else None


def _values(kind: Kind, states: dict[int, Tensor], trunk: Trunk, mask_BT: Tensor | None) -> Tensor:
    """One batch's part: pooled past the final norm (rows × poolings and width, fp32), or its real tokens' states."""
    found_BTD = states[kind.depth]
    if kind.is_pooled:
        normed_BTD = trunk.normed(found_BTD)
        return torch.cat([pool(normed_BTD, mask_BT, pooling) for pooling in kind.poolings], dim=1).float().cpu()
    flat_ND = found_BTD.flatten(0, 1) if mask_BT is None else found_BTD[mask_BT.bool()]
    return flat_ND.contiguous().cpu()


def distinct(tokens: Tokens) -> tuple[Numbers, Numbers, NDArray[np.uint64]]:
    """Where each distinct row is first met, which of them each row is, and their digests."""
    every = tokens.digests()
    order = np.lexsort((every[:, 1], every[:, 0]))
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (every[order][1:] != every[order][:-1]).any(axis=1)
    sorted_first = order[is_new]
    rank = np.empty(len(sorted_first), dtype=np.int64)
    rank[np.argsort(sorted_first)] = np.arange(len(sorted_first))
    which = np.empty(len(order), dtype=np.int64)
    which[order] = rank[np.cumsum(is_new) - 1]
    first = np.sort(sorted_first).astype(np.int64)
    return first, which, every[first]
