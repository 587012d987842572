"""Windows ask for each token of each document exactly once, and never across documents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.tokens.tokens import Tokens
from graft.data.tokens.windows import windows


def documents(lengths: list[int]) -> Tokens:
    return Tokens(np.arange(sum(lengths), dtype=np.int32), np.concatenate(([0], np.cumsum(lengths))).astype(np.int64))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 70), max_size=6), st.integers(2, 20), st.data())
def test_every_token_but_the_first_is_asked_for_once(lengths: list[int], size: int, data: st.DataObject) -> None:
    context = data.draw(st.integers(1, size - 1))
    found = windows(documents(lengths), size, context)
    asked = [
        token
        for row in range(len(found))
        for token in found.tokens.ids[found.tokens.starts[row] + found.fresh[row] : found.tokens.starts[row + 1]]
    ]
    starts = np.concatenate(([0], np.cumsum(lengths)))
    wanted = [
        token for start, length in zip(starts, lengths, strict=False) for token in range(start + 1, start + length)
    ]
    assert asked == wanted
    assert int(found.asked.sum()) == len(wanted)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 70), max_size=6), st.integers(2, 20), st.data())
def test_windows_are_runs_within_one_document_with_their_context(
    lengths: list[int], size: int, data: st.DataObject
) -> None:
    context = data.draw(st.integers(1, size - 1))
    given_documents = documents(lengths)
    found = windows(given_documents, size, context)
    for row in range(len(found)):
        ids = found.tokens.ids[found.tokens.starts[row] : found.tokens.starts[row + 1]]
        begin = given_documents.starts[found.documents[row]]
        assert list(ids) == list(range(ids[0], ids[0] + len(ids)))
        assert begin <= ids[0]
        assert ids[-1] < given_documents.starts[found.documents[row] + 1]
        assert len(ids) <= size
        assert found.fresh[row] == (context if ids[0] > begin else min(found.fresh[row], context) or 1)


def test_a_context_as_long_as_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        windows(documents([10]), 4, 4)
