"""The judge tells two ways of writing apart, its share has an interval, and it looks at words alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.data.splitting.passages import words_of
from graft.tasks.writing_style import FEWEST, Judge, halves, passages, wilson

GLOOM = "the old tower stood dark above the moor and a cold dread crept over the ancient stones of the nameless house"
SUN = "lily had a red ball and she was happy so she ran to the park to play with her mom and her little dog"


def written(words: str, passages_of: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(words.split(), 60)) for _ in range(passages_of)]


def test_it_tells_text_that_it_has_not_seen() -> None:
    judge = Judge(written(GLOOM, 40, 0), written(SUN, 60, 1))
    assert judge.learned == 80
    gloom, sun = (judge.verdict(written(words, 50, 2)) for words in (GLOOM, SUN))
    assert gloom.share > 0.95
    assert sun.share < 0.05
    assert gloom.interval[0] <= gloom.share <= gloom.interval[1]
    assert gloom.passages == 50


def test_a_mixture_lies_between() -> None:
    judge = Judge(written(GLOOM, 40, 0), written(SUN, 40, 1))
    mixed = judge.verdict([*written(GLOOM, 30, 3), *written(SUN, 70, 4)])
    assert mixed.share == pytest.approx(0.3, abs=0.05)
    assert mixed.interval[0] < 0.25
    assert mixed.interval[1] > 0.32


def test_case_and_punctuation_tell_nothing() -> None:
    judge = Judge(written(GLOOM, 40, 0), written(SUN, 40, 1))
    plain = written(GLOOM, 5, 5)
    loud = [f"“{text.upper()}!”" for text in plain]
    np.testing.assert_allclose(judge.probabilities(plain), judge.probabilities(loud))


def test_too_few_passages_are_refused() -> None:
    with pytest.raises(ValueError, match=f"takes {FEWEST}"):
        Judge(written(GLOOM, FEWEST - 1, 0), written(SUN, 40, 1))


def test_passages_are_runs_of_the_text_as_it_stands() -> None:
    text = "One, two; three.\n\n“Four” five six seven eight"
    assert passages([text], 3) == ["One, two; three.\n\n“", "Four” five six", "seven eight"]
    assert [len(words_of(passage)) for passage in passages([text], 3)] == [3, 3, 2]
    assert passages(["a b c d"], 3) == ["a b c"]  # a rest of one word is too short
    assert passages(["", "  "], 3) == []


@given(st.integers(1, 500), st.data())
def test_an_interval_of_a_share_holds_it_and_is_never_empty(count: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, count))
    low, high = wilson(hits, count)
    assert 0 <= low <= hits / count <= high <= 1
    assert high - low > 1.9 / (count + 4)  # 48 of 48 are not certainly all


def test_an_interval_of_a_share_is_the_published_one_and_narrows_with_more() -> None:
    assert wilson(7, 10) == pytest.approx((0.3968, 0.8922), abs=1e-4)  # Newcombe's calculator gives these
    few, many = wilson(5, 10), wilson(500, 1000)
    assert many[1] - many[0] < few[1] - few[0]
    assert wilson(0, 0) == (0.0, 0.0)


def test_no_text_both_teaches_a_judge_and_tries_it() -> None:
    texts = [" ".join([f"word{number}"] * size) for number, size in enumerate((900, 100, 300, 200, 50, 400))]
    taught, tried = halves(texts)
    assert not set(" ".join(taught).split()) & set(" ".join(tried).split())
    assert len(taught) + len(tried) == len(passages(texts))
    assert abs(len(taught) - len(tried)) <= 3
    alone = halves([" ".join(map(str, range(1000)))])
    assert [len(side) for side in alone] == [5, 5]
    assert not set(" ".join(alone[0]).split()) & set(" ".join(alone[1]).split())
