"""Every prefix of the order is a sample in which each stratum has about its share."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.choose.sample import stratified_order


@settings(max_examples=25, deadline=None)
@given(counts=st.lists(st.integers(1, 200), min_size=1, max_size=6), share=st.floats(0.05, 1), seed=st.integers(0, 5))
def test_a_prefix_holds_each_stratum_in_its_share(counts, share, seed):
    strata = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    order = stratified_order(strata, seed)
    assert sorted(order.tolist()) == list(range(len(strata)))
    size = max(1, round(share * len(strata)))
    held = np.bincount(strata[order[:size]], minlength=len(counts))
    expected = size * np.array(counts) / len(strata)
    assert (np.abs(held - expected) <= len(counts) / 2 + 1).all()


def test_the_order_within_a_stratum_is_random_and_repeats_with_its_seed():
    strata = np.zeros(50, np.int32)
    first, again, other = (stratified_order(strata, seed) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
    assert (first != np.arange(50)).any()


def test_a_rare_class_comes_before_the_end():
    strata = np.array([0] * 990 + [1] * 10, np.int32)
    order = stratified_order(strata)
    assert (strata[order[:100]] == 1).sum() == 1
    assert (strata[order[:500]] == 1).sum() == 5
