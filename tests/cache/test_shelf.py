"""Rows by their content, over many shards and writers."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.cache import filling as fillings
from graft.cache import shelf as shelves
from graft.cache.filling import Filling
from graft.cache.shard import Writer
from graft.cache.shelf import Layout, Shelf

LAYOUT = Layout("float32", 2)
FIELDS = {"weights": "abc"}


def digests(*names):
    return np.array([[name, name * 7 + 1] for name in names], dtype=np.uint64).reshape(-1, 2)


def value(name, count):
    return np.full((count, 2), name, dtype=np.float32)


def fill(filling, *rows):
    for name, count in rows:
        filling.add(digests(name), np.array([count]), value(name, count), (0.5, count))


def put(folder, *rows):
    filling = Filling(Shelf(folder, FIELDS, LAYOUT))
    fill(filling, *rows)
    filling.commit()


def read(shelf, *names):
    """Each name's vectors, None where it is missing."""
    places = shelf.find(digests(*names))
    found = np.flatnonzero(places.found)
    rows = dict(zip(found.tolist(), shelf.rows(places.take(found)), strict=True))
    return [rows[row].tolist() if row in rows else None for row in range(len(names))]


def test_rows_are_found_over_shards_in_any_order(tmp_path):
    put(tmp_path, (5, 2), (3, 0), (9, 1))
    put(tmp_path, (4, 3))
    shelf = Shelf(tmp_path, FIELDS, LAYOUT)
    assert read(shelf, 4, 7, 5, 9, 3, 5) == [value(4, 3).tolist(), None, [[5, 5]] * 2, [[9, 9]], [], [[5, 5]] * 2]
    assert read(shelf) == []
    assert shelf.rate == 2 * 6 / 4
    assert read(Shelf(tmp_path / "nothing", FIELDS, LAYOUT), 4) == [None]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 6), max_size=5), max_size=4), st.lists(st.integers(0, 9), max_size=8))
def test_what_is_found_is_what_was_put(tmp_path_factory, shards, asked):
    folder = tmp_path_factory.mktemp("shelf")
    for names in shards:
        put(folder, *((name, name % 3) for name in names))
    known = {name for names in shards for name in names}
    expected = [value(name, name % 3).tolist() if name in known else None for name in asked]
    assert read(Shelf(folder, FIELDS, LAYOUT), *asked) == expected


def test_digests_that_share_half_their_bits_are_told_apart(tmp_path):
    put(tmp_path, (5, 1))
    places = Shelf(tmp_path, FIELDS, LAYOUT).find(np.array([[5, 5 * 7 + 2]], dtype=np.uint64))
    assert not places.found.any()


def test_what_was_added_is_committed_every_so_often(tmp_path, monkeypatch):
    monkeypatch.setattr(fillings, "COMMIT_BYTES", 30)
    filling = Filling(Shelf(tmp_path, FIELDS, LAYOUT))
    fill(filling, (1, 2), (2, 1))
    assert read(Shelf(tmp_path, FIELDS, LAYOUT), 1, 2) == [None, None]
    fill(filling, (3, 1))
    assert None not in read(Shelf(tmp_path, FIELDS, LAYOUT), 1, 2, 3)
    filling.commit()
    assert len(list(tmp_path.iterdir())) == 1


def test_the_writer_finds_its_own_rows_even_when_they_are_evicted(tmp_path):
    shelf = Shelf(tmp_path, FIELDS, LAYOUT)
    filling = Filling(shelf)
    fill(filling, (1, 2))
    filling.commit()
    for path in tmp_path.iterdir():
        path.unlink()
    assert read(shelf, 1) == [[[1, 1]] * 2]


def test_a_shard_that_goes_between_the_index_and_the_reading_is_a_miss(tmp_path):
    put(tmp_path, (1, 1))
    shelf = Shelf(tmp_path, FIELDS, LAYOUT)
    for path in tmp_path.iterdir():
        path.unlink()
    assert (read(shelf, 1), shelf.notes) == ([None], [])


def test_a_damaged_shard_is_dropped_and_another_one_asked(tmp_path):
    for _ in range(2):
        put(tmp_path, (1, 1), (2, 1))
    first = sorted(tmp_path.iterdir())[0]
    whole = bytearray(first.read_bytes())
    whole[17] ^= 4
    first.write_bytes(whole)
    shelf = Shelf(tmp_path, FIELDS, LAYOUT)
    assert read(shelf, 1, 2) == [[[1, 1]], [[2, 2]]]
    assert not first.exists()
    assert "damaged" in shelf.notes[0]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM, errno.EACCES])
@pytest.mark.parametrize("late", [False, True])
def test_an_intact_shard_that_cannot_be_read_stays(tmp_path, monkeypatch, number, late):
    """No handle, no memory, no permission, when the shelf is opened or when its rows are read."""

    def refused(path):
        raise OSError(number, os.strerror(number), str(path))

    for name in (1, 2):
        put(tmp_path, (name, 1))
    with monkeypatch.context() as patch:
        shelf = Shelf(tmp_path, FIELDS, LAYOUT) if late else None
        patch.setattr(shelves, "open_shard", refused)
        shelf = shelf or Shelf(tmp_path, FIELDS, LAYOUT)
        assert read(shelf, 1, 2) == [None, None]
    assert len(shelf.notes) == 1
    assert "cannot be read" in shelf.notes[0]
    assert "removed" not in shelf.notes[0]
    assert None not in read(Shelf(tmp_path, FIELDS, LAYOUT), 1, 2)


def test_a_folder_that_may_not_be_looked_into_holds_nothing(tmp_path, monkeypatch):
    def refused(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    put(tmp_path, (1, 1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", refused)
        shelf = Shelf(tmp_path, FIELDS, LAYOUT)
    assert read(shelf, 1) == [None]
    assert f"{tmp_path} cannot be read: the permission is missing" in shelf.notes[0]


def test_damage_that_cannot_be_removed_is_not_called_removed(tmp_path, monkeypatch):
    def refused(path, **_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    put(tmp_path, (1, 1))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    monkeypatch.setattr(Path, "unlink", refused)
    shelf = Shelf(tmp_path, FIELDS, LAYOUT)
    assert read(shelf, 1) == [None]
    assert "It cannot be removed (that disk can only be read)" in shelf.notes[0]


@pytest.mark.parametrize("other", [({"weights": "abd"}, LAYOUT), (FIELDS, Layout("float32", 3))])
def test_a_shard_in_a_place_that_is_not_its_own_is_not_read(tmp_path, other):
    put(tmp_path, (1, 1))
    shelf = Shelf(tmp_path, *other)
    assert read(shelf, 1) == [None]
    assert shelf.notes


def test_an_interruption_within_a_row_loses_only_what_was_not_committed(tmp_path, monkeypatch):
    filling = Filling(Shelf(tmp_path, FIELDS, LAYOUT))
    fill(filling, (1, 1))
    append = Writer.append

    def interrupted(writer, values):
        append(writer, values)
        raise KeyboardInterrupt

    monkeypatch.setattr(Writer, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fill(filling, (2, 1))
    filling.commit()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_once_and_nothing_is_left(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    shelf = Shelf(tmp_path, FIELDS, LAYOUT)
    filling = Filling(shelf)
    monkeypatch.setattr(Writer, "append", full)
    fill(filling, (1, 1), (2, 1))
    filling.commit()
    assert len(shelf.notes) == 1
    assert "goes on without" in shelf.notes[0]
    assert list(tmp_path.iterdir()) == []
