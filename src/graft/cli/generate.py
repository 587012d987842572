"""graft generate: let a model that learned a style write, streamed as it writes."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graft.cli.failure import print_json
from graft.cli.options import add_output
from graft.cli.standard_input import lines
from graft.cli.usage import Parser

if TYPE_CHECKING:
    from graft.generate import Writer
    from graft.records import Said
    from graft.records.writing import Fragment, Generation

ABOUT = "let a model that learned a style write"
EXAMPLES = (
    'graft generate runs/lovecraft --prompt "It was a night"',
    "graft generate runs/lovecraft --n 3 --tokens 300 --temperature 1.0 --seed 7",
    'graft generate runs/lovecraft --prompt "The old house" --beside',
    "graft generate runs/lovecraft - --json < beginnings.txt",
)


def add_arguments(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="the run's folder")
    parser.add_argument("input", metavar="-", nargs="?", choices=("-",), help="prompts from standard input, one a line")
    parser.add_argument("--prompt", metavar="TEXT", action="append", help="what to go on from; may be repeated")
    parser.add_argument("--n", metavar="N", type=int, default=1, help="texts per prompt (1)")
    parser.add_argument("--tokens", metavar="N", type=int, default=200, help="the most tokens of a text (200)")
    parser.add_argument("--temperature", metavar="X", type=float, default=0.8, help="0: always the likeliest (0.8)")
    parser.add_argument("--top-k", metavar="N", type=int, default=0, help="of the likeliest N tokens only (0: all)")
    parser.add_argument("--top-p", metavar="X", type=float, default=0.95, help="of those that have this share (0.95)")
    parser.add_argument(
        "--min-p", metavar="X", type=float, default=0.0, help="of those at least this likely beside the likeliest (0)"
    )
    parser.add_argument(
        "--repetition-penalty", metavar="X", type=float, default=1.0, help="above 1: less of the same (1)"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="the same seed writes the same text (0)")
    parser.add_argument("--stop", metavar="TEXT", action="append", default=[], help="end a text here; may be repeated")
    parser.add_argument("--beside", action="store_true", help="the untuned model writes after the same prompts, too")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="default: auto")
    add_output(parser)


def main(asked: Namespace) -> int:
    from graft.generate import load, untuned
    from graft.records.writing import Generation, Sampling

    sampling = Sampling(asked.temperature, asked.top_k, asked.top_p, asked.min_p, asked.repetition_penalty, asked.seed)
    wanted = Generation(asked.n, asked.tokens, tuple(asked.stop), sampling)
    prompts = _prompts(asked)
    if asked.n > 1 and sampling.greedy and not asked.quiet:
        print("[without a temperature all texts of a prompt are the same]", file=sys.stderr, flush=True)
    writers = {"after": load(asked.run, asked.device)}
    if asked.beside:
        writers = {"before": untuned(asked.run, asked.device)} | writers
    if asked.json:
        _as_json(writers, prompts, wanted, asked.quiet)
        return 0
    for name, writer in writers.items():
        if asked.beside:
            print(f"=== {name} fine-tuning ===", flush=True)
        _shown(writer.stream(prompts, wanted), prompts, wanted, asked.quiet)
    return 0


def _prompts(asked: Namespace) -> list[str]:
    given: list[str] = list(asked.prompt or [])
    if asked.input == "-":
        given += lines(asked.quiet)
    return given or [""]


def _as_json(writers: dict[str, Writer], prompts: list[str], wanted: Generation, quiet: bool) -> None:
    from graft.generate import gathered
    from graft.tasks.writing import WRITING

    texts = [
        WRITING.plain(found) | ({"model": name} if len(writers) > 1 else {})
        for name, writer in writers.items()
        for found in gathered(_pieces(writer.stream(prompts, wanted), quiet), prompts)
    ]
    print_json({"texts": texts})


def _pieces(events: Iterator[Fragment | Said], quiet: bool) -> Iterator[Fragment]:
    """The pieces alone; sentences go to standard error."""
    from graft.records import Said

    for event in events:
        if not isinstance(event, Said):
            yield event
        elif not quiet:
            print(f"[{event.text}]", file=sys.stderr, flush=True)


def _shown(events: Iterator[Fragment | Said], prompts: list[str], wanted: Generation, quiet: bool) -> None:
    """Print the texts one after the other: the first as it is written, the others when their turn comes."""
    from graft.report.words import visible

    tamed = visible if sys.stdout.isatty() else str  # a model may write what a terminal obeys
    order = [(prompt, sample) for prompt in range(len(prompts)) for sample in range(wanted.samples)]
    held: dict[tuple[int, int], list[str]] = {place: [prompts[place[0]]] for place in order}
    ended: set[tuple[int, int]] = set()
    turn = 0
    try:
        for event in _pieces(events, quiet):
            place = event.prompt, event.sample
            held[place].append(event.text)
            if event.ending:
                ended.add(place)
            while turn < len(order):
                print(tamed("".join(held[order[turn]])), end="", flush=True)
                held[order[turn]] = []
                if order[turn] not in ended:
                    break
                turn += 1
                print("\n" + ("---\n" if turn < len(order) else ""), end="", flush=True)
    except KeyboardInterrupt:
        print(flush=True)  # the text so far stands on lines of its own
        raise
