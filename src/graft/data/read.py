"""The door of this room: whatever holds texts and labels becomes a `Dataset`, or one DataError that says why not.

`sources.py` knows which reader serves which source, the readers know the formats, `gather.py` what is kept of them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from graft.data.columns.classes import match_classes
from graft.data.columns.columns import Named, wanted
from graft.data.columns.gather import Part, gather, gather_like
from graft.data.columns.labels import UNSOUND
from graft.data.columns.target_columns import output_names
from graft.data.documents import WRITE, read_documents
from graft.data.files.folder import extension
from graft.data.files.hub import PREFIX
from graft.data.files.sources import Streams, open_all, open_one
from graft.data.options import DEFAULTS, ReadOptions
from graft.data.table import Dataset, Rows
from graft.data.texts import read_texts
from graft.errors import DataError
from graft.records import Columns, SplitName

__all__ = ["ReadOptions", "read", "read_texts"]

GIVEN: tuple[SplitName, ...] = ("validation", "test")


def read(
    data: Any,
    *,
    text: Named = None,
    label: str | None = None,
    validation: Any = None,
    test: Any = None,
    options: ReadOptions = DEFAULTS,
) -> Dataset:
    """Read labelled texts.

    `data` is a path to a file or folder; a hub dataset (`hub:owner/name`); a list of (text, label) pairs or of
    dicts; a dict of lists; a pair (texts, labels); a pandas or polars DataFrame; a datasets.Dataset or DatasetDict;
    or a dict of any of these by split. `validation` and `test` are further files (or objects). `text` and `label`
    name columns; a pair of texts is named by a tuple of two columns.

    With `options.task` "write" the rows are whole documents without labels (see `documents.py`).

    Texts are kept character by character. Classes are the labels of the train part, sorted by name. Raises DataError
    with all problems found, MissingExtra for a hub dataset without the package, TypeError for an object it cannot read.
    """
    if options.task == WRITE:
        return read_documents(data, text=text, validation=validation, test=test, options=options)
    notes: list[str] = []
    streams = open_all(data, options, notes)
    found = set(streams)
    for split, given in zip(GIVEN, (validation, test), strict=True):
        if given is not None:
            streams[split] = open_one(given, f"<{split}>", options)
            found.discard(split)
    streams = {split: streams[split] for split in ("train", *GIVEN) if split in streams}
    train = gather(streams["train"], wanted(text, label), options)
    if train is None:
        raise DataError(streams["train"].problems.listed())
    first, columns, task = train
    parts: dict[SplitName, Part] = {"train": first}
    for split in [split for split in GIVEN if split in streams]:
        part = gather_like(streams[split], first, columns, (task, options))
        if part is not None:
            parts[split] = part
        elif split in found and streams[split].problems.only("no label"):
            notes.append(f"{streams[split].file} was ignored: it has no label column {columns.label!r}.")
            del streams[split]
    made = _dataset(_name(data), task, parts, columns, streams, options)
    return replace(made, notes=(*notes, *made.notes))


def _dataset(
    name: str, task: str, parts: dict[SplitName, Part], columns: Columns, streams: Streams, options: ReadOptions
) -> Dataset:
    """The parts with one list of classes. Raises DataError with the problems of all streams, if there are any."""
    problems = {split: stream.problems for split, stream in streams.items()}
    said: list[str] = [note for stream in streams.values() for note in stream.notes]
    labels = {split: part.column.labels() for split, part in parts.items()}
    if problems["train"].some(UNSOUND):  # labels that are no classes would only add noise when matched
        raise DataError([problem for split in streams for problem in problems[split].listed()])
    classes, maps = match_classes(labels, options, problems, said)
    outputs = output_names(classes, parts["train"].column, columns.label)
    met = [problem for split in streams for problem in problems[split].listed()]
    if met:
        raise DataError(met)
    rows = {
        split: Rows(
            part.texts, part.column.targets(maps[split], len(classes)), part.lines, part.source.path, part.seconds
        )
        for split, part in parts.items()
    }
    sources = tuple(part.source for part in parts.values())
    return Dataset(name, task, outputs, columns, rows, sources, tuple(said))


def _name(data: Any) -> str:
    if not isinstance(data, str | Path):
        return "data"
    name = str(data).removeprefix(PREFIX) if not Path(data).exists() else Path(data).resolve().name
    return name.removesuffix(".gz").removesuffix(extension(Path(name))) or "data"
