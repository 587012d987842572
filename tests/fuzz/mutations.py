"""Sound files, and strategies that spoil them: bytes flipped, cut out, doubled, replaced, joined with others."""

from __future__ import annotations

import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

ROWS = [(f"a text {number}, “quoted” or not", ("good", "bad", "so-so")[number % 3]) for number in range(24)]
CSV = ("text,label\n" + "".join(f'"{text}",{label}\n' for text, label in ROWS)).encode()
TSV = ("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in ROWS)).encode()
JSONL = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS).encode()
PLAIN = "".join(f"{label}\t{text}\n" for text, label in ROWS).encode()


def _parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]}), buffer)
    return buffer.getvalue()


PARQUET = _parquet()


def _squad() -> bytes:
    """Articles of one paragraph, whose questions are answered by its fourth word, every fifth by nothing."""
    articles = []
    for number, (text, _) in enumerate(ROWS):
        start = text.index(str(number))
        answers = [] if number % 5 == 0 else [{"text": str(number), "answer_start": start}]
        asked = {"id": f"q{number}", "question": f"which text, {number}?", "answers": answers}
        paragraph = {"context": text, "qas": [asked | {"is_impossible": not answers}]}
        articles.append({"title": f"article {number}", "paragraphs": [paragraph]})
    return json.dumps({"version": "v2.0", "data": articles}).encode()


def _spans(text: str) -> list[dict[str, object]]:
    return [
        {"start": 2, "end": 6, "label": "NOUN"},
        {"start": text.index("or"), "end": text.index("or") + 2, "label": "OR"},
    ]


CONLL = "".join(
    "".join(f"{word} {'B-X' if word == 'text' else 'O'}\n" for word in t.split()) + "\n" for t, _ in ROWS
).encode()
SPANS = "".join(json.dumps({"text": text, "spans": _spans(text)}) + "\n" for text, _ in ROWS).encode()
ANSWERS = "".join(
    json.dumps({"question": "which?", "context": t, "answers": {"text": ["text"], "answer_start": [2]}}) + "\n"
    for t, _ in ROWS
).encode()
REWRITTEN = "".join(json.dumps({"source": text, "target": text.upper()}) + "\n" for text, _ in ROWS).encode()
SCORES = ("text,score\n" + "".join(f'"{text}",{n / 7}\n' for n, (text, _) in enumerate(ROWS))).encode()
LABELS = ("text,labels\n" + "".join(f'"{text}",{label}|x{n % 4}\n' for n, (text, label) in enumerate(ROWS))).encode()
SOUND = {
    "data.csv": CSV,
    "data.tsv": TSV,
    "data.jsonl": JSONL,
    "data.txt": PLAIN,
    "data.parquet": PARQUET,
    "data.csv.gz": gzip.compress(CSV),
    "data.parquet.gz": gzip.compress(PARQUET),
}
OF_TASKS = {  # task → files of it
    "question-answering": {"data.json": _squad(), "data.jsonl": ANSWERS, "data.json.gz": gzip.compress(_squad())},
    "token-classification": {"data.conll": CONLL, "data.jsonl": SPANS},
    "rewrite": {"data.jsonl": REWRITTEN},
    "regression": {"data.csv": SCORES},
    "multi-label": {"data.csv": LABELS},
}
KINDS = [(task, name) for task, files in OF_TASKS.items() for name in files]
ODD = [
    *(b"\0", b"\r", b"\n", b"\r\n", b'"', b'""', b",", b";", b"\t", b"\\", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe9"),
    *(
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
        b"\xe2\x80\x8b",
        b"\x1f\x8b",
        b"PK\x03\x04",
        b"PAR1",
        b"NaN",
        b"null",
        b"1e999",
    ),
    *(
        b"1e999",
        b"[" * 3000,
        b'{"a":' * 3000,
        b"9" * 5000,
        b'"\\ud800"',
        b"text,label\n",
        b"__label__",
        b"=cmd|' /C calc'!A0",
    ),
]


@st.composite
def spoiled(draw: st.DrawFn, content: bytes) -> bytes:
    """The content with one to four changes."""
    for _ in range(draw(st.integers(1, 4))):
        content = _changed(draw, content)
    return content


def _changed(draw: st.DrawFn, content: bytes) -> bytes:
    size = len(content)
    place, end = sorted((draw(st.integers(0, size)), draw(st.integers(0, size))))
    kind = draw(st.sampled_from(("flip", "insert", "cut", "remove", "double", "replace", "encode", "bytes")))
    if kind == "flip" and place < size:
        return content[:place] + bytes([content[place] ^ (1 << draw(st.integers(0, 7)))]) + content[place + 1 :]
    if kind == "insert":
        return content[:place] + draw(st.sampled_from(ODD)) + content[place:]
    if kind == "cut":
        return content[:place]
    if kind == "remove":
        return content[:place] + content[end:]
    if kind == "double":
        return content[:end] + content[place:]
    if kind == "replace":
        return content[:place] + draw(st.binary(max_size=end - place)) + content[end:]
    if kind == "encode":
        codec = draw(st.sampled_from(("utf-16", "utf-32", "latin-1", "cp1252", "utf-7")))
        return content.decode("utf-8", "replace").encode(codec, "replace")
    return draw(st.binary(max_size=200))
