"""graft cache: what the cache of extracted representations holds, and clearing it."""

from __future__ import annotations

from argparse import Namespace

from graft.cli.failure import print_json
from graft.cli.options import add_output
from graft.cli.usage import Parser

ABOUT = "the cache of extracted representations: its size, or clear it"
EXAMPLES = ("graft cache", "graft cache clear", "GRAFT_CACHE=/big/disk graft run reviews.csv")


def add_arguments(parser: Parser) -> None:
    parser.add_argument("action", choices=("size", "clear"), nargs="?", default="size", help="default: size")
    add_output(parser)


def main(asked: Namespace) -> int:
    from graft.backbone.store import Store
    from graft.report.words import size

    store = Store()
    usage = store.clear() if asked.action == "clear" else store.usage()
    cleared = asked.action == "clear"
    if asked.json:
        found = {"folder": usage.folder, "entries": usage.entries, "bytes": usage.bytes, "limit": usage.limit}
        print_json(found | {"cleared": cleared})
        return 0
    entries = f"{usage.entries:,} entr{'y' if usage.entries == 1 else 'ies'}, {size(usage.bytes)}"
    if cleared:
        print(f"{usage.folder}: removed {entries}.")
    else:
        print(f"{usage.folder}: {entries} of at most {size(usage.limit)}.")
    return 0
