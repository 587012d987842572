"""Tags to names and back, against conlleval's own rules written out as in the script."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.spans import Spans, spans_of
from graft.data.tags import Tagset, chunks, scheme_of

IOB = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
BIOES = st.sampled_from(["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("PER", "LOC"))])


def conlleval_ends(before: str, tag: str, type_before: str, kind: str) -> bool:
    """endOfChunk of conlleval, with E and S always closing, as its Python ports have it."""
    if before in ("E", "S"):
        return True
    if before in ("B", "I") and tag in ("B", "S", "O"):
        return True
    return before not in ("O", ".") and type_before != kind


def conlleval_starts(before: str, tag: str, type_before: str, kind: str) -> bool:
    """startOfChunk of conlleval, likewise."""
    if tag in ("B", "S"):
        return True
    if before in ("E", "S", "O") and tag in ("E", "I"):
        return True
    return tag not in ("O", ".") and type_before != kind


def reference(tags: list[str]) -> list[tuple[int, int, str]]:
    found, begun = [], 0
    before, type_before = "O", ""
    for place, whole in enumerate([*tags, "O"]):
        tag, kind = (whole[0], whole[2:]) if whole != "O" else ("O", "")
        if conlleval_ends(before, tag, type_before, kind):
            found.append((begun, place, type_before))
        if conlleval_starts(before, tag, type_before, kind):
            begun = place
        before, type_before = tag, kind
    return found


@given(st.one_of(st.lists(IOB, max_size=12), st.lists(BIOES, max_size=12)))
@settings(max_examples=200)
def test_chunks_are_those_of_conlleval(tags):
    assert chunks(tags) == reference(tags)


def words_of(lengths: list[int]) -> Spans:
    """Words of one character with a space between."""
    return spans_of([[(2 * word, 2 * word + 1, 0) for word in range(length)] for length in lengths])


@given(st.lists(st.lists(IOB, max_size=8), min_size=1, max_size=4))
@settings(max_examples=100)
def test_decoded_codes_mark_the_same_names(sentences):
    tagset = Tagset(("PER", "LOC"))
    words = words_of([len(tags) for tags in sentences])
    codes = np.array([tagset.names.index(tag) for tags in sentences for tag in tags], np.int32)
    spans = tagset.decode(codes, words)
    for row, tags in enumerate(sentences):
        named = [(start // 2, (end + 1) // 2, tagset.types[code]) for start, end, code in spans.of(row)]
        assert named == reference(tags)
    assert np.array_equal(tagset.decode(tagset.encode(spans, words), words).codes, spans.codes)


def test_a_name_does_not_go_on_into_the_next_row():
    tagset = Tagset(("PER",))
    spans = tagset.decode(np.array([1, 2, 2, 0], np.int32), words_of([2, 2]))
    assert [spans.of(0), spans.of(1)] == [[(0, 3, 0)], [(0, 1, 0)]]


def test_a_word_that_a_span_covers_in_part_is_inside():
    words = spans_of([[(0, 5, 0), (6, 9, 0), (10, 12, 0)]])
    assert Tagset(("X",)).encode(spans_of([[(3, 8, 0)]]), words).tolist() == [1, 2, 0]


def test_of_two_spans_in_one_word_the_first_counts():
    words = spans_of([[(0, 5, 0), (6, 9, 0)]])
    assert Tagset(("X", "Y")).encode(spans_of([[(0, 2, 1), (3, 5, 0)]]), words).tolist() == [3, 0]


def test_tags_without_prefixes_are_one_word_each():
    tagset = Tagset(("ADJ", "NOUN"), joined=False)
    spans = tagset.decode(np.array([1, 1, tagset.outside, 0], np.int32), words_of([4]))
    assert spans.of(0) == [(0, 1, 1), (2, 3, 1), (6, 7, 0)]
    assert tagset.encode(spans, words_of([4])).tolist() == [1, 1, tagset.outside, 0]
    assert chunks(["NOUN", "NOUN", "O"]) == [(0, 1, "NOUN"), (1, 2, "NOUN")]


@pytest.mark.parametrize(
    ("tags", "name", "loose"),
    [
        (["O", "B-PER", "I-PER"], "IOB2", 0),
        (["I-PER", "I-PER", "B-PER"], "IOB1", 0),
        (["B-PER", "O", "I-PER"], "IOB2", 1),
        (["S-PER", "O", "B-LOC", "E-LOC"], "BIOES", 0),
        (["U-PER", "O", "B-LOC", "L-LOC"], "BILOU", 0),
        (["NOUN", "VERB"], "words", 0),
        (["O", "O"], "O", 0),
        (["B-PER", "PER"], "mixed", 0),
    ],
)
def test_the_scheme_is_told_from_the_tags(tags, name, loose):
    scheme = scheme_of([tags])
    assert (scheme.name, scheme.loose) == (name, loose)


def test_spans_are_taken_by_row():
    spans = spans_of([[(0, 1, 0)], [], [(2, 3, 1), (4, 5, 2)]])
    assert [spans.take(np.array([2, 0])).of(row) for row in range(2)] == [[(2, 3, 1), (4, 5, 2)], [(0, 1, 0)]]
    assert len(spans_of([])) == 0
