"""graft run: the whole journey."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from graft.cli.failure import CTRL_C, TERMINATED, Stopped, Terminated, print_json
from graft.cli.options import add_training
from graft.cli.usage import Parser

ABOUT = "train on labelled texts, measure on held-out rows, write a report"
EXAMPLES = (
    "graft run reviews.csv",
    "graft run reviews.csv --text body --label stars --out runs/stars",
    "graft run folder/ --model roberta-base --recipe thorough",
    "graft run train.csv --validation dev.csv --test test.csv --epochs 4 --lr 5e-5",
    "graft run reviews.csv --recipe probe --json",
    "graft run train-v2.0.json --validation dev-v2.0.json",
    "graft run dialogues.jsonl --task rewrite --model t5-small",
    "graft run stories/ --task write --model gpt2 --neutral letters.txt",
    "graft run --resume --out runs/reviews        go on with a run that was stopped",
)


def add_arguments(parser: Parser) -> None:
    add_training(parser)
    parser.add_argument(
        "--from-scratch", action="store_true", help="also train the same architecture from random weights, to compare"
    )
    parser.add_argument("--neutral", metavar="PATH", help="other text, to see what is forgotten (--task write)")
    parser.add_argument("--contrast", metavar="PATH", help="text of the same genre by others (--task write)")


def main(asked: Namespace) -> int:
    with resumable(asked), redirect_stdout(sys.stderr if asked.json else sys.stdout):
        from graft.data.files.sources import refuse_missing

        refuse_missing(asked.data, asked.validation, asked.test)  # before seconds are spent on importing the rest
        from graft.cli import asking, summary
        from graft.cli.screen import screen
        from graft.cli.show import Story
        from graft.run import RunOptions, run

        recorded = asking.recorded(asked)
        beside = {kind: path for kind in ("neutral", "contrast") if (path := getattr(asked, kind))}
        with asking.out(asked) as place:
            asked.out = str(place)
            story = Story(screen(asked.quiet), place)
            options = RunOptions(asked.out, asked.resume, asked.from_scratch, asking.unnamed(asked), beside)
            given, fit = asking.given(asked, recorded), asking.fitting(asked)
            story.follow(run(given, fit, options, asking.command(asked)))
    assert story.manifest is not None
    assert story.evaluation is not None
    if asked.json:
        print_json(summary.described(Path(asked.out), story.manifest, story.evaluation))
    else:
        print(summary.table(Path(asked.out), story.manifest, story.evaluation))
    return 0


@contextmanager
def resumable(asked: Namespace) -> Iterator[None]:
    """Turn an interruption into a hint how to go on."""
    try:
        yield
    except (KeyboardInterrupt, Terminated) as error:
        code = CTRL_C if isinstance(error, KeyboardInterrupt) else TERMINATED
        raise Stopped(code, _hint(asked)) from None


def _hint(asked: Namespace) -> str:
    if asked.out is None or not (Path(asked.out) / "run.json").is_file():
        return "Interrupted before training began; nothing was kept."
    return f"Interrupted; go on with: graft {asked.command[0]} --resume --out {shlex.quote(str(asked.out))}"
