"""Objects in Python, from the standard library and from three others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from graft.data.read import read
from graft.errors import DataError

datasets = pytest.importorskip("datasets", reason="the extra `datasets` is not installed")

TEXTS = [f"a text of its own {number}" for number in range(12)]
NAMES = ["ab"[number % 2] for number in range(12)]
CODES = [number % 2 for number in range(12)]
OBJECTS: dict[str, Any] = {
    "pairs": list(zip(TEXTS, NAMES, strict=True)),
    "lists of two": [list(pair) for pair in zip(TEXTS, NAMES, strict=True)],
    "dicts": [{"text": text, "label": label} for text, label in zip(TEXTS, NAMES, strict=True)],
    "dict of lists": {"text": TEXTS, "label": NAMES},
    "two lists": (TEXTS, NAMES),
    "two arrays": (np.array(TEXTS), np.array(NAMES)),
    "pandas": pd.DataFrame({"text": TEXTS, "label": NAMES}),
    "pandas categories": pd.DataFrame({"text": TEXTS, "label": pd.Categorical(NAMES)}),
    "pandas with another index": pd.DataFrame({"text": TEXTS, "label": NAMES}, index=range(50, 62)),
    "pandas series": (pd.Series(TEXTS), pd.Series(NAMES)),
    "polars": pl.DataFrame({"text": TEXTS, "label": NAMES}),
    "datasets": datasets.Dataset.from_dict({"text": TEXTS, "label": NAMES}),
    "class label": datasets.Dataset.from_dict(
        {"text": TEXTS, "label": CODES},
        features=datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["a", "b"])}),
    ),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_all_objects_give_the_same_rows(kind: str) -> None:
    dataset = read(OBJECTS[kind])
    assert list(dataset.parts["train"].texts) == TEXTS
    assert [dataset.classes[code] for code in dataset.parts["train"].codes] == NAMES


@pytest.mark.parametrize("labels", [CODES, np.array(CODES), pd.Series(CODES), [np.int64(code) for code in CODES]])
def test_integer_labels_of_any_library_are_integers(labels: Any) -> None:
    assert read((TEXTS, labels)).classes == ("0", "1")


def test_splits_of_a_dict_and_of_a_dataset_dict() -> None:
    table = datasets.Dataset.from_dict({"text": TEXTS, "label": NAMES})
    for data in (datasets.DatasetDict(train=table, dev=table), {"train": OBJECTS["pairs"], "dev": OBJECTS["pandas"]}):
        assert {name: len(rows) for name, rows in read(data).parts.items()} == {"train": 12, "validation": 12}


def test_a_split_with_withheld_labels_is_left_and_said() -> None:
    features = OBJECTS["class label"].features
    hidden = datasets.Dataset.from_dict({"text": TEXTS, "label": [-1] * 12}, features=features)
    dataset = read(datasets.DatasetDict(train=OBJECTS["class label"], test=hidden))
    assert list(dataset.parts) == ["train"]
    assert any("withheld" in note for note in dataset.notes)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
def test_a_missing_text_is_a_problem_not_the_word_nan(missing: Any) -> None:
    frame = pd.DataFrame({"text": [*TEXTS[:11], missing], "label": NAMES})
    with pytest.raises(DataError, match="no text") as caught:
        read(frame)
    assert caught.value.problems[0].line == 12


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ((TEXTS, NAMES[:5]), "differ in length"),
        ([*OBJECTS["pairs"], "a lone text"], "not a .text, label. pair"),
        ([*OBJECTS["pairs"], ("a", "b", "c")], "not a .text, label. pair"),
        ([], "no rows"),
        (TEXTS, "no labels"),
        (pd.DataFrame([["a", "b"]], columns=["text", "text"]), "more than once"),
    ],
)
def test_defective_objects(data: Any, found: str) -> None:
    with pytest.raises(DataError, match=found) as caught:
        read(data)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("data", [3, {1, 2}, [1, 2], iter(TEXTS), ("a", "b")])
def test_what_is_no_table_is_a_programming_mistake(data: Any) -> None:
    with pytest.raises(TypeError):
        read(data)


def test_the_digest_follows_the_content() -> None:
    one, two = read(OBJECTS["pairs"]), read(OBJECTS["pandas"])
    other = read((TEXTS, NAMES[::-1]))
    assert one.sources[0].digest == two.sources[0].digest != other.sources[0].digest
