"""The store: whole entries only, the least recently used go first, and names that cannot go stale."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.backbone.store import DEFAULT_BYTES, Store, key
from graft.data.tokens import Tokens

HEADER = 128  # bytes that an .npy file begins with


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "features", limit=10_000)


def put(store, name, values, age=0.0):
    entry = store.entry(name, "float32", values.shape)
    entry.values[:] = values
    kept = entry.keep()
    used = time.time() - age
    os.utime(entry.path, (used, used))
    return kept


def ramp(size):
    return np.arange(size, dtype=np.float32)


def tokens_of(*rows):
    starts = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return Tokens(np.array([code for row in rows for code in row], np.int32), starts)


def test_what_is_kept_is_found_and_what_is_dropped_is_not(store):
    assert store.find("a") is None
    put(store, "a", ramp(5))
    assert store.find("a").tolist() == [0, 1, 2, 3, 4]
    entry = store.entry("b", "float32", (5,))
    entry.values[:] = 1
    assert store.find("b") is None  # not before it is whole
    entry.drop()
    assert store.find("b") is None
    assert [path.name for path in store.folder.iterdir()] == ["a.npy"]


def test_dropping_after_keeping_does_no_harm(store):
    entry = store.entry("a", "int16", (3, 2))
    entry.values[:] = 7
    entry.keep()
    entry.drop()
    assert store.find("a").tolist() == [[7, 7]] * 3


def test_two_writers_of_one_entry(store):
    first, second = (store.entry("a", "float32", (4,)) for _ in range(2))
    first.values[:] = ramp(4)
    second.values[:] = ramp(4)
    kept = first.keep()
    second.keep()
    assert kept.tolist() == store.find("a").tolist() == [0, 1, 2, 3]
    assert store.usage().entries == 1


def test_what_is_found_can_be_written_to_without_changing_the_file(store):
    put(store, "a", ramp(3))
    found = store.find("a")
    found[:] = 9
    assert store.find("a").tolist() == [0, 1, 2]


@pytest.mark.parametrize("keep", [0, 3, 60, HEADER, HEADER + 7])
def test_a_truncated_file_is_not_found(store, keep):
    put(store, "a", ramp(5))
    path = store.folder / "a.npy"
    path.write_bytes(path.read_bytes()[:keep])
    assert store.find("a") is None


def test_a_pickle_is_not_read(store):
    store.folder.mkdir()
    np.save(store.folder / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert store.find("a") is None


def test_the_least_recently_used_goes_first(store):
    size = (3000 - HEADER) // 4
    for age, name in enumerate("abc"):
        put(store, name, ramp(size), age=100 - age)
    store.find("a")  # used now
    put(store, "d", ramp(size))
    assert [store.find(name) is not None for name in "abcd"] == [True, False, True, True]
    assert store.usage().bytes <= store.limit


def test_entries_written_together_stay_within_the_limit(store):
    put(store, "old", ramp(1000), age=100)
    entries = [store.entry(name, "float32", (1000,)) for name in "ab"]
    for entry in entries:
        entry.keep()
    assert store.usage().bytes <= store.limit
    assert store.find("old") is None


def test_what_a_killed_writer_left_makes_room_after_a_day(store):
    left = store.entry("lost", "float32", (1000,))
    (path,) = store.folder.glob(".writing-*")
    before = time.time() - 2 * 86400
    os.utime(path, (before, before))
    fresh = store.entry("fresh", "float32", (1000,))
    put(store, "a", ramp(600))
    assert not path.exists()
    fresh.keep()
    assert store.find("fresh") is not None
    left.drop()


def test_a_reader_keeps_what_is_evicted(store):
    put(store, "a", ramp(2000), age=10)
    held = store.find("a")
    put(store, "b", ramp(2000))
    assert store.find("a") is None
    assert held[-1] == 1999


def test_clear_removes_everything_and_says_how_much(store):
    put(store, "a", ramp(5))
    put(store, "b", ramp(6))
    store.entry("unfinished", "float32", (4,))
    held = store.clear()
    assert (held.entries, held.bytes, held.folder) == (2, 2 * HEADER + 44, str(store.folder))
    assert list(store.folder.iterdir()) == []
    assert store.usage().bytes == 0
    assert Store(store.folder / "nothing").clear().entries == 0


def test_what_fits(store):
    assert store.fits(10_000)
    assert not store.fits(10_001)
    assert not Store(store.folder, limit=2**62).fits(2**61)  # no disk holds that


def test_where_it_lies_and_how_much_it_takes(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "here"))
    monkeypatch.delenv("GRAFT_CACHE_BYTES", raising=False)
    assert (Store().folder, Store().limit) == (tmp_path / "here" / "features", DEFAULT_BYTES)
    monkeypatch.setenv("GRAFT_CACHE_BYTES", "12345")
    assert Store().limit == 12345
    monkeypatch.delenv("GRAFT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Store().folder == tmp_path / "xdg" / "graft" / "features"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert Store().folder == Path.home() / ".cache" / "graft" / "features"


def test_a_key_depends_on_everything_that_the_values_depend_on():
    base = ("w", tokens_of([1, 2], [3]), "fp32", "cpu", "cut1")
    others = [
        ("v", *base[1:]),
        ("w", tokens_of([1, 2], [4]), *base[2:]),
        ("w", tokens_of([1], [2, 3]), *base[2:]),
        ("w", tokens_of([1, 2, 3]), *base[2:]),
        ("w", tokens_of([3], [1, 2]), *base[2:]),
        (*base[:2], "bf16", *base[3:]),
        (*base[:3], "cuda", "cut1"),
        (*base[:4], "cut2"),
        (*base[:4], "pooled1"),
    ]
    assert len({key(*parts) for parts in [base, *others]}) == len(others) + 1
    assert key(*base) == key("w", tokens_of([1, 2], [3]), "fp32", "cpu", "cut1")


@settings(max_examples=100, deadline=None)
@given(*[st.lists(st.lists(st.integers(0, 3), max_size=3), max_size=4)] * 2)
def test_keys_are_equal_only_for_equal_rows(one, other):
    same = key("w", tokens_of(*one), "fp32", "cpu", "k") == key("w", tokens_of(*other), "fp32", "cpu", "k")
    assert same == (one == other)
