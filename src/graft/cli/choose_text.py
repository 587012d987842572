"""A ranking as text: a table of 80 columns, the pick and its reasons; or plain values for JSON."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from graft.cli.screen import spoken
from graft.records import Forecast, Ranking
from graft.report import words
from graft.report.compose_choice import expected, read
from graft.report.words import size

WIDTH = 80
MOST = 12  # lines of the table
HEAD = f"{'expected':>8} {'80% of cases':>13} {'prior':>5} {'training':>8} {'memory':>8} {'disk':>8} {'ms/text':>7}"
NAME = WIDTH - len(HEAD) - 3


def table(ranking: Ranking, data: str) -> list[str]:
    """The ranking for a person."""
    lines = ["", *textwrap.wrap(f"{expected(ranking)} ({read(ranking)}, validation and test were not):", WIDTH)]
    lines.append(f"  {'model':<{NAME}} {HEAD}")
    shown = chosen_lines(ranking)
    names = short([one.candidate.name for one in shown])
    for one, name in zip(shown, names, strict=True):
        lines += _line(one, f"{'*' if one.candidate.name == ranking.pick else ' '} {name}", ranking.metric)
    left = len(ranking.forecasts) - len(shown)
    known = "; prior: what size and published scores alone say" if ranking.forecasts[0].prior is not None else ""
    lines.append(f"* advised{known}.")
    if left:
        lines.append(f"{left} more in --json: none of them is cheaper and expected to reach as much.")
    pick = next(one for one in ranking.forecasts if one.candidate.name == ranking.pick)
    lines += ["", *textwrap.wrap(f"Advised: {ranking.pick}; {ranking.why}. {' '.join(pick.why)}", WIDTH)]
    if len(ranking.forecasts) > 1:
        lines += textwrap.wrap(_sure(pick, ranking), WIDTH)
    lines += textwrap.wrap(ranking.basis, WIDTH)
    writes = " --task write" if words.is_loss(ranking.metric) else ""
    following = f"graft run {shlex.quote(data)}{writes} --model {shlex.quote(ranking.pick)}"
    return [*lines, f"Took {spoken(ranking.seconds)}.", f"Next: {following}"]


def chosen_lines(ranking: Ranking) -> list[Forecast]:
    """What a screen has room for: the pick, the efficient ones, each model's best; the highest expectation first."""
    models: set[str] = set()
    kept = []
    for one in ranking.forecasts:
        model = one.candidate.name.removesuffix(f"@{one.candidate.depth}")
        if one.candidate.name == ranking.pick or one.efficient or model not in models:
            kept.append(one)
        models.add(model)
    return kept[:MOST]


def short(names: Sequence[str]) -> list[str]:
    """Folders by their last part, where that tells them apart; other names as they are."""
    ends = [PurePath(name).name if PurePath(name).is_absolute() or name.startswith(".") else name for name in names]
    return [end if ends.count(end) == 1 else name for name, end in zip(names, ends, strict=True)]


def _line(one: Forecast, name: str, metric: str) -> list[str]:
    expected, low, high = (words.metric_value(metric, value) for value in (one.expected, *one.interval))
    costs = one.costs
    numbers = (
        f"{expected:>8} {f'{low}-{high}':>13} {words.percent(one.prior, 0):>5} {_short(60 * costs.minutes):>8} "
        f"{size(costs.memory):>8} {size(costs.disk):>8} {costs.milliseconds:>7.2g}"
    )
    if len(name) > NAME + 2:
        return [*textwrap.wrap(name, WIDTH, subsequent_indent="  "), f"{'':<{NAME + 2}} {numbers}"]
    return [f"{name:<{NAME + 2}} {numbers}"]


def _short(seconds: float) -> str:
    """A duration in few letters: 40 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _sure(pick: Forecast, ranking: Ranking) -> str:
    """How clear the choice is."""
    is_loss = words.is_loss(ranking.metric)
    ends = ((one, one.interval[0 if is_loss else 1]) for one in ranking.forecasts if one is not pick)
    open_ = [one for one, end in ends if (end <= pick.expected if is_loss else end >= pick.expected)]
    if not open_:
        return "The interval of no other candidate reaches as far."
    return f"{len(open_)} of {len(ranking.forecasts) - 1} others might reach as much, by their intervals."


def described(ranking: Ranking) -> dict[str, Any]:
    """All of it, as plain values."""
    plain: dict[str, Any] = msgspec.to_builtins(ranking)
    return plain
