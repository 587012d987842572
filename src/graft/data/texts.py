"""Texts without labels, for prediction: from a file of any of the formats, from standard input, or from memory."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from graft.data.answers import unanswered
from graft.data.columns.answered import AnswerColumn
from graft.data.columns.columns import Named, wanted
from graft.data.columns.gather import Part, gather
from graft.data.columns.marked import MarkColumn
from graft.data.files.opening import Unreadable, text_lines
from graft.data.files.sources import open_one, open_path
from graft.data.options import DEFAULTS, ReadOptions
from graft.data.spool import spool_folder
from graft.data.stream import Stream
from graft.data.table import Rows
from graft.data.targets import unlabelled
from graft.errors import DataError
from graft.records import Columns

STANDARD_INPUT = "<standard input>"


def read_texts(source: Any, text: Named = None, options: ReadOptions = DEFAULTS) -> Rows:
    """The rows of `read_asked` alone."""
    return read_asked(source, text, options)[0]


def read_asked(
    source: Any, text: Named = None, options: ReadOptions = DEFAULTS, learnt: tuple[str, ...] = ()
) -> tuple[Rows, Columns]:
    """The texts of a path, of "-" (standard input) or a binary file object, or of a list or frame.

    Their targets are `unlabelled`; those of given words are `Marks` without names, those of questions (where
    `options.task` says so) `Answers` without any.

    `text` names the column; without it those of `learnt` (one, or two of pairs) are taken where they are all there, and
    the column is inferred where not. Standard input is plain text, one text per line,
    unless `options.format` says otherwise. Raises DataError with all problems found.
    """
    if isinstance(source, str) and source == "-":
        source = sys.stdin.buffer
    if hasattr(source, "read"):
        with _as_file(source) as path:
            kind = "text" if options.format == "auto" else options.format
            return _rows(open_path(path, replace(options, format=kind), STANDARD_INPUT), text, options, learnt)
    return _rows(open_one(source, f"<{type(source).__name__}>", options), text, options, learnt)


def read_lines(source: str, options: ReadOptions = DEFAULTS) -> list[str]:
    """The lines of a plain-text file, or of "-" (standard input), as they stand. Raises DataError with all problems."""
    if source == "-":
        with _as_file(sys.stdin.buffer) as path:
            return _lines(path, STANDARD_INPUT, options)
    return _lines(Path(source), source, options)


def _lines(path: Path, shown: str, options: ReadOptions) -> list[str]:
    problems = open_path(path, replace(options, format="text"), shown).problems
    found: list[str] = []
    with suppress(Unreadable):
        found.extend(line.rstrip("\r\n") for line in text_lines(path, options, problems))
    if problems:
        raise DataError(problems.listed())
    return found


def _rows(stream: Stream, text: Named, options: ReadOptions, learnt: tuple[str, ...]) -> tuple[Rows, Columns]:
    read = gather(stream, replace(wanted(text, None, labelled=False), learnt=learnt), options)
    met = stream.problems.listed()
    if read is None or met:
        raise DataError(met)
    part, columns, _ = read
    return _unlabelled(part, stream.file), columns


def _unlabelled(part: Part, file: str) -> Rows:
    if isinstance(part.column, MarkColumn):  # words were given: they are what is tagged
        return Rows(part.texts, part.column.unmarked(), part.lines, file)
    if isinstance(part.column, AnswerColumn):
        assert part.seconds is not None
        return Rows(part.texts, unanswered(part.seconds), part.lines, file, part.seconds)
    return Rows(part.texts, unlabelled(len(part.texts)), part.lines, file, part.seconds)


@contextmanager
def _as_file(source: BinaryIO) -> Iterator[Path]:
    """A stream that cannot be read twice, as a file: a broken byte is looked for in a second pass."""
    with tempfile.TemporaryDirectory(dir=spool_folder()) as folder:
        path = Path(folder) / "input"
        with open(path, "wb") as file:
            shutil.copyfileobj(source, file)
        yield path
