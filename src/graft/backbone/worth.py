"""Whether token states are worth keeping: what reading them takes here, against computing them again.

Decided from what is measured while the first batches are extracted, on the device and the disk that will be used. On a
CPU keeping nearly always wins (a block's forward pass takes microseconds a token, reading its states tenths of one);
on a fast GPU, or a slow disk, it may not.
"""

from __future__ import annotations

from dataclasses import dataclass

SOONEST = 3  # batches before it is decided; the first is a warm-up and is not counted
CLEARLY = 1.5
MICRO = 1e6


@dataclass(frozen=True, slots=True)
class Worth:
    """Seconds a token, as measured; 0 where nothing was written or computed."""

    computing: float  # the states after the cut, from the token ids
    writing: float
    reading: float

    def keeps(self, passes: int) -> bool:
        """Whether keeping is worth it: unless computing once, writing, and reading `passes` times costs clearly more
        than computing as many times. What is nearly even is kept, so that a repeated run decides the same."""
        kept = self.computing + self.writing + passes * self.reading
        return kept < CLEARLY * passes * self.computing

    @property
    def sentence(self) -> str:
        """What was measured, in words."""
        read, computed = (f"{seconds * MICRO:.2g}" for seconds in (self.reading, self.computing))
        return f"reading them takes {read} µs a token here, computing them {computed}"
