"""What a fit said and what it took, gathered for the manifest."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from graft import machine
from graft.data.table import Rows
from graft.records import Cost, Epoch, HeadRecord, Outcome, Phase, Skip, Skipped, StageRecord
from graft.train.fit import Event
from graft.train.material import Extracted


class Clock:
    """Seconds per phase, in the order in which the phases were first met."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self._seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def carry(self, name: str, seconds: float) -> None:
        """Count what an earlier process spent on this run."""
        self.began -= seconds
        self.add(name, seconds)

    def add(self, name: str, seconds: float) -> None:
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    @property
    def phases(self) -> tuple[Phase, ...]:
        return tuple(Phase(name, seconds) for name, seconds in self._seconds.items())

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began


@dataclass
class Account:
    """What a fit said on its way, gathered for the manifest. `rows` are the train split's."""

    rows: Rows
    tokens_found: int = 0  # texts whose tokens the cache had
    head: HeadRecord | None = None
    extracted: Extracted | None = None
    epochs: list[Epoch] = field(default_factory=list)
    stages: list[StageRecord] = field(default_factory=list)
    skipped: Skipped = field(default_factory=Skipped)

    def add(self, event: Event) -> Event:
        """Take an event in; returns it with rows named by file and line."""
        match event:
            case Skip():
                return self._placed(event)
            case HeadRecord():
                self.head = event
            case Extracted():
                self.extracted = event
            case Epoch():
                self.epochs.append(event)
            case StageRecord():
                self.stages.append(event)
            case Skipped():
                self.skipped = Skipped(event.steps, tuple(self._placed(skip) for skip in event.first))
        return event

    def _placed(self, skip: Skip) -> Skip:
        return dataclasses.replace(skip, place=self.rows.places(skip.rows))

    def outcome(self, metric: str, clock: Clock, artefact: dict[str, str]) -> Outcome:
        best = next(epoch for epoch in reversed(self.epochs) if epoch.best)
        value = best.validation[metric]
        told = tuple(self.stages), best.stage, best.number, value, self._cost(clock), 0, artefact
        return Outcome("fitted", *told, skipped=self.skipped)

    def _saved(self) -> float:
        """Seconds that hits would have taken to compute, and cached stages to compute again in each further epoch."""
        if self.extracted is None:
            return 0.0
        again = sum(max(stage.epochs - 1, 0) for stage in self.stages if stage.cached)
        both = (self.extracted.train, self.extracted.validation)
        return again * self.extracted.train.whole + sum(found.spared for found in both)

    def _cost(self, clock: Clock) -> Cost:
        trained = [epoch for epoch in self.epochs if epoch.tokens]
        seconds = sum(epoch.tokens / epoch.tokens_per_second for epoch in trained)
        both = (self.extracted.train, self.extracted.validation) if self.extracted else ()
        return Cost(
            seconds=clock.seconds,
            phases=clock.phases,
            peak_memory=machine.peak_memory(),
            tokens_per_second=sum(epoch.tokens for epoch in trained) / seconds if seconds else 0.0,
            cache_hits=sum(found.hits for found in both),
            cache_bytes=sum(found.bytes for found in both),
            cache_seconds_saved=self._saved(),
            cache_rows=sum(found.hits + found.extracted for found in both),
            cache_tokens=self.tokens_found,
        )
