"""Numbers as answers."""

from __future__ import annotations

import numpy as np
import pytest

from graft.records import Number
from graft.tasks.regression import REGRESSION


@pytest.mark.parametrize(
    ("value", "written"),
    [(2.5, "2.5"), (-0.1, "-0.1"), (3.0, "3.0"), (16777217.0, "16777216"), (1.7000051e9, "1700005120")],
)
def test_an_answer_is_written_as_it_is_used(value: float, written: str) -> None:
    answer = Number("a text", float(np.float32(value)))
    assert REGRESSION.short(answer) == REGRESSION.cells(answer) == (written,)
    assert REGRESSION.plain(answer) == {"value": float(written)}


@pytest.mark.parametrize(("centre", "spread"), [(1.7e9, 2000.0), (3e12, 1e6), (5e4, 10.0), (0.0, 1.0)])
def test_what_is_written_tells_the_errors_that_were_measured(centre: float, spread: float) -> None:
    """Of 1700005120 the file held 1.7000051e+09, so that errors could not be computed from it."""
    draw = np.random.default_rng(0)
    used = (centre + spread * draw.normal(size=500)).astype(np.float32).astype(np.float64)
    read = np.array([float(REGRESSION.short(Number("a text", value))[0]) for value in used.tolist()])
    np.testing.assert_allclose(read, used, rtol=0, atol=spread / 1000)
