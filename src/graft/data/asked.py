"""What a person asks a model about, as rows: texts, pairs of texts, sentences of words, or questions about contexts,
checked and in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from graft.data.answers import unanswered
from graft.data.columns.marked import Marks
from graft.data.spans import Span, spans_of
from graft.data.stream import blocks
from graft.data.table import Rows, Texts
from graft.data.targets import unlabelled
from graft.data.words import joined, words_in
from graft.records import Input

Kind = Literal["texts", "pairs", "words", "questions"]
CHUNK = 2048  # texts tokenised and answered together; fewer where they are long


def asked(inputs: Iterable[Input], kind: Kind) -> Iterator[Rows]:
    """Rows without targets, in chunks. Raises TypeError for a single string, a table, and anything that is not
    `kind`."""
    if isinstance(inputs, str):
        raise TypeError("predict takes a list of texts; put the one text in a list")
    if isinstance(inputs, Mapping) or hasattr(inputs, "columns") or hasattr(inputs, "column_names"):
        raise TypeError("predict takes texts, not a table: give one column, such as frame['text']")
    for chunk in blocks(inputs, _length, CHUNK):
        yield {"texts": _texts, "pairs": _pairs, "words": _sentences, "questions": _questions}[kind](chunk)


def _length(given: Input) -> int:
    """Characters of a text, of a pair, or of words; 0 for what will be refused."""
    parts = given if isinstance(given, tuple | list) else (given,)
    return sum(len(part) for part in parts if isinstance(part, str))


def in_chunks(rows: Rows) -> Iterator[Rows]:
    """The same rows, in chunks."""
    for start in range(0, len(rows), CHUNK):
        yield rows.take(np.arange(start, min(start + CHUNK, len(rows))))


def _texts(chunk: Sequence[Any]) -> Rows:
    for text in chunk:
        if not isinstance(text, str):
            raise TypeError(f"a text must be a str, not {type(text).__name__}")
    return _rows(chunk)


def _pairs(chunk: Sequence[Any], what: str = "reads pairs of texts: each must be a tuple of two str") -> Rows:
    for pair in chunk:
        if not (isinstance(pair, tuple) and [type(part) for part in pair] == [str, str]):
            raise TypeError(f"this model {what}, not {pair!r:.80}")
    return _rows([first for first, _ in chunk], [second for _, second in chunk])


def _questions(chunk: Sequence[Any]) -> Rows:
    rows = _pairs(chunk, "answers questions from a context: each must be a tuple (question, context) of two str")
    assert rows.seconds is not None
    return Rows(rows.texts, unanswered(rows.seconds), rows.lines, rows.file, rows.seconds)


def _sentences(chunk: Sequence[Any]) -> Rows:
    """Texts with the words that are in them, or words that were given; both are tagged word by word."""
    texts: list[str] = []
    words: list[list[Span]] = []
    for given in chunk:
        if not isinstance(given, str) and not (isinstance(given, list) and all(isinstance(one, str) for one in given)):
            raise TypeError(f"a text must be a str or a list of words, not {given!r:.80}")
        text, places = (given, words_in(given)) if isinstance(given, str) else joined(given)
        texts.append(text)
        words.append(places)
    rows = _rows(texts)
    return Rows(rows.texts, Marks(spans_of([[]] * len(texts)), spans_of(words)), rows.lines, rows.file)


def _rows(texts: Sequence[str], seconds: Sequence[str] | None = None) -> Rows:
    lines = np.arange(1, len(texts) + 1)
    return Rows(_column(texts), unlabelled(len(texts)), lines, "", None if seconds is None else _column(seconds))


def _column(texts: Sequence[str]) -> Texts:
    try:
        return Texts(pa.chunked_array([pa.array(texts, pa.large_string())]))
    except UnicodeEncodeError as error:  # half of a character, such as "\\ud800"
        raise TypeError(f"a text holds half of a character, which is no Unicode: {error.object!r:.80}") from None
