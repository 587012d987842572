"""SQuAD's JSON: articles of paragraphs, each a context with its questions (Rajpurkar et al. 2016, 2018).

The file is one JSON object, often on one line, so a question's place is its number, counted from 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graft.data.files.opening import Unreadable, check_magic, is_gzip, opened_bytes, too_big
from graft.data.options import ReadOptions
from graft.data.stream import Batch, Problems, blocks

FORM = '{"data": [{"title": …, "paragraphs": [{"context": …, "qas": [{"question": …, "answers": […]}]}]}]}'
FIELDS = ("id", "question", "answers", "is_impossible")
Record = dict[str, object]


def read_squad(path: Path, options: ReadOptions, problems: Problems, _notes: list[str]) -> Iterator[Batch]:
    """Batches of questions with `question`, `context`, `answers`, `title`, `id` and, where it is told,
    `is_impossible`."""
    try:
        whole = _json(_text(path, options, problems), path, problems)
    except Unreadable:
        return
    read = 0
    for block in blocks(_questions(whole, problems), lambda record: len(str(record["context"]))):
        names = dict.fromkeys(name for record in block for name in record)
        columns = {name: [record.get(name) for record in block] for name in names}
        yield Batch(range(read + 1, read + len(block) + 1), columns)
        read += len(block)
    if not read and not problems:
        problems.add("empty", None, "the file holds no question", f"write questions as {FORM}")


def _text(path: Path, options: ReadOptions, problems: Problems) -> str:
    with opened_bytes(path, problems) as file:
        check_magic(file, options, problems)
        content = file.read(options.max_bytes + 1 if is_gzip(path) else -1)
    if is_gzip(path) and len(content) > options.max_bytes:
        too_big(options, problems)
    try:
        return content.decode("utf-8-sig" if options.is_utf8 else options.encoding)
    except UnicodeDecodeError as error:
        found = f"byte {error.start + 1} of the file is not {options.encoding.upper()}"
        problems.add("encoding", None, found, "convert it: iconv -f latin1 -t utf-8 FILE > FIXED, or add --encoding")
    except UnicodeError:
        problems.add("encoding", None, f"the file is not {options.encoding.upper()}", "name another --encoding")
    raise Unreadable


def _json(text: str, path: Path, problems: Problems) -> list[Any]:
    """The articles."""
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        found = f"the file is not valid JSON: {error.msg} at character {error.colno}"
        problems.add("json", error.lineno, found, "mend it there; one object per line belongs in a .jsonl file")
        raise Unreadable from None
    except (ValueError, RecursionError) as error:
        problems.add("json", None, f"the file cannot be read as JSON: {error}", f"write it as {FORM}")
        raise Unreadable from None
    if isinstance(whole, dict) and isinstance(whole.get("data"), list):
        return whole["data"]  # type: ignore[no-any-return]
    found = "a .json file is not read unless it has SQuAD's form"
    lines = f"jq -c '.[]' {path.name} > {path.name.removesuffix('.gz').removesuffix('.json')}.jsonl"
    problems.add("json", None, found, f"write one object per line: {lines}; or questions as {FORM}")
    raise Unreadable


def _questions(articles: list[Any], problems: Problems) -> Iterator[Record]:
    """Each question as a row; what has another form is a problem, named by its place in the file."""
    for number, article in enumerate(articles):
        title = article.get("title") if isinstance(article, dict) else None
        for place, paragraph in enumerate(_list(article, "paragraphs", f"data[{number}]", problems)):
            where = f"data[{number}].paragraphs[{place}]"
            context = paragraph.get("context") if isinstance(paragraph, dict) else None
            for question in _list(paragraph, "qas", where, problems):
                if isinstance(question, dict):
                    found = {name: question[name] for name in FIELDS if name in question}
                    yield found | {"context": context, "title": title}
                else:
                    problems.add("form", None, f"a question in {where} is no object", f"write it as {FORM}")


def _list(holder: Any, name: str, where: str, problems: Problems) -> list[Any]:
    found = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(found, list):
        return found
    problems.add("form", None, f"{where} has no list {name!r}", f"write questions as {FORM}")
    return []
