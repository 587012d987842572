"""Shared passages: found whatever case and punctuation, as long as they are, and only within one document."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.splitting.passages import RUN, Known, words_of

POEM = "that is not dead which can eternal lie and with strange aeons even death may die"


def invented(words: int, seed: int) -> str:
    return " ".join(f"w{number}" for number in np.random.default_rng(seed).integers(0, 5000, words))


def test_a_planted_passage_is_found_with_its_place_and_source() -> None:
    known = Known([invented(300, 1), f"{invented(50, 2)}. {POEM}! {invented(50, 3)}"])
    text = f"{invented(40, 4)}: “That is NOT dead, which can eternal lie — and with strange æons …”"
    found = known.overlap(text)
    assert found.longest is not None
    assert found.longest.document == 1
    assert (
        text[found.longest.start : found.longest.stop] == "That is NOT dead, which can eternal lie — and with strange"
    )
    assert found.longest.words == found.copied == 11
    assert found.share == 11 / len(words_of(text))


def test_fewer_words_than_a_run_are_no_passage() -> None:
    known = Known([POEM])
    assert known.overlap(" ".join(POEM.split()[: RUN - 1])).passages == ()
    assert known.overlap(" ".join(POEM.split()[:RUN])).copied == RUN
    assert known.overlap("").share == 0.0
    assert Known([]).overlap(POEM).passages == ()


def test_a_passage_does_not_cross_from_one_document_to_the_next() -> None:
    words = POEM.split()
    known = Known([" ".join(words[:8]), " ".join(words[8:])])
    assert [passage.words for passage in known.overlap(POEM).passages] == [8, 8]


def test_two_unknown_words_are_not_taken_for_each_other() -> None:
    known = Known(["one two three four five six seven x"])
    assert known.overlap("one two three four five six seven y").passages == ()
    assert known.overlap("a b c d e f g h i j").passages == ()


def test_texts_without_spaces_are_compared_by_character() -> None:
    known = Known(["吾輩は猫である。名前はまだ無い。"])
    assert known.overlap("昔、吾輩は猫である、と").copied == 0  # seven agree
    assert known.overlap("昔、吾輩は猫である。名も無い").copied == 8


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2), max_size=80), st.lists(st.integers(0, 2), max_size=80))
def test_copied_words_are_those_of_a_plain_search(ours: list[int], theirs: list[int]) -> None:
    run = 4
    found = Known([" ".join("abc"[n] for n in theirs)], run).overlap(" ".join("abc"[n] for n in ours))
    runs = {tuple(theirs[place : place + run]) for place in range(len(theirs) - run + 1)}
    copied = set()
    for place in range(len(ours) - run + 1):
        if tuple(ours[place : place + run]) in runs:
            copied |= set(range(place, place + run))
    assert found.copied == len(copied)
    longest = max(
        (
            length
            for length in range(run, len(ours) + 1)
            for place in range(len(ours) - length + 1)
            if any(theirs[there : there + length] == ours[place : place + length] for there in range(len(theirs)))
        ),
        default=0,
    )
    assert longest >= (found.longest.words if found.longest else 0)
    assert (longest > 0) == (found.longest is not None)


def test_megabytes_take_seconds() -> None:
    known_text = invented(300_000, 5)
    start = time.process_time()
    known = Known([known_text])
    text = " ".join(invented(2_000, seed) for seed in range(6, 10)) + " " + " ".join(known_text.split()[5_000:5_400])
    found = known.overlap(text)
    assert found.longest is not None
    assert found.longest.words == 400
    assert time.process_time() - start < 5
