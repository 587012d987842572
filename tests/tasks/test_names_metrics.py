"""Names found against names that are there: counts equal conlleval's on random tags, and what is wrong is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.columns.marked import MarkColumn, Marks
from graft.data.spans import spans_of
from graft.data.stream import Problems
from graft.data.tags import Tagset, chunks
from graft.tasks.names_lookup import look_up
from graft.tasks.names_metrics import UNREAD, AnsweredNames, count_names, meet

tag = st.sampled_from(["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
TYPES = ("PER", "LOC")


def spans(sentences: list[list[str]]):
    return spans_of([[(a, b, TYPES.index(kind)) for a, b, kind in chunks(tags)] for tags in sentences])


@given(st.lists(st.lists(st.tuples(tag, tag), max_size=8), min_size=1, max_size=4))
@settings(max_examples=100)
def test_hits_are_the_chunks_that_both_have(sentences):
    truth = [[pair[0] for pair in row] for row in sentences]
    found = [[pair[1] for pair in row] for row in sentences]
    counted = count_names(spans(truth), spans(found), 2)
    for row, (one, other) in enumerate(zip(truth, found, strict=True)):
        for code, kind in enumerate(TYPES):
            named = [{chunk for chunk in chunks(tags) if chunk[2] == kind} for tags in (one, other)]
            assert counted.truth[row, code] == len(named[0])
            assert counted.found[row, code] == len(named[1])
            assert counted.hits[row, code] == len(named[0] & named[1])


@given(st.lists(st.lists(st.tuples(tag, tag), max_size=8), min_size=1, max_size=4))
@settings(max_examples=100)
def test_scores_are_those_of_conlleval(sentences):
    """Its arithmetic: correct, guessed and proper chunks over all sentences, and words whose tags agree."""
    tagset = Tagset(TYPES)
    words = spans_of([[(2 * place, 2 * place + 1, 0) for place in range(len(row))] for row in sentences])
    pairs = [pair for row in sentences for pair in row]
    truth, said = (np.array([tagset.names.index(pair[side]) for pair in pairs], np.int32) for side in (0, 1))
    marks = Marks(tagset.decode(truth, words), words)
    logits = np.full((len(pairs), len(tagset.names)), -5.0)
    logits[np.arange(len(pairs)), said] = 5.0
    metrics = AnsweredNames(logits, marks, tagset).score().metrics
    both = [(set(chunks([one for one, _ in row])), set(chunks([other for _, other in row]))) for row in sentences]
    correct, guessed, proper = (sum(counted) for counted in np.array([(len(a & b), len(b), len(a)) for a, b in both]).T)
    precision, recall = (correct / total if total else 0.0 for total in (guessed, proper))
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    names = ("entity_precision", "entity_recall", "entity_f1")
    assert [metrics[name][0] for name in names] == pytest.approx([precision, recall, f1])


@pytest.mark.parametrize("joined", [True, False])
def test_a_word_that_was_not_read_has_no_tag_and_the_loss_of_guessing(joined):
    """Its name is missed; it is in no found one, and its tag is right only where it has none."""
    tagset = Tagset(TYPES, joined)
    words = spans_of([[(0, 1, 0), (2, 3, 0), (4, 5, 0)]])
    truth = spans_of([[(0, 1, 0), (4, 5, 0)] if joined else [(0, 1, 0), (2, 3, 1), (4, 5, 0)]])
    logits = np.full((3, len(tagset.names)), UNREAD)
    logits[0] = 5.0 * np.eye(len(tagset.names))[tagset.encode(truth, words)[0]]
    answered = AnsweredNames(logits, Marks(truth, words), tagset)
    assert answered.found.of(0) == [(0, 1, 0)]
    assert answered.unread == 2
    metrics = {name: values[0] for name, values in answered.score().metrics.items()}
    assert metrics["word_accuracy"] == pytest.approx(2 / 3 if joined else 1 / 3)
    tags = len(tagset.names)  # every one is as likely for a word that was not read
    assert metrics["word_loss"] == pytest.approx((np.log1p((tags - 1) * np.exp(-5)) + 2 * np.log(tags)) / 3)


def test_what_is_wrong_with_a_name_is_told():
    truth = [(0, 3, 0), (5, 9, 0), (12, 15, 1), (20, 25, 0), (30, 33, 1)]
    found = [(0, 3, 0), (5, 9, 1), (12, 18, 1), (22, 28, 1), (40, 42, 0)]
    kinds = {(met.truth, met.found): met.kind for met in meet(truth, found)}
    assert kinds == {
        (truth[0], found[0]): "right",
        (truth[1], found[1]): "type",
        (truth[2], found[2]): "boundary",
        (truth[3], found[3]): "both",
        (truth[4], None): "missed",
        (None, found[4]): "invented",
    }


def test_names_are_looked_up_longest_first_by_their_most_common_type():
    column = MarkColumn(Problems("x"))
    rows = [
        ("New York is in New York State", ["B-LOC", "I-LOC", "O", "O", "B-LOC", "I-LOC", "I-LOC"]),
        ("Paris and Paris in May May", ["B-LOC", "O", "B-LOC", "O", "B-PER", "O"]),
        ("Paris may state it Here may", ["B-PER", "O", "O", "O", "B-LOC", "O"]),
        ("Here we are Here and Here", ["O"] * 6),
    ]
    texts = [column.add_words(text.split(), tags, 1) for text, tags in rows]
    train = column.targets(np.arange(len(column.labels()), dtype=np.int32), 2)
    text = "New York State Paris New York Here"
    words = spans_of(
        [[(start, start + len(word), 0) for word, start in zip(text.split(), (0, 4, 9, 15, 21, 25, 30), strict=True)]]
    )
    found = look_up(texts, train, [text], words)
    assert [text[start:end] for start, end, _ in found.of(0)] == ["New York State", "Paris", "New York"]
    assert [column.labels()[code].name for code in found.codes] == ["LOC"] * 3


def test_a_type_that_a_resample_has_none_of_counts_as_in_all_rows():
    tagset = Tagset(TYPES)
    words = spans_of([[(0, 1, 0)], [(0, 1, 0)]])
    codes = np.array([tagset.names.index(name) for name in ("B-PER", "B-LOC")], np.int32)
    logits = np.full((2, len(tagset.names)), -5.0)
    logits[np.arange(2), codes] = 5.0  # both are right
    answered = AnsweredNames(logits, Marks(tagset.decode(codes, words), words), tagset)
    found = answered.score(np.array([[0, 0], [1, 1], [0, 1]])).metrics
    np.testing.assert_array_equal(found["entity_macro_f1"], 1.0)
