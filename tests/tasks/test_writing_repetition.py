"""Loops are found with their phrase, ordinary prose has none; distinct runs are counted on passages of like length."""

from __future__ import annotations

import numpy as np
import pytest

from graft.tasks.writing_repetition import distinct, longest_loop, looped, loops

PROSE = (
    "On and on and on he went, down, down, down, and the house was very, very old. It was the best of times, it was "
    "the worst of times, it was the age of wisdom, it was the age of foolishness."
)


def test_a_phrase_said_again_and_again_is_a_loop() -> None:
    text = "He rose. " + "And the house was dark. " * 5 + "Then he left."
    (loop,) = loops(text)
    assert loop.phrase == "And the house was dark"
    assert loop.times == pytest.approx(5.0)
    assert text[loop.start : loop.stop] == ("And the house was dark. " * 5).rstrip(". ")


def test_one_word_said_without_end_is_a_loop_of_one() -> None:
    (loop,) = loops("well " + "no " * 30)
    assert loop.phrase == "no"
    assert loop.times == 30


def test_letters_without_end_are_a_loop_of_letters() -> None:
    (loop,) = loops("#" + "P" * 40 + ".")
    assert (loop.phrase, loop.times, loop.start, loop.stop) == ("P", 40, 1, 41)
    (loop,) = loops("so " + "nana" * 9)
    assert (loop.phrase, loop.times) == ("na", 18)
    (loop,) = loops(" ".join(["PPPPPPPPPP"] * 30))  # a loop of words, which is counted once
    assert loop.phrase == "PPPPPPPPPP"
    assert looped([" ".join(["PPPPPPPPPP"] * 30)]) == 1.0


def test_the_longest_loop_is_named_with_its_times() -> None:
    assert longest_loop(["P" * 10, "well " + "no " * 30, PROSE]) == "no (× 30)"
    assert longest_loop([PROSE]) == ""


def test_ordinary_repetition_is_none() -> None:
    assert loops(PROSE) == []
    assert loops("Aaaah, hahahaha, 10000000000, ------------") == []
    assert loops("") == []
    assert looped([PROSE, ""]) == 0.0


def test_the_looped_share_counts_characters() -> None:
    loop = "the end of the end is near " * 6
    assert looped([loop.strip()]) > 0.95
    assert 0.4 < looped([loop + PROSE]) < 0.6


def test_distinct_runs() -> None:
    assert distinct(["a b a b"], 1) == 0.5
    assert distinct(["a b c d"], 2) == 1.0
    assert distinct(["a a a a a"], 2) == 0.25
    assert distinct([""], 2) == 1.0


def test_distinct_runs_do_not_depend_on_a_texts_length() -> None:
    words = np.random.default_rng(0).choice([f"w{n}" for n in range(300)], 4000)
    short, long = distinct([" ".join(words[:1000])], 1), distinct([" ".join(words)], 1)
    assert short == pytest.approx(long, abs=0.05)
