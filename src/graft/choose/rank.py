"""Ranking: one pass of each candidate over a sample of the train split, and the scores of every depth.

Only rows of train are read. A generator of events: `Progress` often, `Measured` or `Unranked` for each candidate.

    pilot      each model is loaded and reads a few rows, which tells its pace
    shares     who is too slow even for few rows is skipped; the others share the time so that all read about as many
    passes     each reads on as long as its share lasts, and its depths are scored

What a pass extracts goes through the cache of representations, so the run that follows does not extract it again.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.features import Extractor, Features, Wanted, all_depths
from graft.backbone.model import Backbone
from graft.backbone.model import load as load_model
from graft.backbone.precision import serving
from graft.cache.store import Store
from graft.choose.candidates import Found, Named, located
from graft.choose.sample import stratified_order
from graft.choose.views import scored, scoring_seconds
from graft.data.pairs import tokenize_rows
from graft.data.table import Rows
from graft.data.tokens import Tokens
from graft.errors import GraftError, ModelError, first_line
from graft.records import Candidate, MachineRecord, Progress, Unranked, View

MOST_ROWS = 6000  # beyond these scores hardly move
FEWEST_ROWS = 200
WARM_UP, PILOT = 16, (80, 400)  # rows: the first pass through a model is slower than those that follow
PATIENCE = 0.5  # seconds that a further part of the pilot may take
HELD = 0.25  # share of the free memory that models may hold between pilot and pass


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a model reads on this machine, as it was measured."""

    seconds_per_token: float  # of a forward pass, many rows at once
    tokens_per_text: float
    loading: float  # seconds


@dataclass(frozen=True, slots=True)
class Measured:
    """What a pass told of one model."""

    model: Candidate  # the whole one
    sizes: tuple[int, ...]  # parameters of the model kept up to block 1, 2, …
    views: tuple[View, ...]
    rows: int
    pace: Pace
    depths: tuple[int, ...]  # that are candidates


Event = Progress | Unranked | Measured


@dataclass(frozen=True, slots=True)
class Sample:
    """What every candidate reads: rows of train in an order of which every prefix is a sample, and the time for it."""

    train: Rows
    classes: tuple[str, ...]
    limit: int  # tokens of a text, as the recipe cuts them
    deadline: float | None = None  # time.perf_counter() at which all must be scored; None: no hurry
    most: int = MOST_ROWS

    @property
    def order(self) -> NDArray[np.int64]:
        return stratified_order(self.train.codes)[: self.most]

    def targets(self, order: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self.train.codes[order].astype(np.int64))

    @property
    def left(self) -> float:
        return np.inf if self.deadline is None else self.deadline - time.perf_counter()


def rank(wanted: Sequence[Named], sample: Sample, machine: MachineRecord, store: Store, free: int) -> Iterator[Event]:
    """Measure every candidate that can be. `free`: bytes of memory that may be used (0: not known)."""
    order = sample.order
    sampled = sample.train.take(order)
    entrants: list[_Entrant] = []
    for found in located(wanted, free):
        if isinstance(found, Unranked):
            yield found
            continue
        entrant = _Entrant(found, sample, machine, store)
        skipped = yield from _tried(entrant.pilot(sampled), found.named.name)
        if skipped is None:
            entrants.append(entrant)
            _release(entrants, free)
    for entrant, why in _too_slow(entrants, sample):
        entrants.remove(entrant)
        yield Unranked(entrant.name, why)
    targets = sample.targets(order)
    while entrants:
        whole = sum(entrant.seconds(len(order)) for entrant in entrants)
        entrant = entrants.pop(0)
        share = sample.left * entrant.seconds(len(order)) / whole  # so that all read about as many rows
        yield from _tried(entrant.measure(targets, time.perf_counter() + share), entrant.name)
        entrant.backbone = entrant.extractor = None


def _tried(work: Iterator[Event], name: str) -> Generator[Event, None, Unranked | None]:
    """The events of one candidate's work; whatever goes wrong with it must not stop the others."""
    try:
        yield from work
        return None
    except MemoryError:
        skipped = Unranked(name, "the memory did not suffice")
    except GraftError as error:
        skipped = Unranked(name, error.found)
    except _NoTime:
        skipped = Unranked(name, "the time was up before it was scored")
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, KeyError) as error:
        skipped = Unranked(name, f"it cannot be run: {first_line(error)}")
    yield skipped
    return skipped


class _NoTime(Exception):
    """The deadline passed."""


@dataclass
class _Entrant:
    """A candidate on its way through the ranking."""

    found: Found
    sample: Sample
    machine: MachineRecord
    store: Store
    backbone: Backbone | None = None
    extractor: Extractor | None = None
    tokens: Tokens = field(default_factory=lambda: Tokens(np.zeros(0, np.int32), np.zeros(1, np.int64)))
    pace: Pace = Pace(0.0, 0.0, 0.0)
    width: int = 0

    @property
    def name(self) -> str:
        return self.found.named.name

    def load(self) -> tuple[Backbone, Extractor]:
        if self.backbone is None or self.extractor is None:
            self.backbone = load_model(self.found.located, self.sample.classes)
            self.extractor = Extractor(self.backbone, serving(self.backbone, self.machine), self.store)
        return self.backbone, self.extractor

    def pilot(self, sampled: Rows) -> Iterator[Event]:
        """Load it, tokenise the sample, read a few rows."""
        began = time.perf_counter()
        backbone, _ = self.load()
        self.width = backbone.record.width
        asked, blocks = self.found.named.depth, backbone.record.blocks
        if asked is not None and not 1 <= asked <= blocks:
            raise ModelError(f"it has {blocks} blocks, so there is no {self.name}@{asked}")
        loading = time.perf_counter() - began
        limit = min(self.sample.limit, backbone.record.max_tokens)
        self.tokens = tokenize_rows(sampled, backbone.tokenizer.backend_tokenizer, limit)[0]
        self.pace = Pace(0.0, float(self.tokens.lengths.mean()), loading)
        read = 0
        for end in (WARM_UP, *PILOT):
            rows = np.arange(read, min(end, len(self.tokens)))
            if len(rows) == 0 or self.pace.seconds_per_token * int(self.tokens.lengths[rows].sum()) > PATIENCE:
                break
            yield from self._read(rows)
            read = end

    def measure(self, targets: Tensor, until: float) -> Iterator[Event]:
        """Read as much of the sample as can be scored by `until` (time.perf_counter()), and score every depth.

        The fewest rows are read and scored first; they are what is told where there turns out to be no time for more.
        """
        backbone, _ = self.load()
        done = fewest = len(self.tokens) if until == np.inf else min(FEWEST_ROWS, len(self.tokens))
        parts = [(yield from self._read(np.arange(done))).pooled]
        began = time.perf_counter()
        best = self._scored(parts, targets[:done], np.inf)
        assert best is not None
        slower = max(1.0, (time.perf_counter() - began) / self._scoring(done))
        while (more := self._next(done, until, slower)) > done:
            parts.append((yield from self._read(np.arange(done, more))).pooled)
            done = more
        scored = self._scored(parts, targets[:done], until) if done > fewest else None
        read, views = (done, scored) if scored is not None else (fewest, best)
        record = backbone.record
        model = Candidate(
            self.name, record.family, record.blocks, record.blocks, record.width, record.parameters, record.max_tokens,
            self.found.card.licence, self.found.card.score(),
        )  # fmt: skip
        asked = self.found.named.depth
        depths = tuple(range(1, record.blocks + 1)) if asked is None else (asked,)
        yield Measured(model, _sizes(backbone), views, read, self.pace, depths)

    def _next(self, done: int, until: float, slower: float) -> int:
        """Up to which row to read on, as far as time is left to read and score them."""
        for factor in (2.0, 1.5, 1.25):
            more = min(len(self.tokens), int(factor * done))
            reading = self.pace.seconds_per_token * int(self.tokens.lengths[done:more].sum())
            if time.perf_counter() + reading + slower * self._scoring(more) < until:
                return more
        return done

    def _scored(self, parts: Sequence[dict[int, Tensor]], targets: Tensor, until: float) -> tuple[View, ...] | None:
        """Every view of the rows that were read; None when the time is up before all are scored."""
        backbone, _ = self.load()
        pooled = {depth: torch.cat([part[depth] for part in parts]) for depth in parts[0]}
        views = []
        for view in scored(pooled, backbone.family.poolings, targets):
            views.append(view)
            if time.perf_counter() > until:
                return None
        return tuple(views)

    def _scoring(self, rows: int) -> float:
        """Seconds, as far as can be said before it."""
        return scoring_seconds(rows, self.width, self.backbone.record.blocks if self.backbone else 12)

    def seconds(self, rows: int) -> float:
        """What `measure` takes for so many rows, as far as can be said before it."""
        reading = self.pace.seconds_per_token * int(self.tokens.lengths[:rows].sum())
        again = self.pace.loading if self.backbone is None else 0.0
        return reading + again + self._scoring(rows)

    def _read(self, rows: NDArray[np.int64]) -> Generator[Progress, None, Features]:
        backbone, extractor = self.load()
        tokens = self.tokens.take(rows)
        for event in extractor.run(tokens, Wanted(all_depths(backbone)), f"read by {self.name}"):
            if self.sample.left < 0:
                raise _NoTime
            yield event
        found = extractor.features
        assert found is not None
        # how fast: now, where most of it was computed now; else as it was when it was computed
        is_new = 2 * found.extracted > len(rows)
        seconds = found.seconds * len(rows) / found.extracted if is_new else found.whole
        if seconds:
            self.pace = dataclasses.replace(self.pace, seconds_per_token=seconds / max(len(tokens.ids), 1))
        return found


def _sizes(backbone: Backbone) -> tuple[int, ...]:
    """Parameters of the backbone kept up to each block."""
    blocks = backbone.model.base_model.get_submodule(backbone.family.blocks)
    own = [sum(parameter.numel() for parameter in block.parameters()) for block in blocks.children()]
    whole = sum(parameter.numel() for parameter in backbone.model.base_model.parameters())
    return tuple(whole - sum(own[depth:]) for depth in range(1, len(own) + 1))


def _release(entrants: Sequence[_Entrant], free: int) -> None:
    """Let go of models until those that stay loaded leave most of the memory free."""
    held = [entrant for entrant in entrants if entrant.backbone is not None]
    sizes = [6 * entrant.backbone.record.parameters for entrant in held if entrant.backbone is not None]
    while free and sum(sizes) > HELD * free:
        largest = int(np.argmax(sizes))
        held[largest].backbone = held[largest].extractor = None
        sizes[largest] = 0


def _too_slow(entrants: Sequence[_Entrant], sample: Sample) -> Iterator[tuple[_Entrant, str]]:
    """The slowest candidates, until the others can read a small sample in the time."""
    left = list(entrants)
    fewest = min(FEWEST_ROWS, *(len(entrant.tokens) for entrant in left)) if left else 0
    while left and sum(entrant.seconds(fewest) for entrant in left) > sample.left:
        slowest = max(left, key=lambda entrant: entrant.seconds(fewest))
        left.remove(slowest)
        need = slowest.seconds(fewest)
        yield slowest, f"reading {fewest} rows takes it about {need:.0f} s, and there is not so much time"
