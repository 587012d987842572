"""Properties of the draw: exact shares, whole groups, the same for one seed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.splitting.stratify import held_out, targets

CLASSES = st.lists(st.integers(2, 60), min_size=2, max_size=6)


@given(per_class=CLASSES, share=st.floats(0.05, 0.5))
def test_targets_are_shares_rounded_down_or_up(per_class: list[int], share: float) -> None:
    counts = np.array(per_class)
    rows = round(share * counts.sum())
    found = targets(counts, rows)
    assert found.sum() == rows
    assert (np.abs(found - counts * rows / counts.sum()) < 1).all()
    assert (found < counts).all()


def test_a_class_of_one_row_gives_none() -> None:
    assert targets(np.array([1, 1, 98]), 20).tolist() == [0, 0, 20]


def test_more_than_there_is_ends() -> None:
    assert targets(np.array([1, 3]), 50).tolist() == [0, 2]


@settings(deadline=None)
@given(per_class=CLASSES, share=st.floats(0.05, 0.5), seed=st.integers(0, 99))
def test_single_rows_are_stratified_exactly(per_class: list[int], share: float, seed: int) -> None:
    labels = np.repeat(np.arange(len(per_class)), per_class).astype(np.int32)
    rows = round(share * len(labels))
    kept = held_out(np.arange(len(labels), dtype=np.uint64), labels, rows, np.random.default_rng(seed))
    found = np.bincount(labels[kept], minlength=len(per_class))
    assert found.tolist() == targets(np.array(per_class), rows).tolist()


@settings(deadline=None)
@given(data=st.data(), size=st.integers(20, 150), seed=st.integers(0, 99))
def test_groups_stay_whole_and_every_class_stays_in_train(data: st.DataObject, size: int, seed: int) -> None:
    keys = np.array(data.draw(st.lists(st.integers(0, size // 2), min_size=size, max_size=size)), np.uint64)
    labels = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)), np.int32)
    kept = held_out(keys, labels, size // 5, np.random.default_rng(seed))
    assert not set(keys[kept]) & set(keys[~kept])
    assert set(labels[~kept]) == set(labels)
    assert kept.sum() <= size // 5
    assert (kept == held_out(keys, labels, size // 5, np.random.default_rng(seed))).all()


def test_duplicates_are_drawn_about_as_often_as_single_rows() -> None:
    keys = np.r_[np.arange(1000).repeat(2), np.arange(1000, 3000)].astype(np.uint64)
    labels = np.zeros(4000, np.int32)
    kept = held_out(keys, labels, 800, np.random.default_rng(0))
    assert kept.sum() == 800
    assert 0.4 < kept[:2000].sum() / 800 < 0.6


def test_a_class_of_duplicates_only_is_still_held_out() -> None:
    keys = np.r_[np.arange(20).repeat(2), np.arange(100, 140)].astype(np.uint64)
    labels = np.repeat([0, 1], 40).astype(np.int32)
    kept = held_out(keys, labels, 16, np.random.default_rng(0))
    assert np.bincount(labels[kept]).tolist() == [8, 8]
