"""Sources and targets: which columns they stand in, what is refused, and what is told of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.references import References, references_of
from graft.data.splitting.split import split
from graft.errors import DataError

REWRITE = ReadOptions(task="rewrite")


def jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(count: int = 40) -> list[dict[str, object]]:
    return [
        {"id": f"r{n}", "source": f"text number {n} is here", "target": f"Text number {n} is here."}
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("source", "target"),
    [("source", "target"), ("document", "summary"), ("dialogue", "summary"), ("input_text", "target_text")],
)
def test_usual_names_are_recognised(source: str, target: str, tmp_path: Path) -> None:
    table = [{"topic": "news", source: row["source"], target: row["target"]} for row in rows()]
    dataset = read(jsonl(tmp_path / "a.jsonl", table), options=REWRITE)
    assert (dataset.columns.text, dataset.columns.label) == (source, target)
    assert dataset.task == "rewrite"
    assert dataset.classes == ()
    assert references_of(dataset.parts["train"].targets).of(0, 2) == [
        ["Text number 0 is here."],
        ["Text number 1 is here."],
    ]


def test_named_columns_win_and_one_may_be_enough(tmp_path: Path) -> None:
    table = [{"a": f"one {n} x", "b": f"two {n} y"} for n in range(20)]
    path = jsonl(tmp_path / "a.jsonl", table)
    assert read(path, options=REWRITE).columns.text == "a"
    dataset = read(path, label="a", options=REWRITE)
    assert (dataset.columns.text, dataset.columns.label) == ("b", "a")


@pytest.mark.parametrize("form", ["csv", "parquet", "pairs"])
def test_other_forms(form: str, tmp_path: Path) -> None:
    import pandas

    table = pandas.DataFrame(rows()).drop(columns="id")
    path = tmp_path / f"a.{form}"
    data: object = path
    if form == "csv":
        table.to_csv(path, index=False)
    elif form == "parquet":
        table.to_parquet(path)
    else:
        data = list(table.itertuples(index=False, name=None))
    dataset = read(data, options=REWRITE)
    assert references_of(dataset.parts["train"].targets).of(3, 4) == [["Text number 3 is here."]]


def test_several_references_are_kept(tmp_path: Path) -> None:
    table = [{"document": f"d {n} d", "summaries": [f"s {n}", f"t {n}"][: 1 + n % 2]} for n in range(20)]
    splits = split(read(jsonl(tmp_path / "a.jsonl", table), options=REWRITE))
    found = splits.train.targets
    assert isinstance(found, References)
    assert {len(row) for row in found.of(0, len(found))} == {1, 2}
    assert list(found.firsts) == [row[0] for row in found.of(0, len(found))]
    taken = found.take(np.array([2, 0]))
    assert taken.of(0, 2) == [found.of(2, 3)[0], found.of(0, 1)[0]]
    assert any("several references" in note for note in splits.summary.notes)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"target": ""}, r"no target \('target' is empty\)"),
        ({"target": []}, "no target"),
        ({"target": 3}, "holds 3, which is no text"),
        ({"target": ["a", 5]}, "holds 5"),
        ({"source": None}, "the row has no text"),
        ({"target": "half \ud800"}, "surrogate"),
    ],
)
def test_rows_that_cannot_be_learnt_are_told(change: dict[str, object], told: str, tmp_path: Path) -> None:
    table = rows()
    table[4] |= change
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in table), encoding="utf-8")
    with pytest.raises(DataError, match=told):
        read(path, options=REWRITE)


def test_rows_without_target_may_be_dropped(tmp_path: Path) -> None:
    table = rows()
    table[4]["target"] = None
    dataset = read(jsonl(tmp_path / "a.jsonl", table), options=ReadOptions(task="rewrite", unlabelled="drop"))
    assert len(dataset.parts["train"]) == 39


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"text": "sauce"}, "did you mean --text source"),
        ({"text": "source", "label": "source"}, "both the source and the target"),
        ({"text": ("source", "target")}, "not from a pair"),
    ],
)
def test_columns_that_cannot_be_are_told(named: dict[str, object], told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=told):
        read(jsonl(tmp_path / "a.jsonl", rows()), options=REWRITE, **named)  # type: ignore[arg-type]


def test_columns_that_cannot_be_told_are_asked_for(tmp_path: Path) -> None:
    table = [{"a": f"a {n} b", "b": f"b {n} c", "c": f"c {n} d"} for n in range(20)]
    with pytest.raises(DataError, match=r"(?s)cannot be told.*name both"):
        read(jsonl(tmp_path / "a.jsonl", table), options=REWRITE)


def test_targets_that_are_their_sources_are_refused(tmp_path: Path) -> None:
    table = [{"source": f"row {n} x", "target": f"row {n} x"} for n in range(20)]
    with pytest.raises(DataError, match="the same in every row"):
        split(read(jsonl(tmp_path / "a.jsonl", table), options=REWRITE))


def test_what_numbers_may_be_flattered_by_is_told(tmp_path: Path) -> None:
    table = rows()
    for row in table[:8]:
        row["target"] = row["source"]
    test = [{"source": f"another text {n}", "target": "Text number 9 is here."} for n in range(10)]
    dataset = read(jsonl(tmp_path / "a.jsonl", table), test=jsonl(tmp_path / "t.jsonl", test), options=REWRITE)
    notes = "\n".join(split(dataset).summary.notes)
    assert "8 rows of train" in notes or "target that is the source itself" in notes
    assert "WARNING: 10 targets of test (100.0%) also stand in train" in notes
