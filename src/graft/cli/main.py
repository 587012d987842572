"""The command line: which verbs there are, and how every error leaves.

Only the standard library is imported here and at the top of the verbs' files, so that help answers at once.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Sequence
from types import FrameType, ModuleType
from typing import NoReturn

from graft.cli import cache, choose, evaluate, failure, fit, generate, models, predict, report, run
from graft.cli.usage import Parser, UsageError, check_options, check_verb, examples

VERBS: dict[str, ModuleType] = {
    "run": run,
    "fit": fit,
    "evaluate": evaluate,
    "predict": predict,
    "generate": generate,
    "report": report,
    "models": models,
    "choose": choose,
    "cache": cache,
}
COLLECTING = 50_000  # new objects between two looks for garbage: imports make many, and none of them is any
ABOUT = "From a labelled text file to a fine-tuned model with honest numbers and a report."
EXAMPLES = examples(
    "graft run reviews.csv                      train, measure on held-out rows, write a report",
    'graft predict runs/reviews "I loved it"    ask the model',
    "graft run --help                           all that can be set",
)


def entry() -> NoReturn:
    """The program `graft`: SIGTERM leaves things as tidy as Ctrl-C does."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminate)
    gc.set_threshold(COLLECTING)
    code = main(sys.argv[1:])
    _leave()
    gc.freeze()  # or Python looks through all that was imported for garbage before it leaves: a second
    sys.exit(code)


def _leave() -> None:
    """From here on the program ends by itself: a second Ctrl-C or SIGTERM would only tear its last words and its exit
    code. Whoever calls `main` from Python keeps their own handlers."""
    if signal.getsignal(signal.SIGTERM) is _terminate:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise failure.Terminated


def main(arguments: Sequence[str]) -> int:
    """Do what a command line asks; returns the exit code."""
    _never_choke()
    as_json = "--json" in arguments
    try:
        code = _obey(list(arguments))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        failure.abandon(1)
        return failure.NO_READER
    except SystemExit as leaving:  # --help and --version end so
        return leaving.code if isinstance(leaving.code, int) else 0
    except BaseException as error:
        _leave()
        with contextlib.suppress(BrokenPipeError):
            return failure.fail(error, as_json)
        failure.abandon(1)
        return failure.NO_READER


def _never_choke() -> None:
    """A letter that the terminal's encoding lacks is shown as an escape, not as a crash."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _parsed(parser: Parser, arguments: list[str]) -> Namespace:
    """What the arguments say. Texts may follow options; that way of parsing forgets a "--" that stands first, behind
    which what looks like an option is none."""
    try:
        return parser.parse_intermixed_args(arguments)
    except UsageError:
        if "--" not in arguments:
            raise
        return parser.parse_args(arguments)


def _obey(arguments: list[str]) -> int:
    for argument in arguments:
        if not argument.isprintable() and any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in argument):
            raise UsageError(f"graft: the argument {argument!r} is not valid text.", "give it in UTF-8, without NUL.")
    if not arguments:
        parser().print_help(sys.stderr)
        return 2
    if arguments[0] in ("-h", "--help"):
        parser().print_help()
        return 0
    if arguments[0] == "--version":
        print(_version())
        return 0
    check_verb(arguments[0], tuple(VERBS))
    verb = VERBS[arguments[0]]
    verb_parser = parser_of(arguments[0])
    check_options(verb_parser, arguments[1:])
    asked = _parsed(verb_parser, arguments[1:])
    asked.command = arguments
    code: int = verb.main(asked)
    return code


def parser() -> Parser:
    """The parser of `graft` itself, which shows help and version."""
    found = Parser("graft", ABOUT, _verbs() + "\n\n" + EXAMPLES)
    found.usage = "graft VERB …  (graft VERB --help shows what it takes)"
    found.add_argument("--version", action="store_true", help="show the version and exit")
    return found


def _verbs() -> str:
    return "\n".join(("verbs:", *(f"  {name:<10} {verb.ABOUT}" for name, verb in VERBS.items())))


def _version() -> str:
    from importlib.metadata import version

    return f"graft {version('graft-ml')}"


def parser_of(verb: str) -> Parser:
    """The parser of one verb."""
    module = VERBS[verb]
    found = Parser(f"graft {verb}", module.ABOUT, examples(*module.EXAMPLES))
    module.add_arguments(found)
    return found
