"""From a stream of batches to one part: the chosen columns only, texts spooled, labels as the task reads them."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress

import numpy as np
from numpy.typing import NDArray

from graft.data.columns.answered import AnswerColumn, Given
from graft.data.columns.columns import Wanted, choose
from graft.data.columns.marked import MarkColumn
from graft.data.columns.profile import profile_columns
from graft.data.columns.question_columns import BESIDE, QUESTIONS, infer_questions
from graft.data.columns.rewrite_columns import RewriteColumn, choose_rewrite
from graft.data.columns.target_columns import TargetColumn, column_of, infer_task
from graft.data.columns.token_columns import MARKS, check_names, infer_marks
from graft.data.options import ReadOptions
from graft.data.references import REWRITE
from graft.data.spool import TextSpool
from graft.data.stream import BATCH_ROWS, Batch, Stream
from graft.data.table import Texts
from graft.data.wording import count_of
from graft.files import digest_file
from graft.records import Columns, Source

SAMPLE_ROWS = 2 * BATCH_ROWS  # rows that the columns are inferred from
FORMATS = {"squad": QUESTIONS, "conll": MARKS}  # those that one task alone is written in


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one source."""

    texts: Texts
    seconds: Texts | None
    column: TargetColumn
    lines: NDArray[np.int64]
    source: Source


def gather(stream: Stream, wanted: Wanted, options: ReadOptions) -> tuple[Part, Columns, str] | None:
    """Read a whole stream, choosing the columns, and the task where it is not named, on its first rows.

    None when the columns cannot be told or there is no row; the reasons are among the stream's problems, which also
    hold what is wrong with single rows. Every row is looked at even then, so that all problems are told at once.
    """
    sample = _sample(stream)
    told = _told(stream, sample, wanted, options) if sample else None
    if told is None:
        for _ in stream.batches:
            pass
        return None
    columns, task = told
    builder = _build(stream, sample, columns, (task, options))
    if columns.label:
        builder.column.check(columns.label, options, stream.problems, stream.notes)
    return builder.finish(), columns, task


def _told(stream: Stream, sample: Sequence[Batch], wanted: Wanted, options: ReadOptions) -> tuple[Columns, str] | None:
    """The columns and the task, as named or as the sample shows; None, with a problem, where they cannot be told."""
    wanted = wanted.within({name for batch in sample for name in batch.columns})
    asked = FORMATS.get(stream.format.partition(".")[0], "auto") if options.task == "auto" else options.task
    for task, infer in ((QUESTIONS, infer_questions), (MARKS, infer_marks)):
        found = infer(sample, wanted, asked, stream.problems)
        if found is not None:
            return found, task
        if asked == task:  # what was asked for is not there, which is said
            return None
    if options.task == REWRITE and wanted.labelled:
        sides = choose_rewrite(profile_columns(sample), wanted, stream.problems)
        return None if sides is None else (sides, REWRITE)
    columns = choose(profile_columns(sample), wanted, stream.problems)
    return None if columns is None else (columns, infer_task(sample, columns.label, options, stream))


def gather_like(stream: Stream, train: Part, columns: Columns, asked: tuple[str, ReadOptions]) -> Part | None:
    """Read a validation or test stream with train's columns and task; None when it lacks a column or has no row."""
    sample = _sample(stream)
    names = list(dict.fromkeys(name for batch in sample for name in batch.columns))
    if sample:
        check_names(names, columns, stream.problems)
    if not sample or len(stream.problems):
        for _ in stream.batches:
            pass
        return None
    builder = _build(stream, sample, columns, asked, train.column)
    builder.column.check_like(columns.label, stream.problems)
    if isinstance(builder.column, MarkColumn | AnswerColumn) and not len(stream.problems):
        builder.column.say(stream.notes)
    return builder.finish()


def _sample(stream: Stream) -> list[Batch]:
    batches: list[Batch] = []
    while sum(len(batch.lines) for batch in batches) < SAMPLE_ROWS:
        batch = next(stream.batches, None)
        if batch is None:
            break
        batches.append(batch)
    return batches


def _build(
    stream: Stream,
    sample: Sequence[Batch],
    columns: Columns,
    asked: tuple[str, ReadOptions],
    train: TargetColumn | None = None,
) -> _Builder:
    """All rows of the stream. What is wrong with a row is added to the stream's problems."""
    task, options = asked
    builder = _Builder(stream, columns, options, column_of(task, stream.problems, options, train))
    batches: Iterator[Batch] = chain(sample, stream.batches)
    for batch in batches:
        builder.add(batch)
    return builder


class _Builder:
    """One part under construction."""

    def __init__(self, stream: Stream, columns: Columns, options: ReadOptions, column: TargetColumn) -> None:
        self._stream, self._columns, self._options = stream, columns, options
        self._spools = {columns.text: TextSpool()} | ({columns.second: TextSpool()} if columns.second else {})
        self._lines = array("q")
        self.column = column
        self._dropped = 0
        self._hash = hashlib.sha256() if stream.path is None else None
        self._bytes = 0

    def add(self, batch: Batch) -> None:
        if isinstance(self.column, MarkColumn):
            self._add_marked(self.column, batch)
            return
        if isinstance(self.column, AnswerColumn):
            self._add_answered(self.column, batch)
            return
        texts, lines = {name: batch.values(name) for name in self._spools}, list(batch.lines)
        if self._columns.label:
            labels = batch.values(self._columns.label)
            kept = [self.column.add(label, line) for label, line in zip(labels, lines, strict=True)]
            if not all(kept):
                self._without_label([line for line, keep in zip(lines, kept, strict=True) if not keep])
                texts = {name: list(compress(found, kept)) for name, found in texts.items()}
                lines = [line for line, keep in zip(lines, kept, strict=True) if keep]
            if self._hash is not None:
                self._hash.update(repr(labels).encode("utf-8", "surrogatepass"))
        for name, found in texts.items():
            self._add_texts(name, self._strings(name, found, lines), lines)
        self._lines.extend(lines)

    def _add_marked(self, column: MarkColumn, batch: Batch) -> None:
        """Rows whose targets are stretches of their texts, so that both are read together."""
        texts, targets, lines = batch.values(self._columns.text), batch.values(self._columns.label), list(batch.lines)
        if not self._columns.label:
            targets = [["O"] * len(words) if isinstance(words, list) else None for words in texts]
        found = [column.add_row(*row) for row in zip(texts, targets, lines, strict=True)]
        if self._hash is not None:
            self._hash.update(repr(targets).encode("utf-8", "surrogatepass"))
        self._add_texts(self._columns.text, found, lines)
        self._lines.extend(lines)

    def _add_answered(self, column: AnswerColumn, batch: Batch) -> None:
        """Questions with their contexts and the answers in them; without a column of answers, questions to be asked."""
        columns, lines = self._columns, list(batch.lines)
        texts = {name: self._strings(name, batch.values(name), lines) for name in self._spools}
        cells = {role: batch.values(name) for role, name in columns.beside.items()}
        answers = batch.values(columns.label) if columns.label else [""] * len(lines)
        each = [
            Given(*row) for row in zip(answers, *(cells.get(role, [None] * len(lines)) for role in BESIDE), strict=True)
        ]
        kept = [column.add_row(*row) for row in zip(texts[columns.second], each, lines, strict=True)]
        if self._hash is not None:
            self._hash.update(repr(each).encode("utf-8", "surrogatepass"))
        lines = list(compress(lines, kept))
        for name, found in texts.items():
            self._add_texts(name, list(compress(found, kept)), lines)
        self._lines.extend(lines)

    def _strings(self, column: str, texts: list[object], lines: list[int]) -> list[str]:
        if all(type(text) is str for text in texts):
            return texts  # type: ignore[return-value]  # just checked
        for text, line in zip(texts, lines, strict=True):
            if isinstance(text, str):
                continue
            found = f"the text is {_shown(text)}, not a string"
            if text is None:
                found = f"the row has no text ({column!r} is missing or null)"
            self._stream.problems.add("text", line, found, 'write a string; an empty text is ""')
        return [str(text) if isinstance(text, str) else "" for text in texts]

    def _add_texts(self, column: str, texts: list[str], lines: list[int]) -> None:
        if self._hash is not None:
            block = "\0".join(texts).encode("utf-8", "surrogatepass")
            self._hash.update(block)
            self._bytes += len(block)
        try:
            self._spools[column].add(texts)
        except UnicodeEncodeError:
            for text, line in zip(texts, lines, strict=True):
                if any("\ud800" <= character <= "\udfff" for character in text):
                    found = "the text holds half of a surrogate pair, which is no character"
                    self._stream.problems.add("surrogate", line, found, "remove it, or write the file again as UTF-8")

    def _without_label(self, lines: list[int]) -> None:
        self._dropped += len(lines)
        if self._options.unlabelled == "drop":
            return
        what = "target" if isinstance(self.column, RewriteColumn) else "label"
        remedy = f"give it a {what}, or leave such rows out with --unlabelled drop"
        for line in lines:
            self._stream.problems.add(
                "unlabelled", line, f"the row has no {what} ({self._columns.label!r} is empty)", remedy
            )

    def finish(self) -> Part:
        stream = self._stream
        if self._dropped and self._options.unlabelled == "drop":
            stream.notes.append(f"{stream.file}: {count_of(self._dropped, 'row')} without a label dropped, as asked.")
        if not len(self._lines) and not stream.problems:
            stream.problems.add("empty", None, "no row is left", "give rows with labels")
        lines = np.array(self._lines, dtype=np.int64)
        texts, *seconds = (Texts(spool.finish()) for spool in self._spools.values())
        return Part(texts, seconds[0] if seconds else None, self.column, lines, self._source())

    def _source(self) -> Source:
        stream, rows = self._stream, len(self._lines)
        if stream.path is not None:
            size = stream.path.stat().st_size
            return Source(stream.file, stream.format, rows, size, digest_file(stream.path))
        assert self._hash is not None
        return Source(stream.file, stream.format, rows, self._bytes, self._hash.hexdigest())


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    return f"a {type(value).__name__}"
