"""graft report: write a run's report again, and open it."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from graft.cli.failure import print_json
from graft.cli.options import add_output
from graft.cli.usage import Parser

ABOUT = "write a run's report.html again from what lies in its folder"
EXAMPLES = ("graft report runs/reviews", "graft report runs/reviews --open")


def add_arguments(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="the run's folder")
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    add_output(parser)


def main(asked: Namespace) -> int:
    from graft.assess import report
    from graft.folder import RunFolder

    folder = RunFolder(asked.run)
    for notice in folder.notices(folder.manifest()):
        print(notice.text, file=sys.stderr)
    path = report(asked.run)
    if asked.json:
        print_json({"run": asked.run, "report": str(path)})
    else:
        print(path)
    if asked.open:
        _open(path)
    return 0


def _open(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        print("No browser could be started here; open the file by hand.", file=sys.stderr)
