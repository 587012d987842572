"""graft choose: which model to start from, for these data."""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import Namespace
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from graft.cli.failure import print_json
from graft.cli.options import add_candidates, add_choosing
from graft.cli.usage import Parser

if TYPE_CHECKING:
    from graft.records import Ranking

ABOUT = "compare models on your data: what each will reach, and what it costs"
EXAMPLES = (
    "graft choose reviews.csv",
    "graft choose reviews.csv --candidates roberta-base ./models --budget 10m",
    "graft choose reviews.csv --within 1    the fewest blocks that nearly suffice",
    "graft choose names.jsonl --task token-classification",
    "graft choose stories/ --task write --candidates gpt2 ./models",
    "graft choose reviews.csv --out choices/reviews --json",
)


RANKING, REPORT = "ranking.json", "report.html"


def add_arguments(parser: Parser) -> None:
    add_choosing(parser)
    add_candidates(parser)
    parser.add_argument("--out", metavar="DIR", help="also write ranking.json and report.html into this folder")


def main(asked: Namespace) -> int:
    began = time.perf_counter()
    with redirect_stdout(sys.stderr if asked.json else sys.stdout):
        from graft.data.files.sources import refuse_missing

        refuse_missing(asked.data, asked.validation, asked.test)  # before seconds are spent on importing the rest
        from graft.choosing import choose
        from graft.cli import asking, choose_text
        from graft.cli.screen import screen
        from graft.cli.show import Story
        from graft.report.words import visible

        asked.resume = False
        asking.recorded(asked)
        if asked.out is not None:
            refuse_closed(Path(asked.out))
        story = Story(screen(asked.quiet))
        splits = asking.given(asked, None).splits()
        story.follow(choose(splits, asking.comparing(asked), asking.choosing(asked, began)))
    assert story.ranking is not None
    following = choose_text.following(asked, story.ranking)
    if asked.json:  # first the files: whether they could be written or not, one object is printed
        _write(asked, story.ranking, following)
        print_json(choose_text.described(story.ranking))
    else:  # last the files, so that a disk that is full takes no answer away
        print(visible("\n".join(choose_text.table(story.ranking, following))))
        _write(asked, story.ranking, following)
    return 0


def _write(asked: Namespace, ranking: Ranking, following: str) -> None:
    from graft.files import write_record, write_text
    from graft.report.compose_choice import compose_choice
    from graft.report.page import render

    if asked.out is not None:
        write_record(Path(asked.out) / RANKING, ranking)
        write_text(Path(asked.out) / REPORT, render(compose_choice(ranking, Path(asked.data).name, following)))


def refuse_closed(folder: Path) -> None:
    """Raises RunError where no files can be written into a folder, before minutes are spent; it stays as it was."""
    from graft.errors import RunError, refusal

    remedy = "choose another folder with --out."
    made: list[Path] = []
    try:
        made += [place for place in (folder, *folder.parents) if not place.exists()]
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not there.is_dir():
            raise RunError(f"{there} is a file, not a folder for a ranking.", remedy)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {refusal(error)[0]}.", remedy) from None
    finally:
        for place in made:
            with suppress(OSError):
                place.rmdir()
    for path in (folder / RANKING, folder / REPORT):
        if path.is_dir():
            raise RunError(f"{path} is a folder, where a file is to be written.", remedy)
