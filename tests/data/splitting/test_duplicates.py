"""When two texts count as the same."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.data.splitting.duplicates import count_conflicts, count_duplicates, duplicate_keys, normalise


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Good morning!", "good   morning"),
        ("it 's fine .", "It's fine."),
        ("ｆｕｌｌ width", "full width"),
        ("STRASSE", "straße"),
        ("a\tb\n", "a b"),
        ("“quoted”", '"quoted"'),
        ("good\u200bsoup", "goodsoup"),
        ("hy\u00adphen", "hyphen"),
    ],
)
def test_same(one: str, two: str) -> None:
    assert normalise(one) == normalise(two)


@pytest.mark.parametrize(
    ("one", "two"), [("?", "!"), ("fine 😀", "fine 😡"), ("c", "c+"), ("1", "2"), ("", "."), ("a b", "ab")]
)
def test_different(one: str, two: str) -> None:
    assert normalise(one) != normalise(two)


@given(st.text(string.printable), st.sampled_from([" ", "\n", "\t "]))
def test_case_and_space_do_not_matter(text: str, space: str) -> None:
    assert normalise(space + text.upper() + space) == normalise(text)


def test_counts() -> None:
    keys = duplicate_keys(["One", "one.", "two", "two", "TWO", "three"])
    assert count_duplicates(keys) == 5
    assert count_conflicts(keys, np.array([0, 1, 0, 0, 0, 1], np.int32)) == (1, 2)
