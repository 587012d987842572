"""SQuAD's JSON: read, and told apart from other JSON."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import answered
import pytest

from graft.data.files.folder import scan
from graft.data.read import ReadOptions, read
from graft.errors import DataError


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_questions_are_numbered_from_one(tmp_path):
    path = write(tmp_path / "train-v2.0.json", answered.articles(8, 0.2))
    rows = read(path).parts["train"]
    assert rows.lines.tolist() == list(range(1, 33))
    assert rows.targets.articles.tolist() == [number // 4 for number in range(32)]


def test_a_packed_file_and_a_folder_of_splits_are_read(tmp_path):
    for name, seed in (("train-v1.1.json.gz", 0), ("dev-v1.1.json.gz", 1)):
        with gzip.open(tmp_path / name, "wt", encoding="utf-8") as file:
            json.dump(answered.articles(6, seed=seed), file)
    dataset = read(tmp_path)
    assert set(dataset.parts) == {"train", "validation"}
    with pytest.raises(DataError, match="unpacks to more"):
        read(tmp_path / "train-v1.1.json.gz", options=ReadOptions(max_bytes=100))


def test_json_beside_other_data_is_about_them(tmp_path):
    write(tmp_path / "train.csv", "text,label\n")
    write(tmp_path / "test.json", "{}")
    assert set(scan(tmp_path).parts) == {"train"}
    assert scan(tmp_path).ignored == ("test.json",)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([{"text": "a"}], "unless it has SQuAD's form"),
        ({"rows": []}, "unless it has SQuAD's form"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ({"data": []}, "holds no question"),
        ({"data": [3]}, r"data\[0\] has no list 'paragraphs'"),
        ({"data": [{"paragraphs": [{"context": "a"}]}]}, r"data\[0\].paragraphs\[0\] has no list 'qas'"),
        ({"data": [{"paragraphs": [{"context": "a", "qas": [3]}]}]}, r"a question in data\[0\].paragraphs\[0\] is no"),
        ({"data": [{"paragraphs": [{"qas": [{"question": "a", "answers": []}]}]}]}, "no text"),
    ],
)
def test_what_is_no_squad_is_told(tmp_path, content, found):
    with pytest.raises(DataError, match=found):
        read(write(tmp_path / "data.json", content))


def test_bytes_that_are_no_text_are_told(tmp_path):
    (tmp_path / "data.json").write_bytes(b'{"data": "\xe9"}')
    with pytest.raises(DataError, match="byte 11 of the file is not UTF-8"):
        read(tmp_path / "data.json")
