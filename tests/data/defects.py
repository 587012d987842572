"""Defective inputs: each must end in one clear error that names the file, the line where there is one, and a remedy.

A defect is (name, writer, found, line). The writer puts files under a folder and returns the arguments for `read`:
`data`, and where needed `validation`, `test`, `text`, `label` or a field of `ReadOptions`; all values are strings but
`max_bytes`. `found` must stand in the message; `line` must be named in it, unless None.
"""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

Arguments = dict[str, Any]


class Defect(NamedTuple):
    name: str
    writer: Callable[[Path], Arguments]
    found: str
    line: int | None


GOOD = [f"{text} {number},{label}" for number in range(8) for text, label in (("fine food", "good"), ("dull", "bad"))]
HEADER = "text,label"


def rows(*extra: str, header: str = HEADER, good: list[str] = GOOD) -> str:
    """A CSV of 16 sound rows (lines 2 to 17) and then the extra lines (18, …)."""
    return "\n".join([header, *good, *extra]) + "\n"


def file(name: str, content: str | bytes, **more: Any) -> Callable[[Path], Arguments]:
    """A writer of one file, which is the data."""

    def write(folder: Path) -> Arguments:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return {"data": str(path), **more}

    return write


def with_test(content: str, option: str = "test") -> Callable[[Path], Arguments]:
    """A writer of a sound train file and a defective second one."""

    def write(folder: Path) -> Arguments:
        (folder / "train.csv").write_text(rows(), encoding="utf-8")
        (folder / "other.csv").write_text(content, encoding="utf-8")
        return {"data": str(folder / "train.csv"), option: str(folder / "other.csv")}

    return write


def files(names: dict[str, str]) -> Callable[[Path], Arguments]:
    """A writer of a folder, which is the data."""

    def write(folder: Path) -> Arguments:
        for name, content in names.items():
            (folder / name).write_text(content, encoding="utf-8")
        return {"data": str(folder)}

    return write


def jsonl(*extra: object) -> str:
    """Ten sound objects (lines 1 to 10), then the extra lines, strings as they are."""
    sound = [{"text": f"a sound row {number}", "label": "ab"[number % 2]} for number in range(10)]
    return "\n".join([*map(json.dumps, sound), *(x if isinstance(x, str) else json.dumps(x) for x in extra)]) + "\n"


def parquet(columns: dict[str, list[Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def numbered(label: Callable[[int], object], start: str = "text of row ", count: int = 60) -> str:
    return "\n".join([HEADER, *(f"{start}{number},{label(number)}" for number in range(count))]) + "\n"


def table(header: str, row: str) -> str:
    """Twelve rows: {0} is the number, {1} one of two classes."""
    return "\n".join([header, *(row.format(number, "ab"[number % 2]) for number in range(12))]) + "\n"


def twice_packed() -> bytes:
    return gzip.compress(gzip.compress(rows().encode()))


def same(text: str, count: int) -> bytes:
    """A Parquet file of one text many times, which takes next to no room."""
    return parquet({"text": [text] * count, "label": ["a", "b"] * (count // 2)})


LONG_CELL = parquet({"text": ["short", "x" * 10_000_001], "label": ["a", "b"]})
DEEP = '{"text": "x", "label": ' + "[" * 100_000
STORY = "one long headline {0},the whole story {0},{1}"
FASTTEXT = "__label__a one\n__label__b two\n__label__a __label__b x\n"
FILES = [
    Defect("no such file", lambda folder: {"data": str(folder / "reviews.csv")}, "no such file", None),
    Defect("empty file", file("empty.csv", ""), "the file is empty", None),
    Defect("blank lines only", file("blank.csv", "\n\n\n"), "only blank lines", None),
    Defect("header only", file("header.csv", HEADER + "\n"), "no row under it", 1),
    Defect("unknown extension", file("data.dat", rows()), "format cannot be told", None),
    Defect("JSON, not JSON Lines", file("data.json", "[]"), "a .json file is not read", None),
    Defect("workbook named .csv", file("book.csv", b"PK\x03\x04" + b"\0" * 40), "Excel workbook", None),
    Defect("spreadsheet", file("book.xlsx", b"PK\x03\x04"), "spreadsheet", None),
    Defect("image named .csv", file("image.csv", b"\x89PNG\r\n\x1a\n" + b"\0" * 40), "PNG", None),
    Defect("image by its own name", file("image.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40), "a PNG image", None),
    Defect("image named .parquet", file("image.parquet", b"\x89PNG\r\n\x1a\n"), "a PNG image, not Parquet", None),
    Defect("zip archive", file("data.zip", b"PK\x03\x04" + b"\0" * 40), "a zip archive", None),
    Defect("tar archive in gzip", file("data.tar.gz", gzip.compress(b"\0" * 257 + b"ustar")), "a tar archive", None),
    Defect("random bytes", file("noise.csv", random.Random(0).randbytes(3000)), "binary file", None),
    Defect("UTF-16 without a mark", file("wide.csv", rows().encode("utf-16-le")), "UTF-16 without", None),
    Defect("Parquet without a suffix", file("table", parquet({"text": ["a"], "label": ["b"]})), "Parquet", None),
    Defect("text named .parquet", file("t.parquet", rows()), "text, not Parquet", None),
    Defect("Parquet named .csv", file("table.csv", parquet({"text": ["a"], "label": ["b"]})), "Parquet", None),
    Defect("gzip named .csv", file("packed.csv", gzip.compress(rows().encode())), "compressed by gzip", None),
    Defect("text named .gz", file("plain.csv.gz", rows()), "not gzip", None),
    Defect("gzip cut off", file("cut.csv.gz", gzip.compress(rows().encode())[:-20]), "damaged or cut off", None),
    Defect(
        "gzip bomb", file("bomb.csv.gz", gzip.compress(rows("x,good\n" * 9999).encode()), max_bytes=9999), "9,999", None
    ),
    Defect("Latin-1", file("latin.csv", rows("café,good").encode("latin-1")), "0xE9", 18),
    Defect("UTF-16", file("wide.csv", rows().encode("utf-16")), "UTF-16", None),
    Defect("NUL byte", file("nul.csv", rows("a\0b,good")), "NUL", 18),
    Defect("UTF-16, the other way round", file("wide.csv", b"\xfe\xff" + rows().encode("utf-16-be")), "UTF-16", None),
    Defect("UTF-32", file("wide.csv", rows().encode("utf-32")), "UTF-32", None),
    Defect("Windows quotes", file("win.csv", rows("\u201cfine\u201d,good").encode("cp1252")), "--encoding cp1252", 18),
    Defect("packed twice", file("twice.csv.gz", twice_packed()), "compressed twice", None),
    Defect("Parquet bomb", file("bomb.parquet", same("x" * 999, 2000), max_bytes=99999), "99,999", None),
    Defect("Parquet cell of ten megabytes", file("long.parquet", LONG_CELL), "10,000,000 bytes", 2),
    Defect("cell of ten megabytes", file("cell.csv", rows(f'"{"x" * 10_000_001}",good')), "10,000,000 char", 18),
    Defect("cell of a million lines", file("cell.csv", rows('"' + "a line\n" * 1_700_000)), 'is a " not closed', 18),
    Defect("a line without end", file("long.txt", "x" * 10_000_001), "10,000,000 characters", 1),
    Defect("folder without data", files({"README.md": "nothing here"}), "no data file", None),
    Defect("folder without train", files({"one.csv": rows(), "two.csv": rows()}), "one.csv, two.csv", None),
    Defect("two train files", files({"train.csv": rows(), "train.jsonl": jsonl()}), "both train.csv and", None),
]
TABLES = [
    Defect("ragged row", file("ragged.csv", rows("good, but dear,good")), "3 cells", 18),
    Defect("unclosed quote", file("open.csv", rows('"never closed,good', "next,bad")), "never closed", 18),
    Defect("text after a quote", file("quote.csv", rows('"closed" early,good')), "closing", 18),
    Defect("two columns of one name", file("twice.csv", rows(header="text,text")), "more than once", 1),
    Defect("no header line", file("bare.csv", "\n".join(GOOD)), "not like a header", 1),
    Defect("files joined with their marks", file("joined.csv", rows("\ufefftext,label", "x,good")), "occurs again", 18),
    Defect("columns of one name but for spaces", file("twice.csv", rows(header="label, label")), "more than once", 1),
    Defect("header again", file("joined.csv", rows(HEADER)), "occurs again", 18),
    Defect("no such text column", file("data.csv", rows(), text="txet"), "did you mean --text text", None),
    Defect("no such label column", file("data.csv", rows(), label="lable"), "did you mean --label label", None),
    Defect("one column for both", file("data.csv", rows(), text="text", label="text"), "both the text and", None),
    Defect("numeric text", file("data.csv", numbered(lambda n: n % 2, "")), "no column looks like texts", None),
    Defect(
        "two texts", file("two.csv", table("head,story,label", STORY)), "more than one column looks like texts", None
    ),
    Defect("two labels", file("two.csv", table("text,hue,size", "text {0},{1},{1}")), "could be the label", None),
    Defect("unlabelled texts", file("texts.txt", "first text\nsecond text\n"), "no labels", None),
    Defect("line without tab", file("tab.txt", "a\tone\nb\ttwo\n" * 9 + "three\n"), "no tab", 19),
    Defect("two labels in fastText", file("ft.txt", FASTTEXT), "several labels", 3),
    Defect("line that is not JSON", file("bad.jsonl", jsonl("{oops}")), "not valid JSON", 11),
    Defect("line that is no object", file("bad.jsonl", jsonl([1, 2])), "an array, not an object", 11),
    Defect("JSON array", file("bad.jsonl", '[{"text": "a", "label": "b"}]'), "one JSON array", 1),
    Defect("one key twice", file("bad.jsonl", jsonl('{"text": "a", "text": "b", "label": "a"}')), "'text' more", 11),
    Defect("JSON without end", file("bad.jsonl", jsonl(DEEP)), "JSON", 11),
    Defect("number of 5,000 digits", file("bad.jsonl", jsonl('{"text": "a", "label": %s}' % ("9" * 5000))), "JSON", 11),
    Defect("text that is null", file("bad.jsonl", jsonl({"text": None, "label": "a"})), "no text", 11),
    Defect("object without text", file("bad.jsonl", jsonl({"label": "a"})), "no text", 11),
    Defect("text that is a number", file("bad.jsonl", jsonl({"text": 3, "label": "a"})), "the number 3", 11),
    Defect("half a surrogate pair", file("bad.jsonl", jsonl('{"text": "\\ud800", "label": "a"}')), "surrogate", 11),
    Defect("Parquet cut off", file("t.parquet", parquet({"text": ["a"], "label": ["b"]})[:-9]), "damaged", None),
    Defect("Parquet without rows", file("t.parquet", parquet({"text": [], "label": []})), "no rows", None),
]
LABELS = [
    Defect("row without label", file("data.csv", rows("an unlabelled text,")), "no label", 18),
    Defect("NaN as label", file("data.jsonl", jsonl('{"text": "x", "label": NaN}')), "no label", 11),
    Defect("labels of two types", file("data.jsonl", jsonl({"text": "x", "label": 1})), "different types", 11),
    Defect("list as label", file("data.jsonl", jsonl({"text": "x", "label": ["a", "b"]})), "is a list", 11),
    Defect("one class", file("one.csv", numbered(lambda _: "same")), "the same label", None),
    Defect("a label per row", file("all.csv", numbered(lambda n: f"name{n}")), "does not look like classes", None),
    Defect("scores", file("scores.csv", numbered(lambda n: n / 8), task="classification"), "decimal numbers", 3),
    Defect("a word among numbers", file("n.csv", numbered(lambda n: n / 8 if n < 30 else "n/a")), "not a number", 32),
    Defect("many integers", file("prices.csv", numbered(lambda n: n // 2)), "30 different numbers", None),
    Defect("joined labels", file("multi.csv", rows("both,good|bad")), "multi-label", 18),
    Defect("variants in case", file("case.csv", rows("x,Good")), "'Good' (1 row), 'good' (8 rows)", 18),
    Defect("variants in spaces", file("space.csv", rows("x,good ")), "'good' (8 rows), 'good ' (1 row)", 18),
    Defect("variants in width", file("wide.csv", rows("x,\uff47\uff4f\uff4f\uff44")), "differ only in", 18),
    Defect("nothing but width in a label", file("zero.csv", rows("x,go\u200bod")), "U+200B ZERO WIDTH SPACE", 18),
    Defect("direction in a label", file("bidi.csv", rows("x,\u202egood")), "U+202E RIGHT-TO-LEFT OVERRIDE", 18),
    Defect("new line in a label", file("line.csv", rows('x,"go\nod"')), "U+000A", 18),
    Defect("text as a label", file("long.csv", rows(f"x,{'y' * 501}", f"x,{'y' * 501}")), "501 characters", 18),
    Defect(
        "no row left",
        file("none.csv", numbered(lambda _: ""), label="label", unlabelled="drop"),
        "no row is left",
        None,
    ),
    Defect("class unseen in train", with_test("text,label\na,good\nb,awful\n"), "'awful'", 3),
    Defect("test without its columns", with_test("text,mark\na,good\n"), "no column 'label'", None),
    Defect("validation without rows", with_test("text,label\n", "validation"), "no row under it", 1),
    Defect("unknown encoding", file("data.csv", rows(), encoding="utf-9"), "utf-9", None),
]
DEFECTS = FILES + TABLES + LABELS
