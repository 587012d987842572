"""How fast bytes go by."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Timed:
    """One piece of work: whoever does it says how many bytes it was."""

    bytes: int = 0


@dataclass
class Pace:
    """The best of several timings: a pause of the process says nothing of the disk."""

    seconds_a_byte: float = 0.0  # 0: nothing was timed

    @contextmanager
    def of(self) -> Iterator[Timed]:
        """Time what is done within."""
        timed, began = Timed(), time.perf_counter()
        yield timed
        if timed.bytes:
            found = (time.perf_counter() - began) / timed.bytes
            self.seconds_a_byte = min(found, self.seconds_a_byte or found)
