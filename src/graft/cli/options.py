"""Options that several verbs share, each declared once."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from graft.cli.usage import Parser, UsageError

if TYPE_CHECKING:
    from graft.data.columns.columns import Named

SWEEP = "3e-5,1e-4,3e-4"
TASKS = (
    "classification",
    "multi-label",
    "regression",
    "token-classification",
    "question-answering",
    "rewrite",
    "write",
)
DOCUMENTS = ("auto", "file", "headings", "blank", "line")
FORMATS = ("auto", "csv", "tsv", "jsonl", "parquet", "text", "conll", "squad")


def add_training(parser: Parser) -> None:
    """All that `run` and `fit` take."""
    parser.add_argument(
        "data", metavar="DATA", nargs="?", help="a file, a folder with train.* (validation.*, test.*), or hub:NAME"
    )
    parser.add_argument("--out", metavar="DIR", help="the run's folder (default: a new one under runs/)")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the stopped run in --out; DATA may be left out"
    )
    parser.add_argument(
        "--save-every",
        metavar="S",
        type=seconds,
        help="seconds between checkpoints, from which --resume goes on (default: 60)",
    )
    _add_data(parser)
    _add_model(parser)
    _add_recipe(parser)
    add_output(parser)


def add_choosing(parser: Parser) -> None:
    """All that `choose` takes besides the candidates."""
    parser.add_argument(
        "data", metavar="DATA", help="a file, a folder with train.* (validation.*, test.*), or hub:NAME"
    )
    _add_data(parser)
    group = parser.add_argument_group("the recipe that they would be trained by")
    group.add_argument("--recipe", metavar="R", help="fast (the default), thorough, probe, book, or a .toml file")
    group.add_argument("--max-tokens", metavar="N", type=int, help="longer texts are cut to this")
    group.add_argument(
        "--set", metavar="FIELD=VALUE", action="append", default=[], type=setting, help="any field of it"
    )
    add_machine(parser)
    add_output(parser)


def _add_data(parser: Parser) -> None:
    group = parser.add_argument_group("the data")
    group.add_argument("--text", metavar="COL", help="the column of texts (default: inferred and said)")
    group.add_argument("--text-pair", metavar="COL", help="the column of second texts, where a row is a pair of texts")
    group.add_argument(
        "--label",
        "--target",
        metavar="COL",
        help="the column of labels, or of what a text is to be rewritten as (default: inferred and said)",
    )
    group.add_argument(
        "--task",
        choices=TASKS,
        metavar="T",
        help="what is to be learnt: classification (one class per text), multi-label, regression, token-classification "
        "(names in texts), question-answering (answers in a context), rewrite (another text for each: a summary, a "
        "translation, a correction) or write (the style of whole documents); default: by what the label column holds",
    )
    group.add_argument(
        "--documents",
        choices=DOCUMENTS,
        help="how the documents of a text file are told apart, for --task write (default: auto: marks, then headings)",
    )
    group.add_argument("--validation", metavar="FILE", help="validation rows (default: cut from train)")
    group.add_argument("--test", metavar="FILE", help="test rows (default: cut from train)")
    group.add_argument("--validation-share", metavar="F", type=float, help="share of train to cut for validation")
    group.add_argument("--test-share", metavar="F", type=float, help="share of train to cut for test")
    group.add_argument("--split-seed", metavar="N", type=int, default=0, help="seed of the cuts (default: 0)")
    group.add_argument("--encoding", metavar="E", help="of text files (default: utf-8)")
    group.add_argument("--format", choices=FORMATS, help="of the files (default: by their names)")
    group.add_argument(
        "--labels",
        choices=("strict", "exact", "fold"),
        help="refuse labels that look mistyped (strict, the default), take every value as a class (exact), or merge "
        "variants in case and spaces (fold)",
    )
    group.add_argument("--unlabelled", choices=("error", "drop"), help="rows without a label (default: error)")
    group.add_argument("--quoting", choices=("csv", "none"), help="none: quotation marks in CSV are ordinary letters")


def _add_model(parser: Parser) -> None:
    group = parser.add_argument_group("the model and the machine")
    group.add_argument(
        "--model",
        metavar="M",
        help="embedded, a folder, or a hub id such as roberta-base; M@K is M without the blocks above the K-th "
        "(default: gpt2 for --task write, t5-small for --task rewrite, else embedded, which run compares with the "
        "models in the hub's cache first, if there are any)",
    )
    group.add_argument("--revision", metavar="R", help="commit, tag or branch of a hub model")
    add_machine(parser, group)


def add_machine(parser: Parser, group: argparse._ArgumentGroup | None = None) -> None:
    """--device and --precision."""
    target = group or parser
    target.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="default: auto")
    target.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="default: auto")


def _add_recipe(parser: Parser) -> None:
    group = parser.add_argument_group("the recipe")
    group.add_argument("--recipe", metavar="R", help="fast (the default), thorough, probe, book, or a .toml file")
    group.add_argument("--epochs", metavar="N", type=int, help="of every stage")
    group.add_argument("--lr", metavar="X", type=float, help="peak learning rate of every stage")
    group.add_argument("--batch", metavar="N", type=int, help="rows per optimiser step")
    group.add_argument("--max-tokens", metavar="N", type=int, help="longer texts are cut to this; what it cuts is said")
    group.add_argument(
        "--long",
        choices=("auto", "truncate", "head-tail", "windows"),
        help="longer texts: their beginnings, their beginnings and ends, or all of them in windows that overlap",
    )
    group.add_argument("--seed", metavar="N", type=int, help="of the head's start, the batches and dropout")
    group.add_argument(
        "--head", choices=("native", "pooled"), help="the architecture's own head, or a pooled linear one"
    )
    group.add_argument(
        "--pairs",
        choices=("auto", "joined", "apart"),
        help="pairs of texts in one sequence (joined), or each in its own (apart); auto, the default, tries both",
    )
    group.add_argument("--metric", metavar="M", help="the validation metric that the best is kept by, such as macro_f1")
    group.add_argument("--class-weights", choices=("none", "balanced"), help="balanced: rare classes count as much")
    group.add_argument("--label-smoothing", metavar="X", type=float, help="between 0 and 1")
    group.add_argument(
        "--sweep",
        metavar="RATES",
        nargs="?",
        const=SWEEP,
        type=rates,
        help=f"try these learning rates for short, keep the best (default: {SWEEP})",
    )
    group.add_argument(
        "--on-nonfinite",
        choices=("stop", "skip"),
        help="a step whose loss or gradient is not finite: stop there (the default), or leave it out and say so",
    )
    group.add_argument(
        "--set",
        metavar="FIELD=VALUE",
        action="append",
        default=[],
        type=setting,
        help="any field of the recipe, such as stages.0.unfrozen=2; may be repeated",
    )


def add_candidates(parser: Parser) -> None:
    """--candidates, --budget and --within."""
    group = parser.add_argument_group("which models are compared")
    group.add_argument(
        "--candidates",
        metavar="M",
        nargs="+",
        action="extend",
        default=[],
        help="embedded, hub ids, folders, folders of models; M@K is M without the blocks above the K-th "
        "(default: the embedded model and those in the hub's cache)",
    )
    group.add_argument("--budget", metavar="T", type=duration, help="time for it, such as 60s or 5m (the default)")
    group.add_argument(
        "--within",
        metavar="POINTS",
        type=float,
        default=0.0,
        help="take the cheapest that is expected within so many points of the best (default: 0, the best)",
    )


def duration(given: str) -> float:
    """Seconds of 90, 90s, 5m or 1h."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (given[:-1], given[-1]) if given[-1:] in units else (given, "s")
    try:
        found = float(number) * units[unit]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} is not a time such as 60s, 5m or 1h") from None
    if not 0 < found < 1e7:
        raise argparse.ArgumentTypeError(f"{given!r} is not a time above 0")
    return found


def add_output(parser: Parser) -> None:
    """--json and --quiet."""
    group = parser.add_argument_group("what is shown")
    group.add_argument(
        "--json", action="store_true", help="print one JSON object on standard output, nothing else there"
    )
    group.add_argument("--quiet", action="store_true", help="show no progress; errors are shown all the same")


def rates(given: str) -> str:
    """Learning rates with commas between them, as a recipe's setting."""
    try:
        found = [float(rate) for rate in given.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{given!r} is not rates such as 2e-5,5e-5 (write a bare --sweep behind DATA)"
        ) from None
    if any(not 0 < rate < 1 for rate in found):
        raise argparse.ArgumentTypeError(f"{given!r}: a rate lies between 0 and 1")
    return f"[{', '.join(map(repr, found))}]"


def seconds(given: str) -> float:
    """A time of 0 seconds or more."""
    try:
        found = float(given)
    except ValueError:
        found = -1.0
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"{given!r} is not a number of seconds, such as 60")
    return found


def setting(given: str) -> tuple[str, str]:
    """(field, value) of FIELD=VALUE."""
    name, equals, value = given.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"{given!r} is not FIELD=VALUE, such as epochs=3")
    return name.strip(), value.strip()


def texts_named(asked: argparse.Namespace) -> Named:
    """The column of texts that was named; the two of a pair."""
    if asked.text_pair is None:
        found: Named = asked.text
        return found
    if asked.text is None:
        raise UsageError("--text-pair names the second texts, but the first are not named.", "add --text COL.")
    return asked.text, asked.text_pair
