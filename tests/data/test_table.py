"""Rows say where they stand in the person's own files."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from graft.data.table import Rows, Texts
from graft.data.targets import Codes


def rows(file: str) -> Rows:
    lines = np.arange(2, 12)
    return Rows(Texts(pa.chunked_array([[str(line) for line in lines]])), Codes(np.zeros(10, np.int32)), lines, file)


@pytest.mark.parametrize(
    ("file", "positions", "said"),
    [
        ("reviews.csv", [3], "reviews.csv, line 5"),
        ("reviews.csv", [0, 9], "reviews.csv, lines 2, 11"),
        ("reviews.csv", range(8), "reviews.csv, lines 2, 3, 4, 5, 6, …"),
        ("<list>", [4, 1], "<list>, rows 6, 3"),
    ],
)
def test_places_are_lines_of_the_file(file: str, positions: list[int], said: str) -> None:
    assert rows(file).places(positions) == said
