"""How well frozen features already tell what a task asks for: four scores of one matrix of features.

    h_score      between-class variance against redundancy; unitless, higher is better
    log_me       log evidence of a Bayesian linear model per row; unitless, higher is better
    neighbours   what a row's nearest other rows say of it, judged as the task judges
    probe        what a linear model fitted on all other rows says of it, judged as the task judges

The last two are estimates of a metric of the task, by leaving out one row at a time; the first two only order models.
Features are features_ND (rows × width, any float dtype); targets are a class for each row (int64; judged by accuracy),
a number (float; by Pearson correlation), or any number of labels (bool, rows × labels; by micro-F1 at the threshold
that is best for it). The products and their eigenvectors, which cost the most, are found once for all
(`spectrum.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.choose.spectrum import ASKED, Decomposed, Standard, decomposed, standard

NEIGHBOURS = 5
QUERIES = 512  # rows whose neighbours are looked for
AMONG = ASKED  # rows that are looked among
ROUNDS = 100  # of LogME's fixed point
EPSILON = 1e-5  # in its denominators, as in the authors' code
LEAST = 1e-100  # of α and β: features that are all 0 have no α, and a logarithm is taken of it


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one matrix of features. `h_score` is None where targets are no classes."""

    h_score: float | None
    log_me: float
    neighbours: float
    probe: float


def scores(features_ND: Tensor, targets_N: Tensor) -> Scores:
    """All four."""
    parts, columns = standard(features_ND), as_columns(targets_N)
    found, against = decomposed(parts), parts.against(columns)
    classes = _h_score(parts, columns, against) if targets_N.dtype == torch.int64 else None
    evidence = _evidence(found, columns, against)
    return Scores(classes, evidence.mean, _neighbours(parts, targets_N), _probe(found, evidence, targets_N))


def h_score(features_ND: Tensor, codes_N: Tensor) -> float:
    """The H-score with shrunk covariances: tr(Σ_α⁻¹ (1 - α) Σ_z).

    Σ_α is the features' covariance by Ledoit and Wolf (2004), Σ_z that of the class means. Bao et al. 2019,
    "An Information-Theoretic Approach to Transferability", equation 2; Ibrahim et al. 2022, "Newer is not always
    better", section 3.2, whose published code divides Σ_z by rows - 1, as is done here.
    """
    parts, columns = standard(features_ND), as_columns(codes_N)
    return _h_score(parts, columns, parts.against(columns))


def log_me(features_ND: Tensor, targets_N: Tensor) -> float:
    """The log maximum evidence per row, the mean over columns: one for each class or label.

    You et al. 2021, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning", algorithm 2 with the
    evidence of its equation 2. The fixed point is that of You et al. 2022 (JMLR 23), found for all columns at once.
    Where there are fewer rows than features, log|A| counts every feature, as the equation says; the authors' code
    counts only as many as there are rows.
    """
    found, columns = decomposed(standard(features_ND)), as_columns(targets_N)
    return _evidence(found, columns, found.standard.against(columns)).mean


def probe(features_ND: Tensor, targets_N: Tensor) -> float:
    """The linear model whose evidence LogME maximises, the first `ASKED` rows each answered by the fit on all others.

    Classes: the largest column answers (accuracy); numbers: Pearson correlation. It is a ridge regression for each
    column, with the penalty α/β that the evidence chooses (MacKay 1992), so none is searched for. Leaving out needs
    no second fit: a row's residual without it is its residual divided by 1 - h (Allen 1974, PRESS).
    """
    found, columns = decomposed(standard(features_ND)), as_columns(targets_N)
    return _probe(found, _evidence(found, columns, found.standard.against(columns)), targets_N)


def neighbours(features_ND: Tensor, targets_N: Tensor, count: int = NEIGHBOURS, queries: int = QUERIES) -> float:
    """Leave-one-out k-nearest neighbours by cosine of the centred features (Cover and Hart 1967).

    Classes: accuracy of the majority, ties going to the class of the nearest among the tied. Numbers: Pearson
    correlation of the mean. Of the first `AMONG` rows, those beyond `queries` are only neighbours; which are asked is
    drawn by a fixed seed.
    """
    return _neighbours(standard(features_ND), targets_N, count, queries)


def _neighbours(parts: Standard, targets_N: Tensor, count: int = NEIGHBOURS, queries: int = QUERIES) -> float:
    unit = torch.nn.functional.normalize(parts.centred(AMONG).float())
    targets_N = targets_N[:AMONG]
    asked = torch.randperm(len(unit), generator=torch.Generator().manual_seed(0))[:queries].sort().values
    count = min(count, len(unit) - 1)
    nearest = []
    for part in asked.split(256):
        similar = unit[part] @ unit.T
        similar[torch.arange(len(part)), part] = -2.0  # no row is its own neighbour
        nearest.append(similar.topk(count).indices)
    said = targets_N[torch.cat(nearest)]
    if targets_N.dtype != torch.int64:
        return judged(said.double().mean(1), targets_N[asked])
    votes = (said[:, :, None] == said[:, None, :]).sum(2)  # for each neighbour, how many say the same
    answers = said.gather(1, votes.argmax(1, keepdim=True))[:, 0]  # argmax: the first, so the nearest, of the tied
    return float((answers == targets_N[asked]).double().mean())


def _h_score(parts: Standard, classes_NC: Tensor, against_DC: Tensor) -> float:
    rows = len(parts.features_ND)
    covariance, share = shrunk(parts.covering_DD / rows, parts.lengths_N)
    counts = classes_NC.sum(0)
    sums_DC = against_DC - torch.outer(parts.mean_D, counts)
    weighted = sums_DC / counts.sqrt()
    solved = torch.cholesky_solve(weighted, torch.linalg.cholesky(covariance))
    return float((1 - share) * (weighted * solved).sum() / (rows - 1))


def shrunk(covariance_DD: Tensor, lengths_N: Tensor) -> tuple[Tensor, float]:
    """A sample covariance shrunk towards a multiple of the identity, and the share that it was shrunk by.

    Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices", lemmas 3.2 to 3.4.
    lengths_N: squared lengths of the centred rows.
    """
    rows, width = len(lengths_N), len(covariance_DD)
    scale = max(float(covariance_DD.diagonal().mean()), 1e-30)
    squared = float(covariance_DD.square().sum())
    noise = (float(lengths_N.square().mean()) - squared) / rows
    spread = squared - width * scale**2
    share = min(max(noise / spread, 0.0), 1.0) if spread > 0 else 1.0
    covariance = (1 - share) * covariance_DD
    covariance.diagonal().add_(share * scale + 1e-13 * scale)  # the latter for features that are constant
    return covariance, share


@dataclass(frozen=True, slots=True)
class _Evidence:
    mean: float  # over columns, of the log evidence per row
    ratio_C: Tensor  # α/β of each column: the penalty of its ridge
    inside_KC: Tensor  # Uᵀy


def _evidence(found: Decomposed, targets_NC: Tensor, against_DC: Tensor) -> _Evidence:
    rows, width = found.shape
    inside = found.inside(targets_NC, against_DC)
    sigma, projected = found.sigma_K.numpy()[:, None], inside.square().numpy()
    outside = (targets_NC.square().sum(0).numpy() - projected.sum(0)).clip(0)
    alpha, beta, residual, weights = _fixed_point(sigma, projected, outside, rows)
    determinant = np.log(alpha + beta * sigma).sum(0) + (width - len(sigma)) * np.log(alpha)
    fit = beta * residual + alpha * weights
    evidence = width * np.log(alpha) + rows * np.log(beta) - determinant - fit - rows * math.log(2 * math.pi)
    return _Evidence(float(evidence.mean() / (2 * rows)), torch.from_numpy(alpha / beta), inside)


def _fixed_point(
    sigma: NDArray[np.float64], projected: NDArray[np.float64], outside: NDArray[np.float64], rows: int
) -> tuple[NDArray[np.float64], ...]:
    """α and β where the evidence is largest, the squared residuals there and the squared weights, for each column."""
    alpha = beta = np.ones(projected.shape[1])
    weighted, rounds = sigma * projected, 0
    while True:  # in numpy, which is sooner done with what is so small
        ratio, rounds = alpha / beta, rounds + 1
        inverse = 1 / (sigma + ratio)
        squared = np.square(inverse)
        gamma = (sigma * inverse).sum(0)
        weights = (weighted * squared).sum(0)
        residual = np.square(ratio) * (projected * squared).sum(0) + outside
        alpha, beta = gamma / (weights + EPSILON), (rows - gamma) / (residual + EPSILON)
        if rounds == ROUNDS or bool((np.abs(alpha / beta - ratio) <= 1e-5 * ratio).all()):
            return alpha.clip(LEAST), beta.clip(LEAST), residual, weights


def _probe(found: Decomposed, evidence: _Evidence, targets_N: Tensor) -> float:
    targets = as_columns(targets_N)[:ASKED]
    shrink_KC = found.sigma_K[:, None] / (found.sigma_K[:, None] + evidence.ratio_C)
    left_NK = found.left_NK[:ASKED]
    leverage_NC = (left_NK.square() @ shrink_KC.to(left_NK.dtype)).double()
    residual_NC = targets - (left_NK @ (shrink_KC * evidence.inside_KC).to(left_NK.dtype)).double()
    answers = targets - residual_NC / (1 - leverage_NC).clamp_min(1e-6)
    if targets_N.dtype == torch.int64:  # a column for each class of all rows, not of those that are asked
        return float((answers.argmax(1) == targets.argmax(1)).double().mean())
    return judged(answers, targets_N[:ASKED])


def judged(answers: Tensor, targets_N: Tensor) -> float:
    """The metric of answers to numbers, which may be without a second axis, or to labels, a column for each."""
    if targets_N.is_floating_point():
        return correlation(answers.flatten(), targets_N)
    return best_f1(answers, targets_N)


def best_f1(answers_NL: Tensor, flags_NL: Tensor) -> float:
    """Micro-F1 where a label is given from that value on, the same for all, which is best (Lipton et al. 2014)."""
    order = answers_NL.flatten().argsort(descending=True, stable=True)
    ranked, right = answers_NL.flatten()[order], flags_NL.flatten()[order].double().cumsum(0)
    given = torch.arange(1, len(right) + 1, dtype=torch.float64)
    f1 = 2 * right / (given + right[-1]).clamp_min(1)
    ends = torch.ones_like(ranked, dtype=torch.bool)
    ends[:-1] = ranked[1:] != ranked[:-1]  # equal values are given together or not at all
    return float(f1[ends].max())


def as_columns(targets_N: Tensor) -> Tensor:
    """targets_NC in float64: numbers and labels as they are, a one-hot column for each class that occurs."""
    if targets_N.dtype != torch.int64:
        return targets_N.double().reshape(len(targets_N), -1)
    _, codes = torch.unique(targets_N, return_inverse=True)
    return torch.nn.functional.one_hot(codes).double()


def correlation(left_N: Tensor, right_N: Tensor) -> float:
    """Pearson's; 0 where one side is constant."""
    pair = torch.stack([left_N.double(), right_N.double()])
    centred = pair - pair.mean(1, keepdim=True)
    size = centred.square().sum(1).prod().sqrt()
    return float(centred.prod(0).sum() / size) if size > 0 else 0.0
