"""One file of the cache: whole or not there, and any damage is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.cache import shard as shards
from graft.cache.shard import Damaged, Table, Writer, lock, open_shard

FIELDS = {"weights": "abc"}


def written(folder, *pieces):
    writer = Writer(folder)
    for piece in pieces:
        writer.append(piece)
    counts = np.array([len(piece) for piece in pieces], np.uint32)
    return writer.commit(Table(FIELDS, "a model", 2.5, 70), {"counts": counts})


def everything(shard):
    starts = np.arange(0, shard.table.bytes, 4, dtype=np.int64)
    shard.check(starts, starts + 4)
    return shard.values("float32", 1).ravel()


def test_what_was_written_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "BLOCK", 20)
    pieces = [np.arange(count, dtype=np.float32) for count in (3, 0, 9, 5, 1)]
    kept = written(tmp_path, *pieces)
    found = open_shard(kept.path)
    assert everything(found).tolist() == everything(kept).tolist() == np.concatenate(pieces).tolist()
    assert found.array("counts").tolist() == [3, 0, 9, 5, 1]
    table = found.table
    assert (table.fields, table.label, table.seconds, table.tokens) == (FIELDS, "a model", 2.5, 70)
    assert len(found.array("checksums")) == 4


def test_nothing_is_there_before_the_commit_nor_after_a_drop(tmp_path):
    writer = Writer(tmp_path)
    writer.append(np.ones(5))
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".writing-")]
    writer.drop()
    assert list(tmp_path.iterdir()) == []


def test_a_shard_may_be_empty(tmp_path):
    assert len(everything(open_shard(written(tmp_path).path))) == 0


def test_what_is_read_can_be_changed_without_changing_the_file(tmp_path):
    path = written(tmp_path, np.zeros(3, np.float32)).path
    everything(open_shard(path))[:] = 9
    assert everything(open_shard(path)).tolist() == [0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_damage_passes(tmp_path_factory, data):
    """A flipped bit anywhere, or any shorter or longer file, is noticed."""
    folder = tmp_path_factory.mktemp("damage")
    path = written(folder, np.arange(40, dtype=np.float32)).path
    whole = path.read_bytes()
    damaged = bytearray(whole)
    if data.draw(st.booleans()):
        bit = data.draw(st.integers(0, 8 * len(whole) - 1))
        damaged[bit // 8] ^= 1 << bit % 8
    else:
        kept = data.draw(st.integers(0, len(whole) - 1))
        damaged = damaged[:kept] + (b"\0" * (len(whole) - kept) if data.draw(st.booleans()) else b"")
    if bytes(damaged) == whole:
        return
    path.write_bytes(damaged)
    with pytest.raises(Damaged):
        everything(open_shard(path))


def test_only_the_blocks_that_are_read_are_verified(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "BLOCK", 40)
    path = written(tmp_path, np.arange(30, dtype=np.float32)).path
    whole = bytearray(path.read_bytes())
    whole[len(shards.MAGIC) + 45] ^= 1
    path.write_bytes(whole)
    found = open_shard(path)
    found.check(np.array([0, 80]), np.array([40, 120]))
    with pytest.raises(Damaged, match="block"):
        found.check(np.array([36]), np.array([44]))


def test_a_mapped_shard_and_one_that_is_written_are_locked(tmp_path):
    writer = Writer(tmp_path)
    (path,) = tmp_path.iterdir()
    with open(path, "rb") as file:
        assert not lock(file.fileno(), shared=True)
    shard = writer.commit(Table(FIELDS, ""), {})
    with open(shard.path, "rb") as file:
        assert not lock(file.fileno(), shared=False)
        del shard
        assert lock(file.fileno(), shared=False)
