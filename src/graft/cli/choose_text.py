"""A ranking as text: a table of 80 columns, the pick and its reasons; or plain values for JSON."""

from __future__ import annotations

import shlex
import textwrap
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from graft.cli.screen import spoken
from graft.records import Forecast, Ranking
from graft.report import words
from graft.report.compose_choice import expected, read
from graft.report.words import size

WIDTH = 80
MOST = 12  # lines of the table, where so many hold the advised one and each model's best
REPEATED = (  # by `graft run` of what was said here, besides --set: the data, the recipe, the machine
    *("text", "text_pair", "label", "task", "documents", "validation", "test", "validation_share", "test_share"),
    *("split_seed", "encoding", "format", "labels", "unlabelled", "quoting", "recipe", "max_tokens"),
    *("device", "precision"),
)
USUAL = {"split_seed": 0, "device": "auto", "precision": "auto"}  # defaults that are not None
HEAD = f"{'expected':>8} {'80% of cases':>13} {'prior':>5} {'training':>8} {'memory':>8} {'disk':>8} {'ms/text':>7}"
NAME = WIDTH - len(HEAD) - 3


def table(ranking: Ranking, next_: str) -> list[str]:
    """The ranking for a person, with the command that trains what is advised."""
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
        lines += textwrap.wrap(_left(left, sum(one.efficient for one in ranking.forecasts if one not in shown)), WIDTH)
    pick = next(one for one in ranking.forecasts if one.candidate.name == ranking.pick)
    lines += ["", *textwrap.wrap(f"Advised: {ranking.pick}; {ranking.why}. {' '.join(pick.why)}", WIDTH)]
    if len(ranking.forecasts) > 1:
        lines += textwrap.wrap(_sure(pick, ranking), WIDTH)
    lines += textwrap.wrap(ranking.basis, WIDTH)
    return [*lines, f"Took {spoken(ranking.seconds)}.", f"Next: {next_}"]


def following(asked: Namespace, ranking: Ranking) -> str:
    """The command that trains what is advised, on the data and by the recipe that were named."""
    said = [item for name in REPEATED for item in _option(name, getattr(asked, name))]
    said += [item for field, value in asked.set for item in ("--set", f"{field}={value}")]
    writes = ["--task", "write"] if words.is_loss(ranking.metric) and asked.task is None else []
    return shlex.join(["graft", "run", asked.data, *said, *writes, "--model", ranking.pick])


def _option(name: str, value: object) -> Iterator[str]:
    """An option as it was given; nothing where it was not."""
    option = f"--{name.replace('_', '-')}"
    if value is None or value == USUAL.get(name):
        return
    if str(value).startswith("-"):  # which would be taken for another option
        yield f"{option}={value}"
        return
    yield from (option, str(value))


def chosen_lines(ranking: Ranking) -> list[Forecast]:
    """What a screen has room for: the pick and each model's best, whatever their number, then efficient ones.

    In the order of the ranking: the highest expectation first."""
    models: set[str] = set()
    wanted, efficient = [], []
    for one in ranking.forecasts:
        model = one.candidate.whole
        if one.candidate.name == ranking.pick or model not in models:
            wanted.append(one)
        elif one.efficient:
            efficient.append(one)
        models.add(model)
    kept = [*wanted, *efficient[: max(0, MOST - len(wanted))]]
    return [one for one in ranking.forecasts if one in kept]


def _left(left: int, efficient: int) -> str:
    """How many the table has no line for."""
    if not efficient:
        return f"{left} more in --json: none of them is cheaper and expected to reach as much."
    verb = "is" if efficient == 1 else "are"
    return f"{left} more in --json; {efficient} of them {verb} efficient: no cheaper one is expected to reach as much."


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
    better = [one for one in open_ if (one.expected < pick.expected if is_loss else one.expected > pick.expected)]
    others, more = len(ranking.forecasts) - 1, len(open_) - len(better)
    if not open_:
        return "The interval of no other candidate reaches as far."
    if not better:
        return f"{more} of {others} others might reach as much, by their intervals."
    might = f", and {more} more might do as well, by their intervals" if more else ""
    return f"{len(better)} of {others} others {'is' if len(better) == 1 else 'are'} expected to do better{might}."


def described(ranking: Ranking) -> dict[str, Any]:
    """All of it, as plain values."""
    plain: dict[str, Any] = msgspec.to_builtins(ranking)
    return plain
