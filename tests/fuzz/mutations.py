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
SOUND = {
    "data.csv": CSV,
    "data.tsv": TSV,
    "data.jsonl": JSONL,
    "data.txt": PLAIN,
    "data.parquet": PARQUET,
    "data.csv.gz": gzip.compress(CSV),
    "data.parquet.gz": gzip.compress(PARQUET),
}
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
