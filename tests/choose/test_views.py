"""The ways to read one vector per text: which states each of them is the mean of."""

from __future__ import annotations

import torch

from graft.choose.views import views


def test_layers_are_the_mean_over_all_blocks_up_to_there() -> None:
    pooled = {depth: torch.randn(5, 2, 3) for depth in (1, 2, 4)}
    found = {(pooling, depth): features for pooling, depth, features in views(pooled, ("first", "mean"))}
    assert set(found) == {(way, depth) for way in ("first", "mean") for depth in (1, 2, 4)} | {
        ("layers", 2),
        ("layers", 4),
    }
    for place, way in enumerate(("first", "mean")):
        torch.testing.assert_close(found[way, 4], pooled[4][:, place])
    torch.testing.assert_close(found["layers", 2], (pooled[1][:, 1] + pooled[2][:, 1]) / 2)
    torch.testing.assert_close(found["layers", 4], (pooled[1][:, 1] + pooled[2][:, 1] + pooled[4][:, 1]) / 3)
