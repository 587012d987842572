"""JSON Lines (NDJSON): one object per line, keys are columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from graft.data.opening import Unreadable, text_lines
from graft.data.options import ReadOptions
from graft.data.stream import BATCH_ROWS, Batch, Problems
from graft.data.wording import count_of

Record = dict[str, object]


def read_jsonlines(path: Path, options: ReadOptions, problems: Problems, notes: list[str]) -> Iterator[Batch]:
    """Batches of a JSONL file. A key that an object lacks is a missing cell."""
    lines: list[int] = []
    records: list[Record] = []
    seen = blank = 0
    try:
        for number, line in enumerate(text_lines(path, options, problems), start=1):
            if not line.strip():
                blank += 1
            elif (record := _object(number, line, problems)) is not None:
                lines.append(number)
                records.append(record)
                seen += 1
                if len(records) == BATCH_ROWS:
                    yield _batch(lines, records)
                    lines, records = [], []
    except Unreadable:
        return
    if records:
        yield _batch(lines, records)
    if blank:
        notes.append(f"{problems.file}: {count_of(blank, 'blank line')} passed over.")
    if not seen and not problems:
        problems.add("empty", None, "the file holds only blank lines", "give a file with one JSON object per line")


def _object(number: int, line: str, problems: Problems) -> Record | None:
    """The line's object; None, with a problem (or Unreadable for a JSON array), when it is not one."""
    remedy = 'write one object per line, such as {"text": "…", "label": "…"}'
    try:
        value = json.loads(line)
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


def _array(number: int, problems: Problems) -> None:
    found = "the file is one JSON array, not one object per line"
    problems.add("array", number, found, "turn it into JSON Lines: jq -c '.[]' FILE > data.jsonl")
    raise Unreadable


def _batch(lines: list[int], records: list[Record]) -> Batch:
    names = dict.fromkeys(name for record in records for name in record)
    return Batch(lines, {name: [record.get(name) for record in records] for name in names})
