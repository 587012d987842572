"""JSON Lines (NDJSON): one object per line, keys are columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from graft.data.files.opening import Unreadable, text_lines
from graft.data.options import ReadOptions
from graft.data.stream import Batch, Problems, blocks
from graft.data.wording import count_of

Record = dict[str, object]


def read_jsonlines(path: Path, options: ReadOptions, problems: Problems, notes: list[str]) -> Iterator[Batch]:
    """Batches of a JSONL file. A key that an object lacks is a missing cell."""
    counts = {"blank": 0, "seen": 0}
    try:
        for block in blocks(_objects(path, options, problems, counts), lambda item: item[1]):
            yield _batch([number for number, _, _ in block], [record for _, _, record in block])
    except Unreadable:
        return
    blank, seen = counts["blank"], counts["seen"]
    if blank:
        notes.append(f"{problems.file}: {count_of(blank, 'blank line')} passed over.")
    if not seen and not problems:
        problems.add("empty", None, "the file holds only blank lines", "give a file with one JSON object per line")


def _objects(
    path: Path, options: ReadOptions, problems: Problems, counts: dict[str, int]
) -> Iterator[tuple[int, int, Record]]:
    """Each sound object with its line and the line's length; blank lines and objects are counted."""
    for number, line in enumerate(text_lines(path, options, problems), start=1):
        if not line.strip():
            counts["blank"] += 1
        elif (record := _object(number, line, problems)) is not None:
            counts["seen"] += 1
            yield number, len(line), record


def _object(number: int, line: str, problems: Problems) -> Record | None:
    """The line's object; None, with a problem (or Unreadable for a JSON array), when it is not one."""
    remedy = 'write one object per line, such as {"text": "…", "label": "…"}'
    try:
        value = json.loads(line, object_pairs_hook=_distinct)
    except _Twice as error:
        found = f"the object names {error.args[0]!r} more than once"
        problems.add("keys", number, found, "give each key once; JSON readers differ on which of them counts")
        return None
    except json.JSONDecodeError as error:
        if number == 1 and line.lstrip().startswith("["):
            _array(number, problems)
        problems.add("json", number, f"the line is not valid JSON: {error.msg} at character {error.pos + 1}", remedy)
        return None
    except (ValueError, RecursionError) as error:
        problems.add("json", number, f"the line cannot be read as JSON: {error}", remedy)
        return None
    if isinstance(value, dict):
        return value
    if number == 1 and isinstance(value, list):
        _array(number, problems)
    kind = {list: "an array", str: "a string", type(None): "null"}.get(type(value), "a number or true/false")
    problems.add("object", number, f"the line holds {kind}, not an object", remedy)
    return None


class _Twice(Exception):
    """A key that an object has twice."""


def _distinct(pairs: list[tuple[str, object]]) -> Record:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1))
    return found


def _array(number: int, problems: Problems) -> None:
    found = "the file is one JSON array, not one object per line"
    problems.add("array", number, found, "turn it into JSON Lines: jq -c '.[]' FILE > data.jsonl")
    raise Unreadable


def _batch(lines: list[int], records: list[Record]) -> Batch:
    names = dict.fromkeys(name for record in records for name in record)
    return Batch(lines, {name: [record.get(name) for record in records] for name in names})
