"""Which reader serves which source: a path, a hub dataset or an object in memory becomes one stream per split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graft.data.files import signature
from graft.data.files.conll import read_conll
from graft.data.files.delimited import read_delimited
from graft.data.files.folder import FORMATS, KINDS, extension, nearest, no_such_path, scan
from graft.data.files.hub import PREFIX, hub_splits, load_hub, looks_like_id
from graft.data.files.jsonlines import read_jsonlines
from graft.data.files.memory import is_splits, memory_stream
from graft.data.files.opening import first_bytes, is_gzip
from graft.data.files.parquet import read_parquet
from graft.data.files.plain import read_plain
from graft.data.files.squad import read_squad
from graft.data.options import ReadOptions
from graft.data.stream import Problems, Stream, refuse
from graft.records import SplitName

Streams = dict[SplitName, Stream]
READERS = {
    "jsonl": read_jsonlines,
    "parquet": read_parquet,
    "text": read_plain,
    "conll": read_conll,
    "squad": read_squad,
}


def refuse_missing(*named: str | None) -> None:
    """Raises DataError where one of these is no path that is there, and no name of the hub's; nothing is opened."""
    for given in named:
        if given is not None and not Path(given).exists() and not _hub_name(given):
            raise no_such_path(Path(given))


def open_all(data: Any, options: ReadOptions, notes: list[str]) -> Streams:
    """The streams of `data` by split, none of them read yet."""
    if isinstance(data, str | Path):
        path = Path(data)
        if not path.exists() and (identifier := _hub_name(str(data))):
            return _by_split(load_hub(identifier, notes), f"{PREFIX}{identifier}")
        if path.is_dir():
            found = scan(path)
            if found.ignored:
                notes.append(f"{path}: these files were ignored: {', '.join(found.ignored)}.")
            return {split: open_path(part, options) for split, part in found.parts.items()}
        return {"train": open_path(path, options)}
    if is_splits(data):
        name = f"<{type(data).__name__}>"
        return _by_split(hub_splits(name, data, notes), name)
    return {"train": open_one(data, f"<{type(data).__name__}>", options)}


def _hub_name(data: str) -> str | None:
    """The identifier in a hub name; None when it can only be a path. Raises DataError for a mistyped path."""
    if data.startswith(PREFIX):
        return data.removeprefix(PREFIX)
    path = Path(data)
    if not looks_like_id(data) or extension(path) in FORMATS or path.suffix or nearest(path) or path.parent.is_file():
        return None
    return data


def _by_split(tables: dict[SplitName, Any], name: str) -> Streams:
    return {split: memory_stream(table, f"{name}[{split}]") for split, table in tables.items()}


def open_one(data: Any, name: str, options: ReadOptions) -> Stream:
    """One file or one table in memory as a stream."""
    return open_path(Path(data), options) if isinstance(data, str | Path) else memory_stream(data, name)


def open_path(path: Path, options: ReadOptions, shown: str = "") -> Stream:
    """A file as a stream; `shown` is what problems call it. Raises DataError when there is no such file or format."""
    if path.is_dir():
        raise refuse(str(path), "this is a folder, not a file", "name the file")
    if not path.exists():
        raise no_such_path(path)
    kind = FORMATS.get(extension(path)) if options.format == "auto" else options.format
    if kind is None:
        raise refuse(str(path), *_unknown_format(path))
    problems = Problems(shown or str(path))
    notes: list[str] = []
    if kind in ("csv", "tsv"):
        batches = read_delimited(path, options, problems, notes, tabs=kind == "tsv")
    else:
        reader = READERS[kind]
        batches = reader(path, options, problems, notes)
    return Stream(problems.file, kind + (".gz" if is_gzip(path) else ""), batches, problems, notes, path)


def _unknown_format(path: Path) -> tuple[str, str]:
    """(found, remedy) for an extension that no reader knows."""
    kind = extension(path) or "no extension"
    if kind in (".xlsx", ".xls", ".ods"):
        return f"a spreadsheet ({kind}) is not read", "save the sheet as CSV (UTF-8) and give that file"
    if met := signature.known(start := first_bytes(path)) or signature.binary(start):
        return f"the file is {met.kind}, and its name does not tell a format", met.remedy
    return f"the format cannot be told from the name ({kind})", f"give {KINDS}, or name the --format"
