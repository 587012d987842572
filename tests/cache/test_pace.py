"""The best of several timings."""

from __future__ import annotations

import time

from graft.cache.pace import Pace


def test_the_fastest_counts_and_a_pause_does_not():
    pace = Pace()
    assert pace.seconds_a_byte == 0
    for pause in (0.02, 0.0, 0.02):
        with pace.of() as timed:
            time.sleep(pause)
            timed.bytes = 10
    assert 0 < pace.seconds_a_byte < 0.002


def test_nothing_done_is_nothing_timed():
    pace = Pace()
    with pace.of():
        pass
    assert pace.seconds_a_byte == 0
