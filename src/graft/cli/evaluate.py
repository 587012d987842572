"""graft evaluate: open the test split of a trained run."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

from graft.cli.failure import print_json
from graft.cli.options import add_output
from graft.cli.usage import Parser

ABOUT = "open the test split of a trained run: numbers, intervals, yardsticks"
EXAMPLES = ("graft evaluate runs/reviews", "graft evaluate runs/reviews --json")


def add_arguments(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="the run's folder")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="default: auto")
    parser.add_argument("--precision", choices=("auto", "fp32"), default="auto", help="fp32: to every digit")
    add_output(parser)


def main(asked: Namespace) -> int:
    with redirect_stdout(sys.stderr if asked.json else sys.stdout):
        from graft.cli import summary
        from graft.cli.screen import screen
        from graft.cli.show import Story
        from graft.folder import RunFolder

        folder = RunFolder(asked.run)
        story = Story(screen(asked.quiet), folder.path)
        story.follow(_events(asked))
        manifest = folder.manifest()
    assert story.evaluation is not None
    if asked.json:
        print_json(summary.described(folder.path, manifest, story.evaluation))
    else:
        print(summary.table(folder.path, manifest, story.evaluation))
    return 0


def _events(asked: Namespace) -> Iterator[object]:
    from graft import assess

    yield from assess.evaluate(Path(asked.run), device=asked.device, precision=asked.precision)
    assess.report(asked.run)
