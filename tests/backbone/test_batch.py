"""Batches: every row once, little padding, the same for the same seed, and tensors as naive padding makes them."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.backbone.batch import Collator, by_length, parts, shuffled
from graft.data.tokens.tokens import Tokens

LENGTHS = st.lists(st.integers(0, 60), min_size=1, max_size=150).map(lambda lengths: np.array(lengths, np.int64))
QUICK = settings(max_examples=60, deadline=None)


def tokens_of(lengths):
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return Tokens(np.arange(1, starts[-1] + 1, dtype=np.int32), starts)


@QUICK
@given(LENGTHS, st.integers(1, 40), st.booleans(), st.integers(0, 5))
def test_an_epoch_sees_every_row_once(lengths, rows, bucket, seed):
    batches = shuffled(lengths, rows, np.random.default_rng(seed), bucket)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // rows)
    assert max(len(batch) for batch in batches) <= rows
    again = shuffled(lengths, rows, np.random.default_rng(seed), bucket)
    assert all(np.array_equal(one, other) for one, other in zip(batches, again, strict=True))


def test_buckets_pad_little_and_yet_differ_between_epochs():
    lengths = np.random.default_rng(0).integers(3, 120, 1000)

    def padding(batches):
        padded = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
        return 1 - lengths.sum() / padded

    bucketed = [shuffled(lengths, 32, np.random.default_rng(seed)) for seed in range(2)]
    assert all(padding(batches) < 0.05 for batches in bucketed)
    assert padding(shuffled(lengths, 32, np.random.default_rng(0), bucket=False)) > 0.3
    first, second = ({frozenset(batch.tolist()) for batch in batches} for batches in bucketed)
    assert len(first & second) < len(first) // 2  # other batches, not the same ones in another order
    tops = [int(lengths[batch].max()) for batch in bucketed[0]]
    assert tops != sorted(tops)  # and not from short to long


@QUICK
@given(LENGTHS, st.integers(1, 500), st.integers(1, 40))
def test_inference_batches_go_from_long_to_short_within_the_budget(lengths, budget, rows):
    batches = list(by_length(lengths, budget, rows))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    longest = [int(lengths[batch].max()) for batch in batches]
    assert longest == sorted(longest, reverse=True)
    for batch, length in zip(batches, longest, strict=True):
        assert len(batch) <= rows
        assert len(batch) * length <= budget or len(batch) == 1


@QUICK
@given(LENGTHS, st.integers(1, 500), st.integers(0, 60))
def test_a_batch_ends_where_its_padding_would_be_too_much(lengths, budget, most):
    batches = list(by_length(lengths, budget, padding=most))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for batch, after in zip(batches, [*batches[1:], None], strict=True):
        longest = max(int(lengths[batch].max()), 1)
        padded = longest * len(batch) - int(lengths[batch].sum())
        assert padded <= most or len(batch) == 1
        if after is not None:  # it could not have held one more
            one_more = padded + longest - int(lengths[after[0]])
            assert one_more > most or (len(batch) + 1) * longest > budget


@QUICK
@given(LENGTHS, st.integers(1, 300))
def test_parts_hold_a_batch_in_order_within_the_budget(lengths, budget):
    batch = np.random.default_rng(0).permutation(len(lengths))
    pieces = parts(batch, lengths, budget)
    assert np.array_equal(np.concatenate(pieces), batch)
    assert all(len(piece) * int(lengths[piece].max()) <= budget or len(piece) == 1 for piece in pieces)


@QUICK
@given(LENGTHS, st.data())
def test_the_collator_equals_naive_padding(lengths, data):
    tokens = tokens_of(lengths)
    rows = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=20)), np.int64)
    ids_BT, mask_BT = Collator(tokens, pad=-7, device="cpu")(rows)
    longest = max(int(lengths[rows].max()), 1)
    ids, mask = np.full((len(rows), longest), -7), np.zeros((len(rows), longest), np.int64)
    for line, row in enumerate(rows):
        found = tokens.ids[tokens.starts[row] : tokens.starts[row + 1]]
        ids[line, : len(found)], mask[line, : len(found)] = found, 1
    assert np.array_equal(ids_BT.numpy(), ids)
    assert ids_BT.dtype == torch.int64
    if mask_BT is None:
        assert mask.all()
    else:
        assert not mask.all()
        assert np.array_equal(mask_BT.numpy(), mask)


@QUICK
@given(LENGTHS, st.data())
def test_positions_point_at_each_real_token(lengths, data):
    tokens = tokens_of(lengths)
    rows = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=20)), np.int64)
    index_BT, mask_BT = Collator(tokens, 0, "cpu").positions(rows)
    real = index_BT if mask_BT is None else index_BT[mask_BT.bool()]
    expected = np.concatenate([np.arange(tokens.starts[row], tokens.starts[row + 1]) for row in rows])
    assert np.array_equal(real.flatten().numpy(), expected)
