"""How files are read: the settings of `read`, each of which is also an option of the command line."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Literal, get_args

from graft.errors import RecipeError

GIBIBYTE = 1 << 30
CELL_LIMIT = 10_000_000  # characters in one cell or line; more is an unclosed quote or not a table of texts

Format = Literal["auto", "csv", "tsv", "jsonl", "parquet", "text", "conll", "squad"]
Labels = Literal["strict", "exact", "fold"]
TaskName = Literal[
    "auto",
    "classification",
    "multi-label",
    "regression",
    "token-classification",
    "question-answering",
    "rewrite",
    "write",
]
Apart = Literal["auto", "file", "headings", "blank", "line"]
Unlabelled = Literal["error", "drop"]
Quoting = Literal["csv", "none"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Settings of `read` and `read_texts`. Raises RecipeError for a value that does not exist.

    `labels`: "strict" refuses labels that look like a mistake (variants in case or spaces, decimals, joined labels);
    "exact" makes every distinct value a class; "fold" merges variants in case or spaces and says so.
    """

    encoding: str = "utf-8"  # a name that Python's codecs know; a byte order mark is accepted
    format: Format = "auto"  # "auto": by the file's extension
    labels: Labels = "strict"
    task: TaskName = "auto"  # what is to be learnt of the labels; "auto": decimals are numbers, all else is classes
    documents: Apart = "auto"  # of a text file to learn a style from: how its documents are told apart
    unlabelled: Unlabelled = "error"  # rows without a label: refused, or dropped and counted in the notes
    quoting: Quoting = "csv"  # "none": quotation marks in CSV and TSV are ordinary characters
    max_bytes: int = 8 * GIBIBYTE  # what a .gz or Parquet file may unpack to

    def __post_init__(self) -> None:
        try:
            if not isinstance(self.encoding, str):
                raise LookupError
            "".encode(self.encoding)  # base64, say, is a codec, but of no text
        except (LookupError, ValueError):  # ValueError: a NUL in it
            raise RecipeError(
                f"There is no encoding of text named {self.encoding!r}.", "use utf-8, latin-1, cp1252, …"
            ) from None
        _one_of("format", self.format, get_args(Format))
        _one_of("labels", self.labels, get_args(Labels))
        _one_of("task", self.task, get_args(TaskName))
        _one_of("documents", self.documents, get_args(Apart))
        _one_of("unlabelled", self.unlabelled, get_args(Unlabelled))
        _one_of("quoting", self.quoting, get_args(Quoting))

    @property
    def is_utf8(self) -> bool:
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise RecipeError(f"{name} cannot be {value!r}.", f"use one of: {', '.join(allowed)}.")


DEFAULTS = ReadOptions()
