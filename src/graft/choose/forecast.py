"""What fine-tuning will reach, forecast from what a linear probe of the frozen states reaches.

A linear correction on the scale of log-odds, fitted on real fine-tunings by `benchmarks/choice.py`, which prints these
numbers; docs/choosing.md tells how they are made and how far they hold. Beside it the static prior,
which sees nothing of the data: size and published scores alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graft.choose.cost import Effort, costs
from graft.choose.entrant import Measured
from graft.choose.spectrum import ASKED
from graft.records import Candidate, Forecast, Interval, View
from graft.report import spelling, words

EVENED = 0.25  # half-way from log-odds (0) to arcsines (0.5)
EDGE = 0.002  # probabilities are kept this far from 0 and 1 before their log-odds are taken


@dataclass(frozen=True, slots=True)
class Weights:
    """log-odds of the metric = constant + Σ weight × feature; `reach`: half of the 80% interval, in log-odds, where the
    metric is a half."""

    constant: float
    probe: float  # log-odds of the best probe at the blocks that are kept
    rows: float  # log2 of rows to train on over rows of the sample
    blocks: float  # log2 of blocks that are kept
    classes: float  # log of the classes that an answer could be instead
    reach: float


FITTED = Weights(constant=-0.262, probe=1.047, rows=0.200, blocks=0.134, classes=0.177, reach=0.572)
PRIOR = (0.912, 0.890)  # log-odds without the data: at a million parameters, and per tenfold
PUBLISHED = 0.02  # log-odds per point of MNLI above 80, where that is published; a guess, no truth tells it yet
BASIS = "These forecasts rest on 90 fine-tunings only, of small models on seven data sets."
PLAIN = (
    "What is expected here is what a linear probe over the frozen model reaches, with the interval of its sampling; "
    "no fine-tuning of this task stands behind it, and fine-tuning usually reaches more."
)
FORECAST = "accuracy"  # the metric whose fine-tunings the weights were fitted on
WITHIN_80 = 1.2816  # standard deviations of a normal distribution


def basis(metric: str) -> str:
    """On what expectations of this metric rest."""
    return BASIS if metric == FORECAST else PLAIN


@dataclass(frozen=True, slots=True)
class Aim:
    """What fine-tuning would train on: rows of the train split, and into how many classes they fall."""

    train: int
    classes: int
    metric: str = FORECAST
    commonest: float = 0.0  # share of the class that most of them are of


def forecasts(found: Iterable[tuple[Measured, Sequence[Effort]]], aim: Aim) -> list[Forecast]:
    """One for each candidate depth of each measured model, the highest expectation first.

    With each model the effort of its depths 1, 2, ….
    """
    made = [_forecast(one, depth, efforts[depth - 1], aim) for one, efforts in found for depth in one.depths]
    ordered = sorted(made, key=lambda each: (-each.expected, each.costs.minutes))
    return [dataclasses.replace(each, efficient=_is_efficient(each, ordered)) for each in ordered]


def _forecast(found: Measured, depth: int, effort: Effort, aim: Aim) -> Forecast:
    best = best_view(found.views, depth)
    kept = kept_to(found, depth)
    if aim.metric == FORECAST:
        known = features(best.probe, depth, aim.train / found.rows, aim.classes)
        (expected, interval), base = above(aim.commonest, *reached(known)), prior(kept)
    else:
        (expected, interval), base = sampled(best.probe, asked(found), aim.metric), None
    why = _why(found, best, depth, (aim.metric, expected))
    return Forecast(kept, expected, interval, base, best, costs(found, depth, effort), why, spelling=found.spelling)


def asked(found: Measured) -> int:
    """Rows that its probes are asked about; they are fitted on all."""
    return min(found.rows, ASKED)


def kept_to(found: Measured, depth: int) -> Candidate:
    """The model kept up to a depth, as a candidate."""
    whole = found.model
    name = whole.name if depth == whole.blocks else f"{whole.name}@{depth}"
    return dataclasses.replace(whole, name=name, depth=depth, parameters=found.sizes[depth - 1])


def best_view(views: Sequence[View], depth: int) -> View:
    """The way to read the model kept up to a depth that the probe likes best, be it at a block further below.

    What is fine-tuned has all of these blocks, so a last one that is worse to read frozen takes nothing away.
    """
    return max((view for view in views if view.depth <= depth), key=lambda view: view.probe)


def reached(known: Sequence[float], weights: Weights = FITTED) -> tuple[float, Interval]:
    """The expected metric and its 80% interval, from `features`."""
    middle = weights.constant
    each = (weights.probe, weights.rows, weights.blocks, weights.classes)
    middle += sum(weight * feature for weight, feature in zip(each, known, strict=True))
    return odds(middle), around(middle, weights.reach)


def above(commonest: float, expected: float, interval: Interval) -> tuple[float, Interval]:
    """A forecast that is not below what the commonest class as the only answer reaches: where states tell nothing, a
    row's left-out probe errs more often than by chance, which no fine-tuning does."""
    return max(expected, commonest), (interval[0], max(interval[1], commonest))


def around(middle: float, reach: float) -> Interval:
    """The interval about log-odds `middle` whose reach in log-odds is so much at a half."""
    half = reach * stretch(middle)
    return odds(middle - half), odds(middle + half)


def stretch(middle: float) -> float:
    """How much further an interval reaches in log-odds at `middle` than at a half.

    Between the scale of log-odds, on which errors near 1 are larger, and that of arcsines of square roots (Anscombe
    1948), on which they are smaller.
    """
    share = odds(middle)
    return float((4 * share * (1 - share)) ** -EVENED)


def sampled(probe: float, rows: int, metric: str) -> tuple[float, Interval]:
    """A probe as it is, with the 80% interval that its rows leave: Fisher's for a correlation, else that of a share."""
    if metric == "pearson":
        middle, half = math.atanh(min(max(probe, -0.999), 0.999)), WITHIN_80 / math.sqrt(max(rows - 3, 1))
        return probe, (math.tanh(middle - half), math.tanh(middle + half))
    kept = min(max(probe, EDGE), 1 - EDGE)
    half = WITHIN_80 / math.sqrt(rows * kept * (1 - kept))
    return probe, (min(odds(log_odds(kept) - half), probe), max(odds(log_odds(kept) + half), probe))


def features(probe: float, depth: int, more: float, classes: int) -> tuple[float, float, float, float]:
    """What the forecast is linear in, in the order of `Weights`. `more`: rows to train on over rows sampled.

    The last makes log-odds comparable between few classes and many, since guessing has odds of 1 to classes - 1.
    """
    return log_odds(probe), math.log2(max(more, 1.0)), math.log2(depth), math.log(max(classes, 2) - 1)


def prior(candidate: Candidate) -> float:
    """The expected metric without a look at the data: from size, and from published scores where there are some."""
    base, tenfold = PRIOR
    published = 0.0 if candidate.published is None else PUBLISHED * (candidate.published - 80)
    return odds(base + tenfold * math.log10(max(candidate.parameters, 1) / 1e6) + published)


def log_odds(share: float) -> float:
    kept = min(max(share, EDGE), 1 - EDGE)
    return math.log(kept / (1 - kept))


def odds(value: float) -> float:
    """The probability of log-odds."""
    return 1 / (1 + math.exp(-value))


def _is_efficient(one: Forecast, others: Sequence[Forecast]) -> bool:
    return not any(
        other.costs.minutes < one.costs.minutes and other.expected >= one.expected for other in others if other != one
    )


READ = {
    "first": "the state of the first token",
    "last": "the state of the last token",
    "mean": "the mean over tokens",
    "layers": "the mean over tokens and blocks",
    "word": "a word's first token",
}


def _why(found: Measured, best: View, depth: int, expected: tuple[str, float]) -> tuple[str, ...]:
    metric, value = expected
    place = f"{READ.get(best.pooling, best.pooling)} at block {best.depth}"
    if metric == FORECAST:
        said = [
            f"A linear probe on {place} gets {best.probe:.1%} of {asked(found):,} rows right, each left out in turn"
        ]
        said.append(f"Five nearest neighbours get {best.neighbours:.1%}")
        said.append(f"Fine-tuning is expected to make that {value:.1%}")
    else:
        reached = f"{words.spoken(metric)} of {words.metric_value(metric, best.probe)}"
        said = [f"A linear probe on {place} has a {reached} over {asked(found):,} rows, each answered by the others"]
        said.append(f"Five nearest neighbours have {words.metric_value(metric, best.neighbours)}")
    if depth < found.model.blocks:
        said.append(f"It keeps {depth} of {found.model.blocks} blocks")
    if found.spelling is not None:
        said.append(f"In its vocabulary {spelling.cost(found.spelling)}")
    return tuple(f"{sentence}." for sentence in said)


def picked(ordered: Sequence[Forecast], within: float, metric: str = FORECAST) -> tuple[Forecast, str]:
    """The candidate to take, and why: the cheapest that is expected within so much of the best."""
    best = ordered[0]
    enough = [one for one in ordered if one.expected >= best.expected - within]
    pick = min(enough, key=lambda one: one.costs.minutes) if within else best
    if len(ordered) == 1:
        return pick, "it is the only candidate that could be compared"
    if pick is best:
        return pick, f"it is expected to reach the most, {words.metric_value(metric, best.expected)}"
    near, less = (margin(metric, value) for value in (within, best.expected - pick.expected))
    return pick, f"it is the cheapest that is expected within {near} of the best ({less} below it)"


def margin(metric: str, difference: float) -> str:
    """A difference of two values of a metric: points where it is a share, else as the metric is told."""
    return words.points(difference) if words.is_share(metric) else words.metric_value(metric, difference)
