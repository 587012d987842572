"""How a model was chosen, as a section or a page: forecast against cost, each depth, the race, and the reasons."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import PurePath

from graft.records import Forecast, Ranking
from graft.records.metrics import metric as known
from graft.report import words
from graft.report.blocks import (
    Block,
    Code,
    Column,
    Estimate,
    Facts,
    Fold,
    Hero,
    Plot,
    Prose,
    Report,
    Section,
    Spot,
    Table,
    Trace,
)

_SHOWN = 24  # rows of the table at a time


def choice_section(ranking: Ranking) -> Section:
    """Everything that a comparison of models found."""
    lead = f"{named(ranking.pick)} was advised: {ranking.why}. {read(ranking)}; validation and test were not."
    blocks: list[Block] = [_expected(ranking)]
    if ranking.views:
        blocks = [_against_cost(ranking), _by_depth(ranking), *blocks]
    if ranking.heats:
        blocks.append(_race(ranking))
    pick = next(one for one in ranking.forecasts if one.candidate.name == ranking.pick)
    blocks.append(Prose(f"{' '.join(pick.why)} {ranking.basis}"))
    if ranking.unranked:
        left = tuple(Prose(f"{one.name}: {_ended(one.why)}") for one in ranking.unranked)
        blocks.append(Fold(f"Not compared: {words.plural(len(left), 'candidate')}", left))
    return Section("choice", "The choice of the model", lead, tuple(blocks))


def _ended(clause: str) -> str:
    """With one mark at its end."""
    return clause if clause.endswith((".", "?")) else f"{clause}."


def expected(ranking: Ranking) -> str:
    """What the numbers of the candidates are."""
    if words.is_loss(ranking.metric):
        return f"{words.metric_name(ranking.metric)} before any training, lower is better"
    return f"Expected {words.spoken(ranking.metric)} on new texts"


def read(ranking: Ranking) -> str:
    """How much of train was read for it."""
    noun = "row" if ranking.views else "character"
    return f"{ranking.sampled.rows:,} of {words.plural(ranking.sampled.train, noun)} of train were read"


def compose_choice(ranking: Ranking, data: str, following: str) -> Report:
    """A page of its own for a comparison without a run; `following`: the command that trains what is advised."""
    pick = next(one for one in ranking.forecasts if one.candidate.name == ranking.pick)
    costs = pick.costs
    facts = Facts(
        (
            ("Training", words.duration(60 * costs.minutes)),
            ("Memory", words.size(costs.memory)),
            ("On disk", words.size(costs.disk)),
            ("Per text", f"{costs.milliseconds:.2g} ms"),
        )
    )
    headline = ("Start from ", named(ranking.pick), ".")
    sentences = (
        f"{expected(ranking)}: {_between(pick, ranking.metric)}.",
        f"{ranking.why[:1].upper()}{ranking.why[1:]}.",
    )
    hero = Hero("Choosing a model", headline, sentences, None, facts)
    left = "that so many rows leave" if ranking.views else "that so much text leaves"
    of_what = "of the forecast" if pick.prior is not None else left
    footer = f"Written by graft choose in {words.duration(ranking.seconds)}. Intervals are 80% intervals {of_what}."
    next_ = Section("next", "What comes next", "", (Code("To train what is advised", following, "sh"),))
    return Report(f"{data} · choosing a model · graft", hero, (choice_section(ranking), next_), footer)


def _between(one: Forecast, metric: str) -> str:
    """What is expected of a candidate, and the interval that holds it in 80 of 100 cases."""
    expected, low, high = (words.metric_value(metric, value) for value in (one.expected, *one.interval))
    return f"{expected}, in 80 of 100 cases between {low} and {high}"


def named(name: str) -> str:
    """A folder by its last part, any other name as it is."""
    return PurePath(name).name if PurePath(name).is_absolute() else name


def _against_cost(ranking: Ranking) -> Plot:
    metric = ranking.metric
    spots = [_spot(one, metric, one.candidate.name == ranking.pick) for one in ranking.forecasts]
    front = sorted((one for one in ranking.forecasts if one.efficient), key=lambda one: one.costs.minutes)
    line = Trace("efficient", tuple(_spot(one, metric) for one in front))
    rest = Trace("", tuple(spots), joined=False)
    what = f"Expected {words.spoken(metric)} against cost"
    caption = f"{what}, with 80% intervals; the line joins those that no cheaper one matches"
    axis = "minutes of training on this machine (logarithmic)"
    return Plot(caption, axis, (line, rest), True, words.metric_unit(metric))


def _spot(one: Forecast, metric: str, is_pick: bool = False) -> Spot:
    expected, low, high = (words.metric_value(metric, value) for value in (one.expected, *one.interval))
    between = f"{expected} ({low} to {high})"
    label = f"{named(one.candidate.name)}: {between}, {words.duration(60 * one.costs.minutes)}"
    return Spot(max(one.costs.minutes, 1e-3), one.expected, label, one.interval, is_pick)


def _by_depth(ranking: Ranking) -> Plot:
    return Plot(
        f"A linear probe's {words.spoken(ranking.metric)} after each block, each model read frozen",
        "block",
        tuple(_depths(ranking)),
        unit=words.metric_unit(ranking.metric),
    )


def _depths(ranking: Ranking) -> Iterator[Trace]:
    for model, views in ranking.views.items():
        best: dict[int, tuple[float, str]] = {}
        for view in views:
            best[view.depth] = max(best.get(view.depth, (-math.inf, "")), (view.probe, view.pooling))
        shown = {depth: f"{words.metric_value(ranking.metric, share)} ({way})" for depth, (share, way) in best.items()}
        spots = tuple(
            Spot(depth, share, f"{named(model)}, block {depth}: {shown[depth]}")
            for depth, (share, _) in sorted(best.items())
        )
        yield Trace(named(model), spots, ours=ranking.pick.partition("@")[0] == model or ranking.pick == model)


def _expected(ranking: Ranking) -> Table:
    unit = known(ranking.metric).unit
    columns = (
        Column("Model"),
        Column("Expected", "range", "with its 80% interval"),
        Column("Prior", unit, "what size and published scores alone say"),
        Column("Training", "seconds"),
        Column("Memory"),
        Column("On disk"),
        Column("ms/text", "decimal"),
        Column("Tokens a word", "decimal", "what a word of these texts takes in its vocabulary"),
    )
    rows = tuple(
        (
            named(one.candidate.name) + (" (advised)" if one.candidate.name == ranking.pick else ""),
            Estimate(one.expected, one.interval, unit),
            one.prior,
            60 * one.costs.minutes,
            words.size(one.costs.memory),
            words.size(one.costs.disk),
            one.costs.milliseconds,
            one.spelling.tokens_per_word if one.spelling else None,
        )
        for one in ranking.forecasts
    )
    page = _SHOWN if len(rows) > _SHOWN else 0
    return Table("What is expected of each candidate, and what it costs", columns, rows, page=page)


def _race(ranking: Ranking) -> Table:
    columns = (
        Column("Round", "count"),
        Column("Model"),
        Column("Trained on", "count"),
        Column("Judged on", "count"),
        Column(words.metric_name(ranking.metric), known(ranking.metric).unit),
        Column("Took", "seconds"),
    )
    rows = tuple((one.round, named(one.name), one.rows, one.judged, one.value, one.seconds) for one in ranking.heats)
    return Table("The race: finalists fine-tuned for short on part of train, judged on other rows of it", columns, rows)
