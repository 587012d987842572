"""Texts beyond the limit go to a file that is gone as soon as it is mapped."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from graft.data.spool import STALE_SECONDS, TextSpool
from graft.data.table import Texts
from graft.errors import GraftError

BLOCKS = [[f"text {block}.{row}" for row in range(50)] for block in range(20)]


@pytest.mark.parametrize("limit", [0, 2000, 1 << 20])
def test_the_texts_come_back(limit: int, cache: Path) -> None:
    spool = TextSpool(limit)
    for block in BLOCKS:
        spool.add(block)
    texts = Texts(spool.finish())
    assert list(texts) == [text for block in BLOCKS for text in block]
    assert not list(cache.glob("spool/*")), "a file was left"


def test_nothing_is_left_when_reading_stops_early(cache: Path) -> None:
    spool = TextSpool(0)
    spool.add(["a text"])
    assert len(list(cache.glob("spool/*.arrow"))) == 1
    del spool
    assert not list(cache.glob("spool/*"))


def test_files_of_killed_processes_are_swept(cache: Path) -> None:
    (cache / "spool").mkdir()
    stale, fresh = cache / "spool" / "stale.arrow", cache / "spool" / "fresh.arrow"
    stale.touch()
    fresh.touch()
    long_ago = time.time() - 2 * STALE_SECONDS
    os.utime(stale, (long_ago, long_ago))
    spool = TextSpool(0)
    spool.add(["a text"])
    spool.finish()
    assert list(cache.glob("spool/*")) == [fresh]


def test_a_cache_that_cannot_be_written_is_explained(cache: Path) -> None:
    (cache / "spool").write_text("a file where the folder should be")
    with pytest.raises(GraftError, match="GRAFT_CACHE"):
        TextSpool(0).add(["a text"])
