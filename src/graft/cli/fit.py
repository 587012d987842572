"""graft fit: train, and leave the test split closed."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from graft.cli.failure import print_json
from graft.cli.options import add_training
from graft.cli.run import resumable
from graft.cli.usage import Parser

if TYPE_CHECKING:
    from graft.fit_options import FitOptions
    from graft.run import Given

ABOUT = "train, and leave the test split closed"
EXAMPLES = (
    "graft fit reviews.csv --out runs/first --recipe fast",
    "graft fit reviews.csv --out runs/second --recipe thorough --lr 5e-5",
    "graft evaluate runs/second      open the test split of the one that you keep",
)


def add_arguments(parser: Parser) -> None:
    add_training(parser)


def main(asked: Namespace) -> int:
    with resumable(asked), redirect_stdout(sys.stderr if asked.json else sys.stdout):
        from graft.data.files.sources import refuse_missing

        refuse_missing(asked.data, asked.validation, asked.test)  # before seconds are spent on importing the rest
        from graft.cli import asking, summary
        from graft.cli.screen import screen
        from graft.cli.show import Story

        recorded = asking.recorded(asked)
        with asking.out(asked) as place:
            asked.out = str(place)
            story = Story(screen(asked.quiet), place)
            given, options = asking.given(asked, recorded), asking.fitting(asked)
            story.follow(_events(asked, given, options, asking.command(asked)))
    assert story.manifest is not None
    if asked.json:
        print_json(summary.described(Path(asked.out), story.manifest, None))
    else:
        print(summary.fitted(Path(asked.out), story.manifest))
    return 0


def _events(asked: Namespace, given: Given, options: FitOptions, command: str) -> Iterator[object]:
    from graft import fitting
    from graft.folder import RunFolder
    from graft.records import Said
    from graft.run import about

    if not asked.resume:
        RunFolder(asked.out).refuse_taken()  # before minutes are spent on reading
    splits = given.splits()
    yield from (Said(sentence) for sentence in about(splits))
    yield from fitting.fit(splits, asked.out, options, given.request(command), resume=asked.resume)
