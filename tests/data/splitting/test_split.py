"""Given splits are kept, missing ones are cut: whole, stratified, repeatable, and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.read import read
from graft.data.splitting.duplicates import normalise
from graft.data.splitting.split import split
from graft.data.table import Rows, Splits
from graft.errors import DataError, RecipeError

Pairs = list[tuple[str, str]]


def corpus(*per_class: int, start: str = "text") -> Pairs:
    return [
        (f"{start} {number} of {name}", name)
        for name, count in zip("abcdef", per_class, strict=False)
        for number in range(count)
    ]


def pairs_of(splits: Splits, rows: Rows) -> Pairs:
    return [(text, splits.classes[code]) for text, code in zip(rows.texts, rows.codes, strict=True)]


def all_rows(splits: Splits) -> Pairs:
    return [pair for rows in (splits.train, splits.validation, splits.test) for pair in pairs_of(splits, rows)]


def sizes(splits: Splits) -> tuple[int, int, int]:
    return len(splits.train), len(splits.validation), len(splits.test)


@settings(deadline=None, max_examples=40)
@given(data=st.data(), seed=st.integers(0, 50))
def test_a_split_is_a_partition_with_duplicates_on_one_side(data: st.DataObject, seed: int) -> None:
    words = st.sampled_from(["Red", "red!", "blue", "BLUE .", "green", "grey", "black", "white", "", "?"])
    drawn = data.draw(st.lists(st.tuples(words, words, st.sampled_from("xyz")), min_size=40, max_size=90))
    pairs = [*corpus(20, 20), *((f"{one} {two}", label) for one, two, label in drawn)]
    splits = split(read(pairs), seed=seed)
    assert sorted(all_rows(splits)) == sorted(pairs)
    sides = [{normalise(text) for text in rows.texts} for rows in (splits.train, splits.validation, splits.test)]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert set(splits.train.codes) == set(range(len(splits.classes)))


@settings(deadline=None, max_examples=30)
@given(per_class=st.lists(st.integers(5, 80), min_size=2, max_size=5), seed=st.integers(0, 50))
def test_each_class_has_its_share_within_one_row(per_class: list[int], seed: int) -> None:
    splits = split(read(corpus(*per_class)), validation=0.1, test=0.2, seed=seed)
    total = sum(per_class)
    for count, name in zip(per_class, splits.classes, strict=True):
        found = splits.summary.splits[2].per_class[name]
        assert abs(found - count * len(splits.test) / total) < 1
    assert len(splits.test) == max(1, round(0.2 * total))


def test_the_same_seed_gives_the_same_splits_and_another_does_not() -> None:
    dataset = read(corpus(100, 60))
    one, two, other = split(dataset, seed=1), split(dataset, seed=1), split(dataset, seed=2)
    assert one.summary == two.summary
    assert all_rows(one) == all_rows(two)
    assert one.summary.splits[2].digest != other.summary.splits[2].digest


def test_rows_keep_their_order_and_lines() -> None:
    splits = split(read(corpus(50, 50)))
    for rows in (splits.train, splits.validation, splits.test):
        assert (np.diff(rows.lines) > 0).all()
        names = pairs_of(splits, rows)
        assert names == [corpus(50, 50)[line - 1] for line in rows.lines]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (10, (6, 2, 2)),
        (100, (60, 20, 20)),
        (1000, (600, 200, 200)),
        (4000, (2800, 400, 800)),
        (30_000, (22_000, 2000, 6000)),
    ],
)
def test_default_sizes(rows: int, expected: tuple[int, int, int]) -> None:
    assert sizes(split(read(corpus(rows // 2, rows // 2)))) == expected


def test_shares_that_are_named_are_obeyed() -> None:
    assert sizes(split(read(corpus(300, 300)), validation=0.25, test=0.5)) == (150, 150, 300)


def test_given_splits_are_kept() -> None:
    given_test = corpus(7, 5, start="another")
    splits = split(read({"train": corpus(200, 200), "test": given_test}))
    assert pairs_of(splits, splits.test) == given_test
    assert sizes(splits) == (320, 80, 12)
    assert [summary.made for summary in splits.summary.splits] == [False, True, False]
    three = {"train": corpus(20, 20), "validation": corpus(3, 3), "test": given_test}
    kept = split(read(three))
    assert [summary.made for summary in kept.summary.splits] == [False] * 3
    assert pairs_of(kept, kept.train) == three["train"]
    cut = split(read({"train": corpus(50, 50), "validation": corpus(3, 3, start="v")}))
    assert sizes(cut) == (80, 6, 20)


def test_leaks_are_counted_and_left() -> None:
    leaked = [("TEXT 1 of a!", "a"), *((f"something else {number}", "b") for number in range(19))]
    splits = split(read({"train": corpus(100, 100), "test": leaked}))
    assert [found.leaks for found in splits.summary.splits] == [0, 0, 1]
    assert len(splits.test) == 20
    assert "1 text of test (5.0%) also in train; left there." in splits.summary.notes


def test_a_test_split_that_is_train_is_warned_of() -> None:
    summary = split(read({"train": corpus(100, 100), "test": corpus(100, 100)})).summary
    assert [found.leaked for found in summary.splits] == [0.0, 0.0, 1.0]
    (warning,) = [note for note in summary.notes if "also in train" in note]
    assert warning.startswith("WARNING: 200 texts of test (100.0%) also in train: ")
    assert "--test" in warning


def test_duplicates_conflicts_and_empty_texts_are_said() -> None:
    pairs = [*corpus(30, 30), ("Text 1 of A.", "b"), ("", "a"), ("  ", "b")]
    summary = split(read(pairs)).summary
    assert summary.duplicates == 4
    assert sum(part.empty for part in summary.splits) == 2
    assert any("2 texts with different labels (4 rows)" in note for note in summary.notes)
    assert any("2 empty texts kept" in note for note in summary.notes)


def test_a_class_of_one_row_is_in_train_only() -> None:
    splits = split(read([*corpus(40, 40), ("the only one", "c")]))
    assert splits.summary.splits[0].per_class["c"] == 1
    assert any("a single row in train: 'c'" in note for note in splits.summary.notes)
    assert any("test has no row of 'c'" in note for note in splits.summary.notes)


def test_the_summary_says_it_all(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in corpus(40, 40)), encoding="utf-8")
    summary = split(read(path), seed=3).summary
    assert (summary.name, summary.task, summary.classes, summary.seed) == ("data", "classification", ("a", "b"), 3)
    assert [part.name for part in summary.splits] == ["train", "validation", "test"]
    assert sum(part.rows for part in summary.splits) == summary.sources[0].rows == 80
    assert all(sum(part.per_class.values()) == part.rows for part in summary.splits)
    assert len({part.digest for part in summary.splits}) == 3
    assert summary.sources[0].path == str(path)


@pytest.mark.parametrize("pairs", [corpus(4, 4), [("same words", "a"), ("Same words!", "b")] * 10])
def test_too_little_data_is_refused(pairs: Pairs) -> None:
    with pytest.raises(DataError) as caught:
        split(read(pairs))
    assert caught.value.problems[0].remedy


@pytest.mark.parametrize("shares", [(0.0, 0.2), (0.1, 1.0), (0.5, 0.5), (-1, 0.1)])
def test_shares_that_cannot_be_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(RecipeError):
        split(read(corpus(20, 20)), validation=shares[0], test=shares[1])


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, None, "1"])
def test_seeds_that_cannot_be_are_refused(seed: Any) -> None:
    with pytest.raises(RecipeError, match="whole number"):
        split(read(corpus(10, 10)), seed=seed)


def test_a_seed_may_be_numpys() -> None:
    summary = split(read(corpus(10, 10)), seed=np.int64(3)).summary  # type: ignore[arg-type]
    assert summary == split(read(corpus(10, 10)), seed=3).summary
    assert type(summary.seed) is int


def test_a_pair_and_its_mirror_lie_on_one_side(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    rows = [
        pair
        for number in range(60)
        for pair in (f"first {number},second {number},{number % 2}", f"second {number},First {number}!,{number % 2}")
    ]
    path.write_text("\n".join(["text,text_pair,label", *rows]), encoding="utf-8")
    found = split(read(path))
    sides = [
        {frozenset(map(normalise, pair)) for pair in zip(part.texts, part.seconds or (), strict=True)}
        for part in (found.train, found.validation, found.test)
    ]
    assert sum(map(len, sides)) == 60 == len(set.union(*sides))


def test_a_test_split_that_is_the_validation_split_is_warned_of() -> None:
    held = corpus(20, 20, start="held")
    parts = {"train": corpus(100, 100), "validation": held, "test": held}
    summary = split(read(parts)).summary
    (warning,) = [note for note in summary.notes if "also in" in note]
    assert warning.startswith("WARNING: 40 texts of test (100.0%) also in validation: ")
    assert [(one.leaks, one.seen) for one in summary.splits if one.name == "test"] == [(40, "validation")]


def test_a_test_split_that_is_cut_beside_a_given_validation_split_is_counted_too() -> None:
    rows = corpus(60, 60)
    summary = split(read({"train": rows, "validation": rows[:40]})).summary
    (held,) = [one for one in summary.splits if one.name == "test"]
    assert held.made
    assert held.seen == "validation"
    assert 0 < held.leaks <= held.rows
    assert any(f"{held.leaks} texts of test" in note and "also in validation" in note for note in summary.notes)


def test_a_class_that_is_left_with_one_row_in_train_is_said() -> None:
    notes = split(read(corpus(20, 20, 2)), validation=0.4, test=0.4).summary.notes
    assert "validation has no row of 'c': too few different texts." in notes
    assert any(note.startswith("classes with a single row in train: 'c'") for note in notes)
    assert not any("stay in train" in note for note in notes)
