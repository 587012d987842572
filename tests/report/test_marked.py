"""Marks in texts: every character once, and nothing but text gets through."""

from __future__ import annotations

import html
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from graft.report.marked import marked_texts
from graft.report.passages import Mark, MarkedTexts, Passage

TEXT = "Ann <met> Bob in Ulm"
MARKS = st.tuples(
    st.integers(0, 19),
    st.integers(1, 8),
    st.sampled_from(["PER", "<b>"]),
    st.sampled_from(["right", "missed", "wrong"]),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(MARKS, max_size=4))
def test_the_text_stays_whole(drawn):
    marks = tuple(Mark(start, min(start + size, len(TEXT)), label, kind) for start, size, label, kind in drawn)
    page = marked_texts(MarkedTexts("texts", (Passage("Line 1", TEXT, marks),)))
    assert "<b>" not in page
    inside = re.search(r'<p dir="auto">(.*?)</p>', page, re.S).group(1)
    plain = re.sub(r"<small>.*?</small>", "", inside)
    assert html.unescape(re.sub(r"</?mark[^>]*>", "", plain)) == TEXT


def test_the_labels_stand_at_the_ends():
    marks = (Mark(0, 3, "PER", "right"), Mark(10, 13, "LOC", "wrong"), Mark(10, 13, "PER", "missed"))
    page = marked_texts(MarkedTexts("texts", (Passage("Line 1", TEXT, marks),)))
    assert '<mark class="right">Ann<small>PER</small></mark>' in page
    assert '<mark class="missed wrong">Bob<small>LOC found</small><small>PER missed</small></mark>' in page


def test_what_does_not_fit_a_page_is_folded():
    passages = tuple(Passage(f"Line {number}", "text", ()) for number in range(5))
    page = marked_texts(MarkedTexts("texts", passages, page=2))
    assert page.index("<summary>3 more</summary>") > page.index("Line 1")
    assert page.count('class="passage"') == 5


def test_a_question_stands_above_its_context():
    page = marked_texts(MarkedTexts("answers", (Passage("Line 1", TEXT, (), "who <b>?"),), what="an answer"))
    assert page.index("who &lt;b&gt;?") < page.index(html.escape(TEXT)[:5])
    assert '<span><mark class="right">an answer</mark> found as it is</span>' in page  # on one line, both
