"""Features taken apart in fp32 give the scores that float64 gives."""

from __future__ import annotations

import pytest
import torch

from graft.choose.score import h_score, log_me, probe
from graft.choose.spectrum import decomposed, standard


def frozen_like(rows: int, width: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """What frozen states look like: a mean far from zero, features that go together, two that outgrow all others."""
    generator = torch.Generator().manual_seed(seed)
    codes = torch.arange(rows) % 5
    mixed = torch.randn(rows, width, generator=generator) @ torch.randn(width, width, generator=generator) / width**0.5
    mixed += torch.randn(5, width, generator=generator)[codes]
    mixed[:, :2] *= 300
    return (mixed + 20 * torch.randn(width, generator=generator)).float(), codes


@pytest.mark.parametrize("shape", [(1500, 96), (60, 96)], ids=["more rows", "more features"])
def test_fp32_scores_are_those_of_float64(shape):
    features, codes = frozen_like(*shape)
    exact = features.double()
    assert h_score(features, codes) == pytest.approx(h_score(exact, codes), rel=1e-5)
    assert log_me(features, codes) == pytest.approx(log_me(exact, codes), abs=1e-4)
    assert probe(features, codes) == pytest.approx(probe(exact, codes), abs=1 / len(features))


@pytest.mark.parametrize("shape", [(200, 24), (20, 24)], ids=["more rows", "more features"])
def test_the_parts_put_together_are_the_features(shape):
    features, codes = frozen_like(*shape)
    found, exact = decomposed(standard(features)), features.double()
    columns = torch.nn.functional.one_hot(codes, 5).double()
    parts = found.standard
    whole = parts.centred(len(features)).double() + parts.mean_D
    assert torch.allclose(whole, exact, atol=1e-3, rtol=1e-5)
    lengths = (exact - exact.mean(0)).square().sum(1)
    assert torch.allclose(parts.lengths_N, lengths, rtol=1e-4)
    assert torch.allclose(parts.against(columns), exact.T @ columns, rtol=1e-5, atol=1e-2)
    left = found.left_NK.double()
    assert torch.allclose(left.T @ left, torch.eye(left.shape[1], dtype=torch.float64), atol=1e-3)
    assert torch.allclose(found.inside(columns, parts.against(columns)), left.T @ columns, atol=1e-3)


def test_constant_features_have_no_scale():
    features = torch.full((10, 3), 7.0)
    features[:, 1] = torch.arange(10.0)
    parts = standard(features)
    assert parts.standard_ND[:, [0, 2]].abs().max() == 0
    assert parts.standard_ND[:, 1].square().mean() == pytest.approx(1)
