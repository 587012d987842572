"""The cache as a whole: bounded, the least recently used goes first, nothing in use goes, keys cannot go stale."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.cache.shard import Writer
from graft.cache.shelf import Layout
from graft.cache.store import DEFAULT_BYTES, Store, key
from graft.errors import RecipeError

LAYOUT = Layout("float32", 1)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "shards", limit=20_000)


def put(store, name, size=4000, age=0.0, hold=False):
    shelf = store.shelf({"kind": name}, LAYOUT, "a model")
    filling = store.filling(shelf, size)
    filling.add(np.array([[1, 2]], np.uint64), np.array([size // 4]), np.zeros(size // 4, np.float32), (1.0, 10))
    filling.commit()
    for path in shelf.folder.glob("*.shard"):
        os.utime(path, (time.time() - age,) * 2)
    return shelf if hold else None


def has(store, name):
    return bool(store.shelf({"kind": name}, LAYOUT, "").find(np.array([[1, 2]], np.uint64)).found.all())


def test_the_least_recently_used_goes_first(store):
    for age, name in enumerate("abcd"):
        put(store, name, age=100 - age)
    assert has(store, "a")  # used now
    put(store, "e")
    assert [has(store, name) for name in "abcde"] == [True, False, True, True, True]
    assert store.usage().bytes <= store.limit


def test_nothing_that_is_mapped_goes(store):
    held = [put(store, name, age=100, hold=True) for name in "abcd"]
    assert not store.make_room(4000)
    assert all(has(store, name) for name in "abcd")
    del held
    assert store.make_room(4000)


def test_what_a_reader_does_not_read_may_go(store):
    """Opening a shelf holds the shards that are read, not every one of the same key."""
    put(store, "a", age=100)
    shelf = store.shelf({"kind": "a"}, LAYOUT, "")
    assert not shelf.find(np.array([[5, 5]], np.uint64)).found.any()
    assert store.make_room(store.limit)
    assert not has(store, "a")


def test_what_is_being_written_stays_and_what_a_killed_writer_left_goes(store):
    writer = Writer(store.folder / "somewhere")
    left = store.folder / "somewhere" / ".writing-1-left.shard"
    left.write_bytes(b"x" * 1000)
    assert store.make_room(1)
    assert not left.exists()
    assert len(list((store.folder / "somewhere").iterdir())) == 1
    writer.drop()


def test_what_cannot_fit_is_not_kept_and_said(store):
    shelf = store.shelf({"kind": "a"}, LAYOUT, "")
    assert not store.filling(shelf, 12_000, reserved=9_000).keeps
    assert "no room" in shelf.notes[0]
    assert store.filling(shelf, 12_000).keeps


def test_usage_is_by_model_and_kind(store):
    put(store, "a", age=50)
    put(store, "b", size=8000)
    (store.folder / "other").mkdir()
    (store.folder / "other" / "1.shard").write_bytes(b"no shard")
    usage = store.usage()
    assert [(entry.model, entry.kind, entry.rows) for entry in usage.entries] == [
        ("a model", "b", 1),
        ("a model", "a", 1),
    ]
    assert usage.bytes == sum(path.stat().st_size for path in store.folder.glob("*/*"))
    assert usage.entries[0].bytes > 8000
    assert time.time() - usage.entries[1].used > 40


def test_clearing(store):
    put(store, "a", age=100)
    put(store, "b")
    Writer(store.folder / "somewhere").append(np.zeros(3))
    assert 4000 < store.clear(older_than=50) < 5000
    assert [has(store, name) for name in "ab"] == [False, True]
    store.clear()
    assert list(store.folder.iterdir()) == []
    assert store.usage().bytes == Store(store.folder / "nothing").clear() == 0


def test_what_may_not_be_looked_into_is_named_and_harms_nothing_else(store, monkeypatch):
    listdir = os.listdir

    def refused(path):
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listdir(path)

    put(store, "a")
    put(store, "b")
    closed = store.folder / key({"kind": "a"})
    monkeypatch.setattr(os, "listdir", refused)
    usage = store.usage()
    assert usage.unread == (f"{closed}: the permission is missing",)
    assert [entry.kind for entry in usage.entries] == ["b"]
    assert store.make_room(4000)
    assert store.clear() > 4000
    assert list(store.folder.iterdir()) == [closed]


def test_what_is_dated_in_the_future_is_cleared_too(store):
    put(store, "a", age=-4e8)
    assert store.clear(older_than=1) == 0
    assert store.clear() > 4000
    assert list(store.folder.iterdir()) == []


def test_what_fits(store):
    assert store.fits(20_000)
    assert not store.fits(20_001)
    assert not Store(store.folder, limit=2**62).fits(2**61)  # no disk holds that


def test_where_it_lies_and_how_much_it_takes(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "here"))
    monkeypatch.delenv("GRAFT_CACHE_BYTES", raising=False)
    assert (Store().folder, Store().limit) == (tmp_path / "here" / "shards", DEFAULT_BYTES)
    monkeypatch.setenv("GRAFT_CACHE_BYTES", "12345")
    assert Store().limit == 12345
    monkeypatch.delenv("GRAFT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Store().folder == tmp_path / "xdg" / "graft" / "shards"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert Store().folder == Path.home() / ".cache" / "graft" / "shards"


@pytest.mark.parametrize("named", ["-1", "2e9", "20 GB", "²", "٣", "9" * 5000, " "])
def test_a_limit_that_is_no_number_is_refused(monkeypatch, named):
    monkeypatch.setenv("GRAFT_CACHE_BYTES", named)
    with pytest.raises(RecipeError, match="no number of bytes"):
        Store()


WORDS = st.text(st.characters(codec="utf-8"), max_size=4)
NAMED = st.dictionaries(WORDS, WORDS, max_size=3)


@settings(max_examples=100, deadline=None)
@given(NAMED, NAMED)
def test_keys_are_equal_only_for_equal_fields(one, other):
    assert (key(one) == key(other)) == (one == other)
    assert key(one) == key(dict(reversed(one.items())))
