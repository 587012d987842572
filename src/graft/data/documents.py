"""Whole documents to learn a style from: text files, folders of them, a column of a table, objects in memory.

A file of a folder is a document; a file that stands alone is looked through for the documents it holds
(`chapters.py`). What is read is kept character by character, but for line ends, which become "\\n", and blank lines
around a document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from graft.data.chapters import Piece, has_marks, pieces
from graft.data.columns.columns import Named, Wanted
from graft.data.columns.gather import gather
from graft.data.files.folder import ABOUT, extension, no_such_path
from graft.data.files.memory import SPLIT_NAMES
from graft.data.files.opening import Unreadable, text_lines
from graft.data.files.sources import open_all
from graft.data.options import DEFAULTS, Apart, ReadOptions
from graft.data.spool import TextSpool
from graft.data.stream import Problems, Stream, refuse
from graft.data.table import Dataset, Rows, Texts
from graft.data.titles import Titles
from graft.data.wording import count_of
from graft.errors import DataError, Problem, RecipeError
from graft.files import digest_file
from graft.records import Columns, Source, SplitName

WRITE = "write"  # the task, as --task says it
PROSE = (".txt", ".text", ".md", ".markdown")
GIVEN: tuple[SplitName, ...] = ("validation", "test")


def read_documents(
    data: Any,
    *,
    text: Named = None,
    validation: Any = None,
    test: Any = None,
    options: ReadOptions = DEFAULTS,
) -> Dataset:
    """Read documents of "train" and of the splits that are given, each a row whose target is its title.

    `data`: a text file, a folder of them (or of train, validation and test files or folders), a table, a hub dataset,
    a list of texts, a frame. `text` names the column of a table; `options.documents` says how the documents of a text
    file that stands alone are told apart. Raises DataError with all problems found.
    """
    if text is not None and not isinstance(text, str):
        raise RecipeError("A style is learned from single texts, not from pairs.", "name one column with --text.")
    found = _Found()
    parts = _parts(data, text, options, found)
    for split, given in zip(GIVEN, (validation, test), strict=True):
        if given is not None:
            parts[split] = _parts(given, text, options, found)["train"]
    columns = Columns(found.column, "", found.why)
    return Dataset(_name(data), WRITE, (), columns, parts, tuple(found.sources), tuple(found.notes))


@dataclass
class _Found:
    """What reading finds on its way."""

    notes: list[str] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    column: str = "text"
    why: str = "files of text"


def _parts(data: Any, text: str | None, options: ReadOptions, found: _Found) -> dict[SplitName, Rows]:
    path = Path(data) if isinstance(data, str | Path) else None
    if path is not None and path.exists() and (files := _prose(path, options, found.notes)):
        shown = str(path)
        return {split: _from_files(shown, named, options, found) for split, named in files.items()}
    streams = open_all(data, options, found.notes)
    return {split: _from_table(stream, text, options, found) for split, stream in streams.items()}


# ------------------------------------------------------------------------------------------------------ text files


def _prose(path: Path, options: ReadOptions, notes: list[str]) -> dict[SplitName, list[Path]]:
    """The text files of a path by split; empty where it holds none and is a table, or a folder of tables."""
    if path.is_file():
        is_text = options.format == "text" or (options.format == "auto" and extension(path) in PROSE)
        return {"train": [path]} if is_text else {}
    found = sorted(file for file in path.rglob("*") if file.is_file() and not _hidden(file.relative_to(path)))
    prose = [file for file in found if extension(file) in PROSE and not file.name.lower().startswith(ABOUT)]
    if not prose:
        return {}
    ignored = [str(file.relative_to(path)) for file in found if file not in prose]
    if ignored:
        shown = ", ".join(ignored[:5]) + (f" and {len(ignored) - 5} more" if len(ignored) > 5 else "")
        notes.append(f"{path}: these files were ignored: {shown}.")
    by_split: dict[SplitName, list[Path]] = {}
    for file in prose:
        by_split.setdefault(_split_of(file.relative_to(path)), []).append(file)
    if "train" not in by_split:
        raise refuse(str(path), "the folder has no text to train on, only held-out files", "add a train.txt or train/")
    return by_split


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _split_of(path: Path) -> SplitName:
    """By the name of the file, or of the outermost folder."""
    first = path.parts[0].lower().removesuffix(".gz")
    return SPLIT_NAMES.get(first if len(path.parts) > 1 else Path(first).stem, "train")


@dataclass
class _Gathered:
    """Documents of several files, under construction."""

    texts: TextSpool = field(default_factory=TextSpool)
    names: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, file: str, stem: str, found: list[Piece]) -> None:
        self.texts.add([piece.text for piece in found])
        for number, piece in enumerate(found, 1):
            self.names.append(piece.name or (stem if len(found) == 1 else f"{stem} {number}"))
            self.files.append(file)
            self.lines.append(piece.line)

    def finish(self, file: str) -> Rows:
        titles = Titles(tuple(self.names), tuple(self.files))
        return Rows(Texts(self.texts.finish()), titles, np.array(self.lines, dtype=np.int64), file)


def _from_files(shown: str, files: list[Path], options: ReadOptions, found: _Found) -> Rows:
    problems: list[Problem] = []
    gathered, empty, foreign_ends = _Gathered(), [], 0
    for path in files:
        met = Problems(str(path))
        lines = _lines(path, options, met)
        problems += met.listed()
        if any(line.endswith(("\r\n", "\r")) for line in lines):
            foreign_ends += 1
            lines = [line.replace("\r\n", "\n").replace("\r", "\n") for line in lines]
        documents = pieces(lines, options.documents) if len(files) == 1 else _of_several(lines, options.documents)
        if not documents and not met:
            empty.append(path.name)
            continue
        gathered.add(str(path), path.name.removesuffix(".gz").removesuffix(extension(path)), documents)
        found.sources.append(Source(str(path), "text", len(documents), path.stat().st_size, digest_file(path)))
    if problems:
        raise DataError(problems)
    if not gathered.names:
        raise refuse(str(files[0]), "there is no text in it", "give a file with the text to learn from")
    if foreign_ends:
        found.notes.append(f"Line ends of {count_of(foreign_ends, 'file')} (CR LF) were read as plain ones.")
    if empty:
        found.notes.append(f"{count_of(len(empty), 'empty file')} passed over: {', '.join(empty[:5])}.")
    return gathered.finish(shown)


def _of_several(lines: list[str], apart: Apart) -> list[Piece]:
    """The documents of a file among others: it is one, unless marks divide it or something else is asked for."""
    if apart != "auto":
        return pieces(lines, apart)
    return pieces(lines, "auto") if has_marks(lines) else pieces(lines, "file")


def _lines(path: Path, options: ReadOptions, problems: Problems) -> list[str]:
    if path.stat().st_size == 0:
        return []
    try:
        return list(text_lines(path, options, problems))
    except Unreadable:
        return []


# ---------------------------------------------------------------------------------------------------------- tables


def _from_table(stream: Stream, text: str | None, options: ReadOptions, found: _Found) -> Rows:
    read = gather(stream, Wanted(text, labelled=False), options)
    met = stream.problems.listed()
    if read is None or met:
        raise DataError(met)
    part, columns = read[0], read[1]
    found.column, found.why = columns.text, columns.why
    found.sources.append(part.source)
    found.notes += stream.notes
    filled = np.array([bool(words.strip()) for words in part.texts], dtype=bool)
    if not filled.any():
        raise refuse(stream.file, "every text in it is empty", "name the column of texts with --text")
    if not filled.all():
        found.notes.append(f"{stream.file}: {count_of(int((~filled).sum()), 'empty text')} passed over.")
    rows = np.flatnonzero(filled).astype(np.int64)
    titles = Titles(tuple(f"row {line}" for line in part.lines[rows].tolist()), (stream.file,) * len(rows))
    return Rows(part.texts.take(rows), titles, part.lines[rows], stream.file)


def _name(data: Any) -> str:
    if not isinstance(data, str | Path):
        return "data"
    path = Path(data)
    if not path.exists() and path.suffix:
        raise no_such_path(path)
    name = path.resolve().name if path.exists() else str(data).rsplit(":", 1)[-1]
    return name.removesuffix(".gz").removesuffix(extension(Path(name))) or "data"
