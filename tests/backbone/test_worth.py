"""When token states are kept, and how that is said."""

from __future__ import annotations

import pytest

from graft.backbone.worth import Worth


@pytest.mark.parametrize(
    ("worth", "passes", "kept"),
    [
        (Worth(40e-6, 1e-6, 0.3e-6), 2, True),  # a small model on a CPU
        (Worth(1e-6, 1e-6, 2e-6), 10, False),  # a fast GPU, and a disk that is slower
        (Worth(1e-6, 1e-6, 0.1e-6), 10, True),
        (Worth(1e-6, 20e-6, 10e-6), 100, False),  # a disk far away
        (Worth(40e-6, 30e-6, 0.3e-6), 2, True),  # nearly even: kept, so that a repetition decides the same
    ],
)
def test_what_is_kept(worth, passes, kept):
    assert worth.keeps(passes) == kept


def test_in_words():
    said = Worth(0.000041, 1e-6, 0.00000025).sentence
    assert said == "reading them takes 0.25 µs a token here, computing them 41"
