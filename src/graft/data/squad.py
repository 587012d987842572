"""SQuAD's JSON (Rajpurkar et al. 2016, 2018): articles of paragraphs, each a context with questions and answers.

Every question becomes a row with the columns of the flat form: `question`, `context`, `answers` (a list of
{text, answer_start}, empty where the context holds no answer), `id` and `title`. Its line is its number in the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graft.data.opening import Unreadable, check_magic, opened_bytes, too_big
from graft.data.options import ReadOptions
from graft.data.stream import BATCH_ROWS, Batch, Problems

SHAPE = (
    '{"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question", '
    '"answers": [{"text", "answer_start"}]}]}]}]}'
)
BLOCK = 1 << 20
Record = dict[str, object]


def read_squad(path: Path, options: ReadOptions, problems: Problems, notes: list[str]) -> Iterator[Batch]:
    """Batches of a SQuAD file, which is read whole."""
    try:
        content = _content(path, options, problems)
    except Unreadable:
        return
    records: list[Record] = []
    number = 0
    for record in _questions(content, problems):
        number += 1
        records.append(record)
        if len(records) == BATCH_ROWS:
            yield _batch(number, records)
            records = []
    if records:
        yield _batch(number, records)
    if not number and not problems:
        problems.add("empty", None, "the file holds no question", f"give a file of SQuAD's form: {SHAPE}")
    elif isinstance(version := content.get("version"), str):
        notes.append(f"{problems.file}: SQuAD's form, version {version}.")


def _content(path: Path, options: ReadOptions, problems: Problems) -> dict[str, Any]:
    with opened_bytes(path, problems) as file:
        check_magic(file, options, problems)
        blocks: list[bytes] = []
        size = 0
        while block := file.read(BLOCK):
            blocks.append(block)
            size += len(block)
            if size > options.max_bytes:
                too_big(options, problems)
    try:
        content = json.loads(b"".join(blocks).decode("utf-8-sig" if options.is_utf8 else options.encoding))
    except UnicodeDecodeError as error:
        found = f"byte {error.start + 1} of the file is not {options.encoding.upper()}"
        problems.add("encoding", None, found, "convert it with iconv, or name its --encoding")
        raise Unreadable from None
    except json.JSONDecodeError as error:
        problems.add("json", error.lineno, f"the file is not valid JSON: {error.msg}", "write it again as JSON")
        raise Unreadable from None
    except (ValueError, RecursionError) as error:
        problems.add("json", None, f"the file cannot be read as JSON: {error}", "write it again as JSON")
        raise Unreadable from None
    if isinstance(content, dict) and isinstance(content.get("data"), list):
        return content
    found = "the file is JSON, but not of SQuAD's form"
    if isinstance(content, list):
        found = "a .json file is not read, unless it is of SQuAD's form: this is an array"
    remedy = f"write one object per line: jq -c '.[]' {path.name} > {path.stem}.jsonl; SQuAD's form is {SHAPE}"
    problems.add("squad", None, found, remedy)
    raise Unreadable


def _questions(content: dict[str, Any], problems: Problems) -> Iterator[Record]:
    for place, article in enumerate(content["data"], start=1):
        paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
        if not isinstance(paragraphs, list):
            problems.add("squad", None, f"article {place} has no list of paragraphs", f"write {SHAPE}")
            continue
        title = str(article.get("title", ""))
        for paragraph in paragraphs:
            asked = paragraph.get("qas") if isinstance(paragraph, dict) else None
            if not isinstance(asked, list):
                problems.add("squad", None, f"a paragraph of {title or place!r} has no list qas", f"write {SHAPE}")
                continue
            for question in asked:
                if isinstance(question, dict):
                    yield _record(question, paragraph.get("context"), title)
                else:
                    problems.add("squad", None, f"a question of {title or place!r} is no object", f"write {SHAPE}")


def _record(question: dict[str, Any], context: object, title: str) -> Record:
    answers = question.get("answers")
    if question.get("is_impossible"):  # what stands under `answers` there is none
        answers = []
    return {
        "id": question.get("id"),
        "title": title,
        "question": question.get("question"),
        "context": context,
        "answers": answers,
    }


def _batch(last: int, records: list[Record]) -> Batch:
    return Batch(range(last - len(records) + 1, last + 1), {name: [r[name] for r in records] for name in records[0]})
