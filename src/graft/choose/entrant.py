"""One candidate on its way through a ranking: loaded, tried on a few rows, read as far as its time goes, scored."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.features import Extractor, all_depths
from graft.backbone.model import Backbone
from graft.backbone.model import load as load_model
from graft.backbone.models import at_hand
from graft.backbone.precision import serving
from graft.cache.store import Store
from graft.choose import units
from graft.choose.candidates import Found
from graft.choose.sample import Sample
from graft.choose.views import scored, scoring_seconds
from graft.data.table import Rows
from graft.data.tokens.encode import Encoded, encode
from graft.data.tokens.longtexts import Limits
from graft.data.tokens.spelling import spell
from graft.errors import ModelError
from graft.records import Candidate, MachineRecord, Progress, Spelling, Unranked, View
from graft.report import words

FEWEST_ROWS = 200
PILOT = ((16, np.inf), (80, 5.0), (400, 0.5))  # rows, and seconds that they may take: the first pass is a slow one
AMPLE = 0.05  # share of the time left: a candidate that takes less needs no closer measurement
SPELT = 500  # texts whose words are looked at


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
    spelling: Spelling | None = None  # of the texts, by its tokenizer


class NoTime(Exception):
    """The deadline passed."""


@dataclass
class Entrant:
    """A candidate on its way through the ranking."""

    found: Found
    sample: Sample
    machine: MachineRecord
    store: Store
    backbone: Backbone | None = None
    extractor: Extractor | None = None
    encoded: Encoded | None = None
    pace: Pace = Pace(0.0, 0.0, 0.0)
    width: int = 0
    spelling: Spelling | None = None

    @property
    def name(self) -> str:
        return self.found.named.name

    @property
    def read(self) -> Encoded:
        """The sample as token rows."""
        assert self.encoded is not None, "pilot comes first"
        return self.encoded

    @property
    def rows(self) -> int:
        return len(self.read.tokens)

    def load(self) -> tuple[Backbone, Extractor]:
        if self.backbone is None or self.extractor is None:
            self.backbone = load_model(self.found.located, self.sample.classes, head=self.sample.task.head)
            self.extractor = Extractor(self.backbone, serving(self.backbone, self.machine), self.store)
        return self.backbone, self.extractor

    def pilot(self, sampled: Rows) -> Iterator[Progress | Unranked]:
        """Load it, tokenise the sample, read a few rows. Depths that it does not have are told, the others go on."""
        began = time.perf_counter()
        backbone, _ = self.load()
        self.width = backbone.record.width
        yield from self._impossible(backbone.record.blocks)
        loading = time.perf_counter() - began
        limit = min(self.sample.limit, backbone.record.max_tokens)
        self.encoded = encode(sampled, backbone.tokenizer.backend_tokenizer, Limits(limit, "truncate"))
        self.spelling = self._spelt(sampled, backbone)
        self.pace = Pace(0.0, float(self.read.tokens.lengths.mean()), loading)
        done = 0
        for end, patience in PILOT:
            rows = np.arange(done, min(end, self.rows))
            ample = done > 0 and self.seconds(self.rows) < AMPLE * self.sample.left
            if len(rows) == 0 or ample or self._reading(done, end) > patience:
                break
            yield from self._read(rows)
            done = end

    def _impossible(self, blocks: int) -> Iterator[Unranked]:
        """The depths that were asked for and are none of this model's. Raises ModelError where no other was."""
        asked = self.found.named.depths
        beyond = [f"{self.name}@{depth}" for depth in asked if not 1 <= depth <= blocks]
        why = f"it has {words.plural(blocks, 'block')}, so there is no"
        if asked and len(beyond) == len(asked):
            raise ModelError(f"{why} {' or '.join(beyond)}")
        yield from (Unranked(name, f"{why} {name}") for name in beyond)

    def _depths(self, blocks: int) -> tuple[int, ...]:
        """Its depths that are candidates."""
        every = range(1, blocks + 1)
        return tuple(depth for depth in every if depth in (self.found.named.depths or every))

    def _spelt(self, sampled: Rows, backbone: Backbone) -> Spelling:
        texts = sampled.texts.take(np.arange(min(SPELT, len(sampled))))
        tokenizer, trained = backbone.tokenizer, at_hand.languages(self.found.located)
        return spell(texts, tokenizer.backend_tokenizer, tokenizer.unk_token_id, trained)

    def measure(self, answers: Tensor, until: float) -> Iterator[Progress | Measured]:
        """Read as much of the sample as can be scored by `until` (time.perf_counter()), and score every depth.

        answers: of all units of the sample. The fewest rows are read and scored first; they are what is told where
        there turns out to be no time for more.
        """
        backbone, _ = self.load()
        answers = answers[torch.from_numpy(units.kept(self.read.layout, self.rows))]
        done = fewest = self.rows if until == np.inf else min(FEWEST_ROWS, self.rows)
        parts = [(yield from self._read(np.arange(done)))]
        began = time.perf_counter()
        best = self._scored(parts, answers[: self._units(done)], np.inf)
        assert best is not None
        slower = max(1.0, (time.perf_counter() - began) / self._scoring(done))
        while (more := self._next(done, until, slower)) > done:
            parts.append((yield from self._read(np.arange(done, more))))
            done = more
        scored = self._scored(parts, answers[: self._units(done)], until) if done > fewest else None
        read, views = (done, scored) if scored is not None else (fewest, best)
        record = backbone.record
        model = Candidate(
            self.name, record.family, record.blocks, record.blocks, record.width, record.parameters, record.max_tokens,
            self.found.card.licence, self.found.card.score(),
        )  # fmt: skip
        depths = self._depths(record.blocks)
        yield Measured(model, sizes(backbone), views, read, self.pace, depths, self.spelling)

    def _units(self, rows: int) -> int:
        return units.units(self.read.layout, rows)

    def _next(self, done: int, until: float, slower: float) -> int:
        """Up to which row to read on, as far as time is left to read and score them: to the end where that is sure,
        else in steps, as the pace of few rows tells little."""
        left = until - time.perf_counter()
        for factor, sure in ((np.inf, 2.0), (2.0, 1.0), (1.5, 1.0), (1.25, 1.0)):
            more = int(min(self.rows, factor * done))
            if sure * (self._reading(done, more) + slower * self._scoring(more)) < left:
                return more
        return done

    def _reading(self, start: int, stop: int) -> float:
        """Seconds for these rows, as far as can be said before it."""
        return self.pace.seconds_per_token * int(self.read.tokens.lengths[start:stop].sum())

    def _scored(self, parts: Sequence[dict[int, Tensor]], answers: Tensor, until: float) -> tuple[View, ...] | None:
        """Every view of the rows that were read; None when the time is up before all are scored."""
        poolings = units.WORD if self.read.layout is not None else self.load()[0].family.poolings
        pooled = {depth: _joined([part[depth] for part in parts]) for depth in parts[0]}
        views = []
        for view in scored(pooled, poolings, answers):
            views.append(view)
            if time.perf_counter() > until:
                return None
        return tuple(views)

    def _scoring(self, rows: int) -> float:
        """Seconds, as far as can be said before it."""
        blocks = self.backbone.record.blocks if self.backbone else 12
        return scoring_seconds(self._units(rows), self.width, blocks)

    def seconds(self, rows: int) -> float:
        """What `measure` takes for so many rows, as far as can be said before it."""
        again = self.pace.loading if self.backbone is None else 0.0
        return self._reading(0, rows) + again + self._scoring(rows)

    def _read(self, rows: NDArray[np.int64]) -> Generator[Progress, None, dict[int, Tensor]]:
        """The units' vectors of these rows, by depth."""
        backbone, extractor = self.load()
        tokens = self.read.tokens.take(rows)
        layout = self.read.layout.take(rows) if self.read.layout is not None else None
        wanted = units.wanted(layout, all_depths(backbone))
        for event in extractor.run(tokens, wanted, f"read by {self.name}"):
            if self.sample.left < 0:
                raise NoTime
            yield event
        found = extractor.features
        assert found is not None
        # how fast: now, where most of it was computed now; else as it was when it was computed
        is_new = 2 * found.extracted > len(rows)
        seconds = found.seconds * len(rows) / found.extracted if is_new else found.whole
        if seconds:
            self.pace = dataclasses.replace(self.pace, seconds_per_token=seconds / max(len(tokens.ids), 1))
        return units.vectors(found, layout, extractor)


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def sizes(backbone: Backbone) -> tuple[int, ...]:
    """Parameters of the backbone kept up to each block."""
    blocks = backbone.model.base_model.get_submodule(backbone.family.blocks)
    own = [sum(parameter.numel() for parameter in block.parameters()) for block in blocks.children()]
    whole = sum(parameter.numel() for parameter in backbone.model.base_model.parameters())
    return tuple(whole - sum(own[depth:]) for depth in range(1, len(own) + 1))
