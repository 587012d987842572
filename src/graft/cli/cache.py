"""graft cache: what is kept because it can be computed again, and clearing it."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import re
from argparse import Namespace
from typing import TYPE_CHECKING

from graft.cli.failure import print_json
from graft.cli.options import add_output
from graft.cli.usage import Parser, UsageError

if TYPE_CHECKING:
    from graft.cache.store import Usage

ABOUT = "the cache of extracted representations and tokens: what it holds, or clear it"
EXAMPLES = ("graft cache", "graft cache clear --older-than 30d", "GRAFT_CACHE=/big/disk graft run reviews.csv")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def add_arguments(parser: Parser) -> None:
    parser.add_argument("action", choices=("size", "clear"), nargs="?", default="size", help="default: size")
    parser.add_argument(
        "--older-than",
        metavar="AGE",
        type=age,
        help="clear what was not used for so long: 30d, 12h",
    )
    add_output(parser)


def age(text: str) -> int:
    """Seconds of `30d`, `12h`, `4w`."""
    match = re.fullmatch(r"(\d+)([smhdw])", text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no age; give a number and a unit, as 30d, 12h or 4w")
    return int(match[1]) * UNITS[match[2]]


def main(asked: Namespace) -> int:
    if asked.older_than is not None and asked.action != "clear":
        raise UsageError("--older-than says what is cleared.", "add clear: graft cache clear --older-than AGE.")
    from graft.cache.store import Store
    from graft.report.words import size, visible

    store = Store()
    if asked.action == "clear":
        freed = store.clear(asked.older_than or 0)
        if asked.json:
            print_json({"folder": str(store.folder), "cleared": freed, "bytes": store.usage().bytes})
        else:
            print(f"{store.folder}: removed {size(freed)}.")
            print_unread(store.usage())
        return 0
    usage = store.usage()
    if asked.json:
        print_json(dataclasses.asdict(usage))
        return 0
    print(f"{usage.folder}: {size(usage.bytes)} of at most {size(usage.limit)}.")
    for entry in usage.entries:
        used = datetime.datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d %H:%M")
        named = visible(f"{entry.model}, {entry.kind}")
        print(f"  {named}: {entry.rows:,} rows, {size(entry.bytes)}, last used {used}")
    print_unread(usage)
    return 0


def print_unread(usage: Usage) -> None:
    """What is neither counted nor cleared."""
    from graft.report.words import visible

    for place in usage.unread:
        print(visible(f"Not looked into: {place}."))
