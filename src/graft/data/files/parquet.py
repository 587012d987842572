"""Parquet files, read in batches without holding a row group's other columns."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graft.data.files import signature
from graft.data.files.opening import Unreadable, bounded, is_gzip, opened_bytes, too_big
from graft.data.options import CELL_LIMIT, ReadOptions
from graft.data.spool import spool_folder
from graft.data.stream import BATCH_ROWS, Batch, Problems

COPY = 1 << 20


def read_parquet(path: Path, options: ReadOptions, problems: Problems, notes: list[str]) -> Iterator[Batch]:
    """Batches of a Parquet file; a row's line is its position + 1. Class names that `datasets` stored are used."""
    options = bounded(path, options)
    try:
        with opened_bytes(path, problems) as raw, _seekable(raw, is_gzip(path), options, problems) as file:
            _check_start(file, problems)
            yield from _batches(file, options, problems, notes)
    except Unreadable:
        return
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last for names that are no text
        reason = str(error).splitlines()[0][:150]
        problems.add("parquet", None, f"the Parquet file is damaged or cut off: {reason}", "write or copy it again")


def _check_start(file: BinaryIO, problems: Problems) -> None:
    """Refuse what is something else by its first bytes; leaves the position at the start."""
    start = file.read(signature.SAMPLE)
    file.seek(0)
    if start.startswith((signature.PARQUET, b"PARE")):  # the latter is encrypted, which is for the library to say
        return
    met = signature.known(start) or signature.binary(start)
    if not start:
        problems.add("empty", None, "the file is empty", "give a file with rows")
    elif met:
        problems.add("magic", None, f"the file is {met.kind}, not Parquet", met.remedy)
    else:
        remedy = "let its name say what it is (.csv, .tsv, .jsonl, .txt), or add --format csv"
        problems.add("magic", None, "the file is text, not Parquet", remedy)
    raise Unreadable


def _batches(file: BinaryIO, options: ReadOptions, problems: Problems, notes: list[str]) -> Iterator[Batch]:
    with pq.ParquetFile(file, pre_buffer=False, buffer_size=COPY) as table:
        names = _class_names(table.schema_arrow.metadata)
        if not table.metadata.num_rows:
            problems.add("empty", None, "the file has columns but no rows", "give a file with rows")
            return
        for column in names:
            notes.append(f"{problems.file}: codes in {column!r} were read as the class names that the file states.")
        row, size = 1, 0
        for batch in table.iter_batches(batch_size=BATCH_ROWS):
            size += batch.nbytes
            if size > options.max_bytes:  # a few bytes may stand for any number of rows
                too_big(options, problems)
            _check_cells(batch, row, problems)
            columns = {name: batch.column(place) for place, name in enumerate(batch.schema.names)}
            named = {name: named_codes(columns[name].to_pylist(), known) for name, known in names.items()}
            yield Batch(range(row, row + batch.num_rows), {**columns, **named})
            row += batch.num_rows
        if row - 1 != table.metadata.num_rows:
            found = f"the file says that it has {table.metadata.num_rows:,} rows, but {row - 1:,} were found"
            problems.add("parquet", None, found, "write or copy it again")


def _check_cells(batch: pa.RecordBatch, row: int, problems: Problems) -> None:
    """Texts must be UTF-8, and no cell may be longer than one of a text file."""
    for column in batch.columns:
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            continue
        _check_encoding(column, row, problems)
        lengths = pc.binary_length(column)
        if (pc.max(lengths).as_py() or 0) <= CELL_LIMIT:
            continue
        for place, length in enumerate(lengths.to_pylist()):
            if length is not None and length > CELL_LIMIT:
                found = f"a cell has more than {CELL_LIMIT:,} bytes, the most that is accepted in one cell"
                problems.add("long", row + place, found, "check what this column holds")


def _check_encoding(column: pa.Array, row: int, problems: Problems) -> None:
    """Names the rows whose bytes are no UTF-8, which Parquet itself does not check. Raises Unreadable for them, and
    ArrowInvalid for whatever else is wrong with the column."""
    column.validate()
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        known = len(problems)
        for place, cell in enumerate(column.cast(pa.large_binary()).to_pylist()):
            try:
                (cell or b"").decode()
            except UnicodeDecodeError as error:
                found = f"byte {error.object[error.start]:#04x} of the cell is not UTF-8"
                problems.add("encoding", row + place, found, "write the file again with its texts as UTF-8")
        if len(problems) == known:
            raise
        raise Unreadable from None


def named_codes(codes: list[object], names: tuple[str, ...]) -> list[object]:
    """Class codes as `datasets` stores them, by name. -1 (its mark for "no label") becomes a missing cell."""
    return [names[code] if isinstance(code, int) and 0 <= code < len(names) else None for code in codes]


def _class_names(metadata: dict[bytes, bytes] | None) -> dict[str, tuple[str, ...]]:
    """Names of class codes from the metadata that the `datasets` library writes, by column."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        found = {name: feature.get("names") for name, feature in features.items() if isinstance(feature, dict)}
    except (KeyError, TypeError, AttributeError, ValueError):
        return {}
    return {name: tuple(map(str, names)) for name, names in found.items() if isinstance(names, list)}


@contextmanager
def _seekable(raw: BinaryIO, packed: bool, options: ReadOptions, problems: Problems) -> Iterator[BinaryIO]:
    """Parquet is read from its end: a packed file is unpacked into a temporary one first."""
    if not packed:
        yield raw
        return
    with tempfile.TemporaryFile(dir=spool_folder()) as whole:
        while raw.tell() <= options.max_bytes:
            block = raw.read(COPY)
            if not block:
                break
            whole.write(block)
        else:
            too_big(options, problems)
        whole.seek(0)
        yield whole
