"""Parquet: class names that `datasets` writes, wide files, packed files that are too big."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graft.data.options import ReadOptions
from graft.data.read import read
from graft.errors import DataError

TEXTS = [f"a text of its own {number}" for number in range(12)]


def test_class_names_in_the_metadata_are_used(tmp_path: Path) -> None:
    features = {"text": {"dtype": "string"}, "label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"text": TEXTS, "label": [0, 1] * 6}).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "t.parquet")
    dataset = read(tmp_path / "t.parquet")
    assert dataset.classes == ("neg", "pos")
    assert dataset.parts["train"].codes.tolist() == [0, 1] * 6
    assert any("class names" in note for note in dataset.notes)


def test_codes_without_names_are_integers(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": TEXTS, "label": [0, 1] * 6, "vector": [[0.5]] * 12}), tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet").classes == ("0", "1")


def test_a_packed_file_has_a_limit(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": TEXTS, "label": [0, 1] * 6}), tmp_path / "t.parquet")
    (tmp_path / "t.parquet.gz").write_bytes(gzip.compress((tmp_path / "t.parquet").read_bytes()))
    with pytest.raises(DataError, match="more than 100 bytes"):
        read(tmp_path / "t.parquet.gz", options=ReadOptions(max_bytes=100))


def test_bytes_that_are_no_text_are_named_by_row(tmp_path: Path) -> None:
    """Parquet's strings are whatever was written: nobody checks them on the way."""
    cells = [b"good \xff" if row in (3, 8) else f"a text {row}".encode() for row in range(12)]
    strings = pa.Array.from_buffers(pa.string(), 12, pa.array(cells, pa.binary()).buffers())
    pq.write_table(pa.table({"text": strings, "label": ["a", "b"] * 6}), tmp_path / "t.parquet")
    with pytest.raises(DataError) as raised:
        read(tmp_path / "t.parquet")
    assert [problem.line for problem in raised.value.problems] == [4, 9]
    assert "0xff" in raised.value.problems[0].found


def test_rows_that_are_not_there_are_told(tmp_path: Path) -> None:
    """One flipped bit makes the first page one of another kind, which the library passes over without a word."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": TEXTS, "label": ["a", "b"] * 6}), path)
    content = bytearray(path.read_bytes())
    assert content[4:6] == b"\x15\x04"
    content[5] = 6
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"12 rows, but 0 were found|damaged"):
        read(path)


def test_a_name_of_a_column_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": TEXTS, "label": ["a", "b"] * 6}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"label", b"\xff\xfeabc"))
    with pytest.raises(DataError, match="damaged"):
        read(path)
