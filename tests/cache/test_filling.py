"""Rows on their way to a shelf: committed every so often, and given up, with one word, where they cannot be written."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from graft.cache import filling
from graft.cache.filling import Filling
from graft.cache.shard import WRITING, Writer
from graft.cache.shelf import Layout
from graft.cache.store import Store

LAYOUT = Layout("float32", 1)


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "shards", limit=100_000)


def begun(store: Store) -> tuple[Filling, Path, list[str]]:
    shelf = store.shelf({"kind": "rows"}, LAYOUT, "a model")
    return store.filling(shelf, 1000), shelf.folder, shelf.notes


def add(made: Filling, row: int) -> None:
    made.add(np.array([[row, row]], np.uint64), np.array([10]), np.zeros(10, np.float32), (0.1, 1))


def test_what_was_added_before_an_interruption_is_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "COMMIT_SECONDS", 0.0)
    made, *_ = begun(store)
    for row in range(3):
        made._last -= 60  # as if a minute had gone by
        add(made, row)
    found = store.shelf({"kind": "rows"}, LAYOUT, "").find(np.array([[0, 0], [1, 1], [2, 2]], np.uint64)).found
    assert found.all()
    made.drop()


def test_a_commit_that_fails_ends_it_with_one_word(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "COMMIT_BYTES", 1)
    monkeypatch.setattr(Writer, "commit", full)
    made, folder, notes = begun(store)
    for row in range(4):
        add(made, row)
    assert not made.keeps
    assert len(notes) == 1
    assert "cannot be written" in notes[0]
    assert not list(folder.glob(f"{WRITING}*"))


def test_no_room_for_the_first_byte_leaves_nothing_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Writer, "_write", full)
    made, folder, notes = begun(store)
    assert not made.keeps
    assert len(notes) == 1
    assert not list(folder.glob(f"{WRITING}*"))
