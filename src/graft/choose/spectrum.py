"""A matrix of features taken apart once, for all scores that need its spectrum: X = U diag(√sigma) Vᵀ.

In fp32 where the features are, in float64 only what is small. Plain fp32 sums of products would drown the small
eigenvalues in the rounding of the large ones (a frozen state's mean and its few outlying features are many times as
large as all else), so features are centred and brought to a common scale first, and mean and scale are put back
in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

ASKED = 2048  # rows that a fit on all others is asked about: more would cost a product of all features and tell little
RANK = 1e-12  # eigenvalues below this share of the largest are taken for rounding
STRIPS = 4  # of features, whose products are found apart: one half of them all mirrors the other


@dataclass(frozen=True, slots=True)
class Standard:
    """Features as mean + scale × standard, each column of `standard` with mean 0 and variance 1 (0: a constant one)."""

    features_ND: Tensor  # as they were given
    standard_ND: Tensor  # fp32, or float64 where the features were
    mean_D: Tensor  # float64
    scale_D: Tensor  # float64
    covering_DD: Tensor  # products of the centred features with each other, summed over rows, float64

    def centred(self, rows: int) -> Tensor:
        """The features of the first so many rows, less their mean over all."""
        return self.standard_ND[:rows] * self.scale_D.to(self.standard_ND.dtype)

    @property
    def lengths_N(self) -> Tensor:
        """Squared lengths of the centred rows, in float64."""
        return (self.standard_ND.square() @ self.scale_D.square().to(self.standard_ND.dtype)).double()

    def against(self, columns_NC: Tensor) -> Tensor:
        """Xᵀ times columns, in float64."""
        inside = (columns_NC.T.to(self.standard_ND.dtype) @ self.standard_ND).T.double()  # the quicker way round
        return inside * self.scale_D[:, None] + torch.outer(self.mean_D, columns_NC.sum(0))

    def times(self, columns_DK: Tensor, rows: int) -> Tensor:
        """The first rows of X times columns (float64), in the features' dtype."""
        dtype = self.standard_ND.dtype
        return self.standard_ND[:rows] @ (self.scale_D[:, None] * columns_DK).to(dtype) + (self.mean_D @ columns_DK).to(
            dtype
        )


def standard(features_ND: Tensor) -> Standard:
    """Features of any float dtype on their way to a spectrum."""
    wide = features_ND if features_ND.dtype == torch.float64 else features_ND.float()
    mean = wide.mean(0)
    centred = wide - mean
    left = centred.mean(0)  # of the mean's own rounding
    centred, mean = centred.sub_(left), mean.double() + left.double()
    scale = centred.square().mean(0).sqrt()
    varies = scale > torch.finfo(wide.dtype).eps * mean.abs()
    scale = torch.where(varies, scale, torch.ones_like(scale))
    own, wide_scale = centred.mul_(varies / scale), scale.double()
    covering = _products(own).double().mul_(wide_scale).mul_(wide_scale[:, None])
    return Standard(features_ND, own, mean, wide_scale, covering)


def _products(columns_ND: Tensor) -> Tensor:
    """Of columns with each other, summed over rows: each pair once, and its mirror."""
    width = columns_ND.shape[1]
    found_DD = columns_ND.new_empty(width, width)
    strip = -(-width // STRIPS)
    for start in range(0, width, strip):
        some = columns_ND[:, start : start + strip].T @ columns_ND[:, start:]
        found_DD[start : start + strip, start:] = some
        found_DD[start:, start : start + strip] = some.T
    return found_DD


@dataclass(frozen=True, slots=True)
class Decomposed:
    """Features by their singular values, without the directions that are rounding."""

    standard: Standard
    left_NK: Tensor  # U; of the first `ASKED` rows, where there are more rows than features
    sigma_K: Tensor  # squared singular values, above 0, float64
    right_DK: Tensor | None  # V; None where there are fewer rows than features

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and features."""
        rows, width = self.standard.standard_ND.shape
        return rows, width

    def inside(self, columns_NC: Tensor, against_DC: Tensor) -> Tensor:
        """Uᵀ times columns, K × C in float64; against_DC: Xᵀ times them."""
        if self.right_DK is None:
            return self.left_NK.T @ columns_NC
        return self.right_DK.T @ against_DC / self.sigma_K.sqrt()[:, None]


def decomposed(parts: Standard) -> Decomposed:
    """By the eigenvectors of the smaller of XᵀX and XXᵀ, which are found far sooner than those of X itself."""
    rows, width = parts.features_ND.shape
    if width <= rows:
        gram = torch.addr(parts.covering_DD, parts.mean_D, parts.mean_D, alpha=rows)
    else:
        wide = parts.features_ND.double()
        gram = wide @ wide.T
    sigma, vectors = torch.linalg.eigh(gram)
    kept = sigma > RANK * float(sigma[-1].clamp_min(1e-300))
    sigma, vectors = sigma[kept], vectors[:, kept]
    if width <= rows:
        return Decomposed(parts, parts.times(vectors / sigma.sqrt(), ASKED), sigma, vectors)
    return Decomposed(parts, vectors, sigma, None)
