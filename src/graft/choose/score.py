"""How well frozen features already tell what a task asks for: four scores, each of one matrix of features.

    h_score      between-class variance against redundancy; unitless, higher is better
    log_me       log evidence of a Bayesian linear model per row; unitless, higher is better
    neighbours   share of rows whose nearest other rows say their class (numbers: correlation)
    probe        share of rows that a linear probe fitted on all other rows gets right (numbers: correlation)

The last two are estimates of a metric of the task, by leaving out one row at a time; the first two only order models.
Features are features_ND (rows × width, any float dtype), classes are codes_N (int64), numbers are values_N.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

NEIGHBOURS = 5
QUERIES = 2048  # rows whose neighbours are looked for; among all rows
PENALTIES = tuple(10.0**power for power in range(-1, 6))  # of a ridge on standardised features
RANK = 1e-12  # eigenvalues below this share of the largest are taken for rounding


def h_score(features_ND: Tensor, codes_N: Tensor) -> float:
    """The H-score with shrunk covariances: tr(Σ_α⁻¹ (1 - α) Σ_z).

    Σ_α is the features' covariance by Ledoit and Wolf (2004), Σ_z that of the class means. Bao et al. 2019,
    "An Information-Theoretic Approach to Transferability", equation 2; Ibrahim et al. 2022, "Newer is not always
    better", section 3.2, whose published code divides Σ_z by rows - 1, as is done here.
    """
    centred = features_ND.double()
    centred = centred - centred.mean(0)
    rows = len(centred)
    covariance, share = _shrunk(centred)
    means_CD, counts_C = _class_means(centred, codes_N)
    weighted = means_CD * counts_C.sqrt()[:, None]
    solved = torch.cholesky_solve(weighted.T, torch.linalg.cholesky(covariance + _jitter(covariance)))
    return float((1 - share) * (weighted.T * solved).sum() / (rows - 1))


def _shrunk(centred_ND: Tensor) -> tuple[Tensor, float]:
    """The covariance of Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance
    matrices" (lemma 3.2 to 3.4), and its share of shrinkage."""
    rows, width = centred_ND.shape
    covariance = centred_ND.T @ centred_ND / rows
    scale = float(covariance.diagonal().mean())
    fourth = float(centred_ND.square().sum(1).square().sum()) / rows
    squared = float(covariance.square().sum())
    noise = (fourth - squared) / rows
    spread = squared - width * scale**2
    share = min(max(noise / spread, 0.0), 1.0) if spread > 0 else 1.0
    covariance = (1 - share) * covariance
    covariance.diagonal().add_(share * scale)
    return covariance, share


def _jitter(covariance: Tensor) -> Tensor:
    """What makes a covariance with constant features positive definite, and changes no other noticeably."""
    size = float(covariance.diagonal().mean())
    return torch.eye(len(covariance), dtype=covariance.dtype) * max(size, 1e-30) * 1e-13


def _class_means(features_ND: Tensor, codes_N: Tensor) -> tuple[Tensor, Tensor]:
    """Means and numbers of rows of the classes that occur."""
    _, codes = torch.unique(codes_N, return_inverse=True)
    one_hot = torch.nn.functional.one_hot(codes).to(features_ND.dtype)
    counts = one_hot.sum(0)
    return one_hot.T @ features_ND / counts[:, None], counts


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The singular values and left vectors of a matrix: features = U diag(√sigma) Vᵀ, without what is rounding."""

    left_NK: Tensor
    sigma_K: Tensor  # squared singular values, above 0
    width: int


def spectrum(features_ND: Tensor) -> Spectrum:
    """By the eigenvectors of the smaller Gram matrix, which is many times faster than a decomposition of the whole."""
    wide = features_ND.double()
    rows, width = wide.shape
    gram = wide.T @ wide if width <= rows else wide @ wide.T
    sigma, vectors = torch.linalg.eigh(gram)
    kept = sigma > RANK * float(sigma[-1].clamp_min(1e-300))
    sigma, vectors = sigma[kept], vectors[:, kept]
    return Spectrum(wide @ vectors / sigma.sqrt() if width <= rows else vectors, sigma, width)


def log_me(features_ND: Tensor, targets_NC: Tensor) -> float:
    """The log maximum evidence per row, the mean over targets (one-hot columns of classes, or numbers).

    You et al. 2021, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning", algorithm 2 with the
    evidence of its equation 2. The fixed point is that of You et al. 2022 (JMLR 23), found for all targets at once.
    Where there are fewer rows than features, log|A| counts every feature, as the equation says; the authors' code
    counts only as many as there are rows.
    """
    found = spectrum(features_ND)
    targets = targets_NC.double()
    rows, sigma = len(targets), found.sigma_K[:, None]
    projected = (found.left_NK.T @ targets).square()  # K × C
    outside = (targets.square().sum(0) - projected.sum(0)).clamp_min(0)
    alpha = beta = torch.ones(targets.shape[1], dtype=torch.float64)
    for _ in range(100):
        ratio = alpha / beta
        gamma = (sigma / (sigma + ratio)).sum(0)
        weights = (sigma * projected / (ratio + sigma).square()).sum(0)
        residual = (projected / (1 + sigma / ratio).square()).sum(0) + outside
        alpha, beta = gamma / (weights + 1e-5), (rows - gamma) / (residual + 1e-5)
        if bool(((alpha / beta - ratio).abs() <= 1e-5 * ratio).all()):
            break
    determinant = torch.log(alpha + beta * sigma).sum(0) + (found.width - len(sigma)) * torch.log(alpha)
    evidence = (
        found.width * torch.log(alpha) + rows * torch.log(beta) - determinant
        - beta * residual - alpha * weights - rows * math.log(2 * math.pi)
    ) / 2  # fmt: skip
    return float((evidence / rows).mean())


def neighbours(features_ND: Tensor, targets_N: Tensor, count: int = NEIGHBOURS, queries: int = QUERIES) -> float:
    """Leave-one-out k-nearest neighbours by cosine of the centred features (Cover and Hart 1967).

    Classes (int64): accuracy of the majority, ties going to the class of the nearest among the tied. Numbers: Pearson
    correlation of the mean. Rows beyond `queries` are only neighbours; which are asked is drawn by a fixed seed.
    """
    centred = features_ND.float() - features_ND.float().mean(0)
    unit = torch.nn.functional.normalize(centred)
    asked = torch.randperm(len(unit), generator=torch.Generator().manual_seed(0))[:queries].sort().values
    count = min(count, len(unit) - 1)
    nearest = []
    for part in asked.split(512):
        similar = unit[part] @ unit.T
        similar[torch.arange(len(part)), part] = -2.0  # no row is its own neighbour
        nearest.append(similar.topk(count).indices)
    said = targets_N[torch.cat(nearest)]
    if targets_N.is_floating_point():
        return correlation(said.mean(1), targets_N[asked])
    votes = (said[:, :, None] == said[:, None, :]).sum(2)  # for each neighbour, how many say the same
    answers = said.gather(1, votes.argmax(1, keepdim=True))[:, 0]  # argmax: the first, so the nearest, of the tied
    return float((answers == targets_N[asked]).double().mean())


def probe(features_ND: Tensor, targets_N: Tensor) -> float:
    """A ridge regression on standardised features, each row answered by the fit on all others.

    Classes (int64) are regressed as one-hot columns, the largest answers (accuracy); numbers: Pearson correlation.
    Leaving out needs no second fit: a row's residual without it is its residual divided by 1 - h (Allen 1974; Golub,
    Heath and Wahba 1979). The penalty is the one with the least squared residual left out, so the answers that it is
    chosen by are also those that are scored; with seven penalties and hundreds of rows that flatters by little.
    """
    features = features_ND.double()
    centred = features - features.mean(0)
    found = spectrum(centred / centred.std(0, correction=0).clamp_min(1e-9))
    is_number = targets_N.is_floating_point()
    targets = targets_N.double()[:, None] if is_number else one_hot(targets_N)
    answers = _left_out(found, targets)
    if is_number:
        return correlation(answers[:, 0], targets_N.double())
    return float((answers.argmax(1) == targets.argmax(1)).double().mean())


def _left_out(found: Spectrum, targets_NC: Tensor) -> Tensor:
    """answers_NC of the ridge with the best penalty, each row left out of its own fit."""
    rows = len(targets_NC)
    mean = targets_NC.mean(0)
    centred = targets_NC - mean
    projected = found.left_NK.T @ centred
    squares = found.left_NK.square()
    best, least = centred, math.inf
    for penalty in PENALTIES:
        shrink = found.sigma_K / (found.sigma_K + penalty)
        leverage = squares @ shrink + 1 / rows  # the mean is fitted too
        residual = (centred - found.left_NK @ (shrink[:, None] * projected)) / (1 - leverage).clamp_min(1e-6)[:, None]
        error = float(residual.square().mean())
        if error < least:
            best, least = centred - residual, error
    return best + mean


def one_hot(codes_N: Tensor) -> Tensor:
    """targets_NC in float64, one column for each class that occurs."""
    _, codes = torch.unique(codes_N, return_inverse=True)
    return torch.nn.functional.one_hot(codes).double()


def correlation(left_N: Tensor, right_N: Tensor) -> float:
    """Pearson's; 0 where one side is constant."""
    pair = torch.stack([left_N.double(), right_N.double()])
    centred = pair - pair.mean(1, keepdim=True)
    size = centred.square().sum(1).prod().sqrt()
    return float(centred.prod(0).sum() / size) if size > 0 else 0.0
