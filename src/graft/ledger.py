"""What a fit spent and did, gathered on its way for the manifest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from graft import machine
from graft.records import Cost, Epoch, HeadRecord, Outcome, Phase, StageRecord
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
class Ledger:
    """What a fit said on its way, gathered for the manifest."""

    head: HeadRecord | None = None
    extracted: Extracted | None = None
    epochs: list[Epoch] = field(default_factory=list)
    stages: list[StageRecord] = field(default_factory=list)

    def add(self, event: Event) -> None:
        match event:
            case HeadRecord():
                self.head = event
            case Extracted():
                self.extracted = event
            case Epoch():
                self.epochs.append(event)
            case StageRecord():
                self.stages.append(event)

    def outcome(self, metric: str, clock: Clock, artefact: dict[str, str]) -> Outcome:
        best = next(epoch for epoch in reversed(self.epochs) if epoch.best)
        value = best.validation[metric]
        return Outcome("fitted", tuple(self.stages), best.stage, best.number, value, self._cost(clock), 0, artefact)

    def _saved(self) -> float:
        """Seconds that stages would have spent on the same forward passes again: at least, as hits cost nothing."""
        again = sum(max(stage.epochs - 1, 0) for stage in self.stages if stage.cached)
        return again * self.extracted.train.seconds if self.extracted else 0.0

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
        )
