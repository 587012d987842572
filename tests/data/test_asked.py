"""What a model is asked about: texts in any iterable, and no table, whose names would be taken for texts."""

from __future__ import annotations

from typing import Any

import datasets
import pandas
import polars
import pyarrow
import pytest

from graft.data.asked import CHUNK, asked
from graft.data.stream import BATCH_CHARACTERS

COLUMNS = {"text": ["good soup", "bad soup"], "label": ["good", "bad"]}
TABLES = {
    "dict": COLUMNS,
    "pandas": pandas.DataFrame(COLUMNS),
    "polars": polars.DataFrame(COLUMNS),
    "pyarrow": pyarrow.table(COLUMNS),
    "datasets": datasets.Dataset.from_dict(COLUMNS),
}


@pytest.mark.parametrize("kind", ["texts", "pairs", "words", "questions"])
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_refused(table: Any, kind: Any) -> None:
    with pytest.raises(TypeError, match="not a table: give one column"):
        list(asked(table, kind))


@pytest.mark.parametrize("table", [table for name, table in TABLES.items() if name != "pyarrow"])
def test_its_column_is_read(table: Any) -> None:
    (rows,) = asked(table["text"], "texts")
    assert list(rows.texts) == COLUMNS["text"]


def test_texts_come_in_chunks_as_they_are_read() -> None:
    assert [len(rows) for rows in asked((f"text {n}" for n in range(CHUNK + 1)), "texts")] == [CHUNK, 1]


def test_chunks_hold_so_many_texts_in_their_order():
    texts = [str(number) for number in range(CHUNK + 3)]
    chunks = list(asked(iter(texts), "texts"))
    assert [len(rows) for rows in chunks] == [CHUNK, 3]
    assert [text for rows in chunks for text in rows.texts] == texts


@pytest.mark.parametrize("kind", ["texts", "pairs", "words"])
def test_long_ones_come_in_smaller_chunks(kind):
    text = "soup " * (BATCH_CHARACTERS // 10 + 1)
    one = {"texts": text, "pairs": ("soup", text), "words": [text, "soup"]}[kind]
    assert [len(rows) for rows in asked([one] * 5, kind)] == [2, 2, 1]
