"""What is shown of a model that writes: which part of a long body is scored, and when unreadable texts are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_causal
from hypothesis import given
from hypothesis import strategies as st

from graft.data.options import ReadOptions
from graft.errors import DataError
from graft.evidence import stretches
from graft.fit_options import FitOptions
from graft.run import Given, RunOptions, run


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30), st.integers(50, 600))
def test_what_is_scored_is_spread_over_all_texts(sizes: list[int], most: int) -> None:
    texts = [f"{number:02d} " * size for number, size in enumerate(sizes)]
    kept = stretches(texts, most, each=25)
    total = sum(map(len, texts))
    if total <= most:
        assert kept == texts
        return
    assert sum(map(len, kept)) <= most
    assert all(any(part in text for text in texts) for part in kept)
    words = {word for part in kept for word in part.split()}
    gap = total // (most // 25) + 25  # a text longer than the way between two stretches is in one of them
    for number, text in enumerate(texts):
        assert len(text) <= 2 * gap or f"{number:02d}" in words


def test_of_many_books_none_stands_for_all() -> None:
    books = ["one " * 50_000, "two " * 50_000, "three " * 50_000]
    kept = stretches(books, 40_000, each=8_000)
    assert {part.split()[0] for part in kept} == {"one", "two", "three"}
    assert not any(part[0] == " " for part in kept)


@pytest.mark.parametrize("kind", ["neutral", "contrast"])
def test_texts_to_compare_with_are_refused_before_the_training(tmp_path: Path, kind: str) -> None:
    (tmp_path / "story.txt").write_text("A night like any other.\n\n" * 400, encoding="utf-8")
    model = tiny_causal.make("gpt2", tmp_path / "model", width=32)
    events = run(
        Given(tmp_path / "story.txt", reading=ReadOptions(task="write")),
        FitOptions(str(model)),
        RunOptions(tmp_path / "run", beside={kind: str(tmp_path / "nowhere")}),
    )
    with pytest.raises(DataError, match="nowhere"):
        list(events)
    assert not (tmp_path / "run").exists()
