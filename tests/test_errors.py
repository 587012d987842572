"""Errors say what was found, where in the person's data, and what to do."""

from __future__ import annotations

from graft.errors import NotFinite, first_line


def test_a_loss_that_broke_is_told_by_a_place_in_the_data() -> None:
    error = NotFinite("all", range(32))
    assert "a step of 32 texts (train rows 0, 1, 2, 3, 4, …, counted from 0)" in error.found
    placed = error.at("reviews.csv, lines 2, 9")
    assert "a step of 32 texts (reviews.csv, lines 2, 9)" in placed.found
    assert "train rows" not in placed.found
    assert "--lr" in placed.remedy
    assert "--on-nonfinite skip" in placed.remedy
    given_up = NotFinite("all", range(32), skipping=True).at("reviews.csv, lines 2, 9")
    assert "too many steps were left out" in given_up.found
    assert "skip" not in given_up.remedy  # which was tried
    assert NotFinite("all").at("").found == "The loss or a gradient is not finite in stage all."


def test_the_first_line_of_a_strange_error() -> None:
    assert first_line(OSError(2, "No such file")) == "No such file"
    assert first_line(ValueError("one.\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
