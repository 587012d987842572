"""Which files of a folder are train, validation and test, and finding what a mistyped path meant."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from graft.data.files.memory import SPLIT_NAMES
from graft.data.options import Format
from graft.data.stream import refuse
from graft.errors import DataError
from graft.records import SplitName

FORMATS: dict[str, Format] = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet", ".pq": "parquet", ".txt": "text", ".text": "text",
    ".json": "squad",
    ".conll": "conll", ".conll2003": "conll", ".bio": "conll", ".iob": "conll", ".iob2": "conll", ".bioes": "conll",
}  # fmt: skip
KINDS = (
    "CSV, TSV, JSONL, Parquet, plain text, CoNLL columns or SQuAD's JSON (.csv, .tsv, .jsonl, .parquet, .txt, .conll, "
    ".json), each also .gz"
)
ABOUT = ("readme", "license", "licence", "provenance", "changelog", "citation", "notice")


@dataclass(frozen=True, slots=True)
class Found:
    """The files to read, and the names of those that were left."""

    parts: dict[SplitName, Path]
    ignored: tuple[str, ...]


def extension(path: Path) -> str:
    """The extension that tells the format, lower case, without .gz."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _stem(path: Path) -> str:
    """The name without its extension, and without SQuAD's version: train-v2.0.json is train."""
    name = path.name.lower().removesuffix(".gz")
    return re.sub(r"-v\d+(\.\d+)?$", "", name.removesuffix(Path(name).suffix))


def scan(folder: Path) -> Found:
    """train.*, validation.* (dev, valid, val) and test.*, or the folder's one data file. Raises DataError otherwise."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    tables = _tables([path for path in files if extension(path) in FORMATS and not _stem(path).startswith(ABOUT)])
    if not tables:
        there = ", ".join(path.name for path in files[:8]) or "nothing"
        raise refuse(str(folder), f"the folder has no data file; it has: {there}", f"put a file there: {KINDS}")
    parts: dict[SplitName, Path] = {}
    for path in tables:
        split = SPLIT_NAMES.get(_stem(path))
        if split in parts:
            found = f"both {parts[split].name} and {path.name} could be the {split} split"
            raise refuse(str(folder), found, "leave one of them there, or name the files themselves")
        if split is not None:
            parts[split] = path
    if "train" not in parts:
        parts = {"train": _only(folder, tables)}
    used = set(parts.values())
    return Found(parts, tuple(path.name for path in files if path not in used))


def _tables(files: list[Path]) -> list[Path]:
    """The files that hold data: JSON beside other formats, or beside JSON named as a split, is something about them."""
    others = [path for path in files if extension(path) != ".json"]
    return others or [path for path in files if _stem(path) in SPLIT_NAMES] or files


def _only(folder: Path, tables: list[Path]) -> Path:
    labelled = [path for path in tables if not _stem(path).endswith(("unlabelled", "unlabeled"))]
    if len(labelled) == 1 and SPLIT_NAMES.get(_stem(labelled[0])) is None:
        return labelled[0]
    names = ", ".join(path.name for path in tables)
    raise refuse(str(folder), f"the folder has no train file; its data files are: {names}", _example(labelled))


def _example(tables: list[Path]) -> str:
    """How to name the files: the first one that says train, and the test file whose name is most like it."""
    train = next((path for path in tables if "train" in path.name.lower()), None)
    if train is None:
        documents = all(extension(path) == ".txt" for path in tables)
        written = "; where these are documents whose style is to be learnt, add --task write" if documents else ""
        return f"name the file to train on itself, and others with --validation and --test{written}"
    tests = {path.name: path for path in tables if "test" in path.name.lower()}
    near = difflib.get_close_matches(train.name.replace("train", "test"), tests, n=1, cutoff=0.0)
    return f"name the files: {train}" + (f" --test {tests[near[0]]}" if near else "")


def nearest(path: Path) -> Path | None:
    """What a path that does not exist was probably meant to be."""
    if not path.parent.is_dir():
        return None
    near = difflib.get_close_matches(path.name, [other.name for other in path.parent.iterdir()], n=1, cutoff=0.6)
    return path.parent / near[0] if near else None


def no_such_path(path: Path) -> DataError:
    """A DataError that names the nearest thing that does exist."""
    if path.parent.is_file():
        return refuse(str(path), f"{path.parent} is a file, not a folder", f"did you mean {path.parent}?")
    if not path.parent.is_dir():
        return refuse(str(path), f"there is no such file, and no folder {str(path.parent)!r}", "check the path")
    if near := nearest(path):
        return refuse(str(path), "there is no such file or folder", f"did you mean {near}?")
    there = ", ".join(sorted(other.name for other in path.parent.iterdir())[:8]) or "nothing"
    return refuse(str(path), f"there is no such file or folder; beside it are: {there}", "check the path")
