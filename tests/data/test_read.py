"""Every format gives the same rows, and nothing in them is changed."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.table import Dataset
from graft.errors import DataError

Pairs = list[tuple[str, str]]

# What other readers turn into missing values, numbers or trimmed strings.
TRICKY: Pairs = [
    ("NA", "yes"),
    ("null", "no"),
    ("None", "yes"),
    ("", "no"),
    ("nan", "yes"),
    ("  spaces  ", "no"),
    ("007", "yes"),
    ("1e3", "no"),
    ("two\nlines", "yes"),
    ('a "quoted" word, and a comma', "no"),
    ("naïve café 😀 \u2028 end", "yes"),
    ("tab\there", "no"),
    ("plain text of some length", "yes"),
    ("another plain text", "no"),
]


def write_csv(path: Path, pairs: Pairs, delimiter: str = ",") -> None:
    with (gzip.open if path.suffix == ".gz" else open)(path, "wt", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("text", "label"), *pairs])


def write_jsonl(path: Path, pairs: Pairs) -> None:
    with (gzip.open if path.suffix == ".gz" else open)(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in pairs)


def write_parquet(path: Path, pairs: Pairs) -> None:
    whole = path.with_suffix("") if path.suffix == ".gz" else path
    pq.write_table(pa.table({"text": [text for text, _ in pairs], "label": [label for _, label in pairs]}), whole)
    if whole != path:
        path.write_bytes(gzip.compress(whole.read_bytes()))


WRITERS: dict[str, Callable[[Path, Pairs], None]] = {
    "csv": write_csv,
    "tsv": lambda path, pairs: write_csv(path, pairs, "\t"),
    "jsonl": write_jsonl,
    "ndjson": write_jsonl,
    "parquet": write_parquet,
}


def pairs_of(dataset: Dataset) -> Pairs:
    rows = dataset.parts["train"]
    return [(text, dataset.classes[code]) for text, code in zip(rows.texts, rows.codes, strict=True)]


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", WRITERS)
def test_texts_and_labels_stay_what_they_are(kind: str, packed: str, tmp_path: Path) -> None:
    path = tmp_path / f"tricky.{kind}{packed}"
    WRITERS[kind](path, TRICKY)
    dataset = read(path)
    assert pairs_of(dataset) == TRICKY
    assert dataset.name == "tricky"
    assert dataset.sources[0].rows == len(TRICKY)
    assert dataset.sources[0].bytes == path.stat().st_size


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, dict])
def test_frames_stay_what_they_are(make: Callable[[dict[str, list[str]]], object]) -> None:
    columns = {"text": [text for text, _ in TRICKY], "label": [label for _, label in TRICKY]}
    assert pairs_of(read(make(columns))) == TRICKY


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(TEXT, min_size=4, max_size=20))
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_any_text_survives(kind: str, texts: list[str], tmp_path: Path) -> None:
    pairs = [(text, "ab"[place % 2]) for place, text in enumerate(["some ordinary words", *texts])]
    path = tmp_path / f"any.{kind}"
    WRITERS[kind](path, pairs)
    assert pairs_of(read(path, text="text", label="label")) == pairs


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_labels_that_look_like_numbers_stay_apart(kind: str, tmp_path: Path) -> None:
    pairs = [(f"text number {place}", ["7", "007", "NA", "null"][place % 4]) for place in range(12)]
    path = tmp_path / f"numbers.{kind}"
    WRITERS[kind](path, pairs)
    dataset = read(path)
    assert dataset.classes == ("007", "7", "NA", "null")
    assert pairs_of(dataset) == pairs


def test_whole_numbers_are_sorted_by_number(tmp_path: Path) -> None:
    pairs = [(f"text number {place}", str(place % 12)) for place in range(48)]
    write_csv(tmp_path / "n.csv", pairs)
    assert read(tmp_path / "n.csv").classes == tuple(map(str, range(12)))


def test_classes_do_not_depend_on_the_order_of_rows(pairs: Pairs) -> None:
    assert read(pairs).classes == read(pairs[::-1]).classes == ("bad", "good")


def test_lines_are_those_on_which_rows_start(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text('text,label\n"one\ntwo\nthree",a\n\nnext,b\nlast,a\n', encoding="utf-8")
    dataset = read(path)
    assert dataset.parts["train"].lines.tolist() == [2, 6, 7]
    assert any("1 blank line" in note for note in dataset.notes)


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes("\ufefftext;label\r\neins;a\r\nzwei;b\r\n".encode())
    dataset = read(path)
    assert pairs_of(dataset) == [("eins", "a"), ("zwei", "b")]
    assert any("semicolon" in note for note in dataset.notes)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_line_that_tells_spreadsheets_the_delimiter_is_no_header(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "excel.csv"
    rows = [("text", "label"), ("eins, zwei" if delimiter != "," else "eins", "a"), ("drei", "b")]
    path.write_text("\n".join([f"sep={delimiter}", *map(delimiter.join, rows)]), encoding="utf-8")
    dataset = read(path)
    assert pairs_of(dataset) == rows[1:]
    assert dataset.parts["train"].lines.tolist() == [3, 4]


@pytest.mark.parametrize("title", ["Customer feedback 2024,", "Customer feedback 2024", "# made on Monday\n"])
def test_a_title_above_the_header_is_told_from_it(tmp_path: Path, title: str) -> None:
    path = tmp_path / "titled.csv"
    path.write_text(f"{title}\ntext,label\none,a\ntwo,b\n", encoding="utf-8")
    with pytest.raises(DataError) as refused:
        read(path)
    (problem,) = refused.value.problems
    assert problem.line == 1
    assert "no header" in problem.found
    assert "line 2" in problem.remedy or "line 3" in problem.remedy


@pytest.mark.parametrize("label", ["spam", "question", "review"])
def test_a_column_without_a_name_makes_no_header_of_a_row(tmp_path: Path, label: str) -> None:
    path = tmp_path / "pandas.csv"
    path.write_text(f",text,label\n0,one thing,{label}\n1,two things,ham\n", encoding="utf-8")
    assert pairs_of(read(path)) == [("one thing", label), ("two things", "ham")]
    path.write_text("text,label\nHello, world,spam\nfine,ham\n", encoding="utf-8")
    with pytest.raises(DataError, match="the row has 3 cells where the header has 2"):
        read(path)


def test_another_encoding_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("text,label\ncafé noir,a\nthé vert,b\n".encode("latin-1"))
    assert pairs_of(read(path, options=ReadOptions(encoding="latin-1")))[0] == ("café noir", "a")


def test_quotes_can_be_ordinary_characters(tmp_path: Path) -> None:
    path = tmp_path / "raw.tsv"
    path.write_text('text\tlabel\n"Hello" she said\ta\n"never closed\tb\n', encoding="utf-8")
    dataset = read(path, options=ReadOptions(quoting="none"))
    assert pairs_of(dataset) == [('"Hello" she said', "a"), ('"never closed', "b")]


def test_rows_without_label_can_be_dropped(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("text,label\none,a\ntwo,\nthree,b\nfour, \n", encoding="utf-8")
    dataset = read(path, options=ReadOptions(unlabelled="drop"))
    assert pairs_of(dataset) == [("one", "a"), ("three", "b")]
    assert dataset.parts["train"].lines.tolist() == [2, 4]
    assert any("2 rows without a label dropped" in note for note in dataset.notes)


def test_the_digest_is_that_of_the_bytes(tmp_path: Path, pairs: Pairs) -> None:
    write_csv(tmp_path / "one.csv", pairs)
    write_csv(tmp_path / "two.csv", pairs)
    write_csv(tmp_path / "three.csv", pairs[::-1])
    one, two, three = (read(tmp_path / f"{name}.csv").sources[0].digest for name in ("one", "two", "three"))
    assert one == two != three


def test_separate_files_are_matched_by_class_name(tmp_path: Path, pairs: Pairs) -> None:
    write_csv(tmp_path / "a.csv", pairs)
    write_jsonl(tmp_path / "b.jsonl", [("a new text", "good")])
    write_csv(tmp_path / "c.tsv", [("a third text", "bad")], "\t")
    dataset = read(tmp_path / "a.csv", validation=tmp_path / "b.jsonl", test=str(tmp_path / "c.tsv"))
    assert dataset.parts["validation"].codes.tolist() == [1]
    assert dataset.parts["test"].codes.tolist() == [0]
    assert [source.format for source in dataset.sources] == ["csv", "jsonl", "tsv"]
    assert any("no row of 'bad'" in note for note in dataset.notes)


def test_the_parts_come_in_order(tmp_path: Path, pairs: Pairs) -> None:
    for name in ("dev.csv", "train.csv", "test.csv"):
        write_csv(tmp_path / name, pairs)
    assert list(read(tmp_path).parts) == ["train", "validation", "test"]


def test_codes_fit_the_table(pairs: Pairs) -> None:
    rows = read(pairs).parts["train"]
    assert rows.codes.dtype == np.int32
    assert rows.lines.tolist() == list(range(1, len(pairs) + 1))


def test_the_format_can_be_named(tmp_path: Path, pairs: Pairs) -> None:
    write_csv(tmp_path / "export.dat", pairs)
    assert pairs_of(read(tmp_path / "export.dat", options=ReadOptions(format="csv"))) == pairs


def test_a_mistyped_path_gets_the_nearest_one(tmp_path: Path, pairs: Pairs) -> None:
    write_csv(tmp_path / "reviews.csv", pairs)
    with pytest.raises(DataError, match=r"did you mean .*reviews\.csv"):
        read(tmp_path / "reveiws.csv")
