"""graft predict: texts in, labels with probabilities out."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from graft.cli.failure import print_json
from graft.cli.options import add_machine, add_output, texts_named
from graft.cli.standard_input import lines
from graft.cli.usage import Parser, UsageError

if TYPE_CHECKING:
    from graft.cli.answers import Writer
    from graft.data.asked import Kind
    from graft.data.table import Rows
    from graft.predict import Predictor
    from graft.records import Input

ABOUT = "label texts with a trained run"
EXAMPLES = (
    'graft predict runs/reviews "I loved it" "Never again"',
    "graft predict runs/reviews --file new.csv --text body --out answers.csv",
    "graft predict runs/pairs --file new.csv --text one --text-pair other",
    "graft predict runs/answers --file questions.jsonl --out answers.csv",
    "cat texts.txt | graft predict runs/reviews --format jsonl",
)


PAIRED = ("pairs", "questions")  # kinds of which each is two texts
TABLES = {".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"}  # files whose columns have names

# Formats that a name promises and that answers are not written in.
OTHERS = {".gz", ".bz2", ".xz", ".zst", ".zip", ".parquet", ".tsv", ".xlsx", ".xls", ".json", ".feather", ".arrow"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a model, in chunks; `total`: 0 where it is not known."""

    chunks: Iterable[Rows]
    total: int


def add_arguments(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="the run's folder")
    parser.add_argument(
        "texts", metavar="TEXT", nargs="*", help="texts to label (default: standard input, one per line)"
    )
    parser.add_argument(
        "--file",
        metavar="F",
        help="a file of texts: CSV, TSV, JSONL, Parquet, plain text, CoNLL, SQuAD's JSON, each also .gz",
    )
    parser.add_argument(
        "--text", metavar="COL", help="the file's column of texts (default: the run's own, else inferred)"
    )
    parser.add_argument("--text-pair", metavar="COL", help="of pairs: the file's column of second texts")
    parser.add_argument("--encoding", metavar="E", help="of the file (default: utf-8)")
    parser.add_argument("--out", metavar="FILE", help="write the answers there, whole or not at all")
    parser.add_argument("--format", choices=("csv", "jsonl"), help="of the answers (default: by --out, else csv)")
    add_machine(parser)
    add_output(parser)


def main(asked: Namespace) -> int:
    if asked.texts and asked.file:
        raise UsageError("graft predict: texts come as arguments or from --file, not both.", "leave one of them out.")
    for option in ("text", "text_pair", "encoding"):
        if asked.file is None and getattr(asked, option) is not None:
            raise UsageError(f"--{option.replace('_', '-')} is of a file, but none is given.", "add --file F.")
    written_as = _format(asked)
    from graft.cli.answers import Collected, writer
    from graft.predict import load

    predictor = load(asked.run, asked.device, asked.precision)
    texts = _texts(asked, predictor)
    if asked.json and asked.out is None:
        collected = Collected(predictor)
        _answer(predictor, texts, collected, asked)
        print_json({"run": asked.run, "n": len(collected.rows), "predictions": collected.rows})
        return 0
    with _target(asked) as file:
        number = _answer(predictor, texts, writer(file, written_as, predictor), asked)
    if asked.json:
        print_json({"run": asked.run, "n": number, "out": asked.out})
    return 0


def _format(asked: Namespace) -> str:
    """Of the answers. Raises UsageError for a name that promises another one."""
    if asked.format or asked.out is None:
        return str(asked.format or "csv")
    ending = Path(asked.out).suffix.lower()
    if ending in OTHERS:
        remedy = "name it .csv or .jsonl, or add --format to have one of these under any name."
        raise UsageError(f"Answers are written as CSV or JSON Lines, not as {ending}.", remedy)
    return "jsonl" if ending in (".jsonl", ".ndjson") else "csv"


@contextmanager
def _target(asked: Namespace) -> Iterator[TextIO]:
    if asked.out is None:
        yield sys.stdout
        return
    from graft.files import written_whole

    with written_whole(Path(asked.out)) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        yield file


def _texts(asked: Namespace, predictor: Predictor) -> Asked:
    """What is asked, all read where that is needed to find what is wrong with it."""
    from graft.data import asked as data
    from graft.data.columns.marked import Marks

    kind = predictor.kind
    if asked.file is not None and not (kind in PAIRED and _holds_lines(asked)):
        rows = _of_file(asked, predictor)
        plain = kind == "words" and not isinstance(rows.targets, Marks)
        return Asked(data.asked(rows.texts, kind) if plain else data.in_chunks(rows), len(rows))
    texts, where = _one_by_one(asked)
    pairs = (_pair(text, (where, number), kind) for number, text in enumerate(texts, start=1))
    given: Iterable[Input] = pairs if kind in PAIRED else texts
    return Asked(data.asked(given, kind), len(texts) if isinstance(texts, list) else 0)


def _holds_lines(asked: Namespace) -> bool:
    """Whether the file is plain text, which has no columns for the two texts of a pair."""
    from graft.data.files.folder import FORMATS, extension

    plain = asked.file == "-" or FORMATS.get(extension(Path(asked.file))) == "text"
    return plain and texts_named(asked) is None


def _one_by_one(asked: Namespace) -> tuple[Iterable[str], str]:
    """Texts that are no rows of a table, and what messages call their place."""
    from graft.data.read import ReadOptions
    from graft.data.texts import STANDARD_INPUT, read_lines

    if asked.file is not None:
        found = read_lines(asked.file, ReadOptions(encoding=asked.encoding or "utf-8"))
        return found, STANDARD_INPUT if asked.file == "-" else asked.file
    if asked.texts and asked.texts != ["-"]:
        return asked.texts, "<argument>"
    return lines(asked.quiet, ", or give a file with --file and --encoding"), STANDARD_INPUT


def _of_file(asked: Namespace, predictor: Predictor) -> Rows:
    from graft.data.read import ReadOptions
    from graft.data.texts import read_asked
    from graft.errors import RunError

    kind, named = predictor.kind, texts_named(asked)
    options = ReadOptions(
        encoding=asked.encoding or "utf-8", task="question-answering" if kind == "questions" else "auto"
    )
    own = predictor.manifest.data.columns
    learnt = tuple(filter(None, (own.text, own.second)))
    rows, columns = read_asked(asked.file, named, options, learnt if kind != "words" else ())
    inferred = named is None and kind != "words" and columns.text != own.text
    if inferred and own.text and not asked.quiet and set(Path(asked.file).suffixes) & TABLES:
        said = f"{asked.file} has no column {own.text!r}, which the run learnt from: its texts' column was inferred"
        print(f"{said} (--text names another).", file=sys.stderr)
    if kind == "pairs" and rows.seconds is None:
        remedy = "name its two columns with --text and --text-pair."
        raise RunError(f"{asked.file} holds single texts, but this model reads pairs.", remedy)
    if rows.seconds is not None and kind not in ("pairs", "questions"):
        raise RunError(f"{asked.file} holds pairs, but this model reads single texts.", "name one column with --text.")
    return rows


def _pair(line: str, where: tuple[str, int], kind: Kind) -> tuple[str, str]:
    """The two texts of a line or an argument, which stands there."""
    from graft.errors import DataError, Problem

    first, tab, second = line.partition("\t")
    if not tab or "\t" in second:
        reads, shown = (
            ("answers questions", "QUESTION<TAB>CONTEXT") if kind == "questions" else ("reads pairs", "A<TAB>B")
        )
        found = f"this model {reads}, and text {where[1]} is not two texts with a tab between them"
        raise DataError([Problem(*where, found, f"write {shown}, or give a table with --file")])
    return first, second


def _answer(predictor: Predictor, texts: Asked, target: Writer, asked: Namespace) -> int:
    """Write every answer as it comes; returns how many there were."""
    from graft.cli.screen import screen
    from graft.records import Progress

    shown = screen(asked.quiet or (asked.out is None and not asked.json and sys.stdout.isatty()))
    done = 0
    try:
        for part in predictor.stream(texts.chunks):
            if isinstance(part, Progress):
                continue
            for answer in predictor.task.answers(*part, predictor.outputs):
                target.write(answer)
                done += 1
            if texts.total:
                shown.advance("predict", done / texts.total)
    finally:
        shown.close()
    return done
