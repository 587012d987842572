"""Tables as HTML."""

from __future__ import annotations

import math
import re

import pytest

from graft.report.blocks import Column, Estimate, Table
from graft.report.tables import table

COLUMNS = (Column("Name"), Column("Texts", "count"), Column("F1", "range"), Column("Loss", "decimal"))


def test_cells_carry_what_they_are_sorted_by() -> None:
    drawn = table(Table("Classes", COLUMNS, (("a", 1234, Estimate(0.91, (0.85, 0.95)), 0.4),)))
    assert re.findall(r'data-value="([^"]+)"', drawn) == ["1234", "0.91", "0.4"]
    assert "1,234" in drawn
    assert "91.0%<small>85.0–95.0</small>" in drawn
    assert "<path" in drawn  # the interval, drawn


def test_missing_and_infinite_numbers_are_dashes_that_sort_last() -> None:
    drawn = table(Table("Classes", COLUMNS, (("a", None, None, math.inf),)))
    assert re.findall(r'data-value="([^"]+)"', drawn) == ["NaN", "NaN", "NaN"]
    assert drawn.count("–") == 3


def test_search_and_pages_only_where_asked() -> None:
    rows = tuple((f"n{number}", number, Estimate(0.5), 0.1) for number in range(30))
    plain = table(Table("x", COLUMNS, rows, sortable=False))
    assert "search" not in plain
    assert "pager" not in plain
    assert "<button" not in plain
    asked = table(Table("x", COLUMNS, rows, searchable=True, page=10))
    assert 'data-page="10"' in asked
    assert 'type="search"' in asked
    assert asked.count("<tr") == 31  # without scripts, every row is there


def test_a_page_longer_than_the_table_is_none() -> None:
    assert 'data-page="0"' in table(Table("x", (Column("a"),), (("1",),), page=10))


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="needs 2 cells"):
        Table("x", (Column("a"), Column("b")), (("1",),))


def test_texts_are_escaped_everywhere() -> None:
    drawn = table(
        Table("<b>", (Column("<i>", "name", '"<u>'), Column("<s>", "text")), (("<p>", "<q>"),), searchable=True)
    )
    assert not re.search(r"<[biuspq]>", drawn)


def test_endless_words_may_break_and_others_may_not() -> None:
    drawn = table(Table("x", (Column("a"),), (("W" * 90,), ("refund_not_showing_up",))))
    assert re.findall(r'class="(name[^"]*)"', drawn) == ["name endless", "name"]


def test_numbers_of_any_size_are_read() -> None:
    columns = (Column("Truth", "number"), Column("RMSE", "estimate"))
    drawn = table(Table("x", columns, ((5.123e-5, Estimate(5e-6, (4e-6, 6e-6), "number")),)))
    assert ">0.0000512<" in drawn
    assert "0.00000500<small>0.00000400–0.00000600</small>" in drawn


def test_a_drawing_of_bits_lies_within_its_frame_the_lower_to_the_left() -> None:
    rows = tuple((name, Estimate(bits, (bits - 0.1, bits + 0.1), "decimal")) for name, bits in (("a", 2.0), ("b", 2.9)))
    drawn = table(Table("x", (Column("Model"), Column("Bits", "range")), rows))
    ends = [tuple(map(float, found)) for found in re.findall(r'd="M([-\d.]+) 6H([-\d.]+)"', drawn)]
    assert all(0 <= low < high <= 132 for low, high in ends)
    assert ends[0][1] < ends[1][0]
