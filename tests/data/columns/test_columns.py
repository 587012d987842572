"""What is inferred, and when nothing is."""

from __future__ import annotations

import pytest

from graft.data.read import read
from graft.errors import DataError

ROWS = 24


def table(**columns: str) -> dict[str, list[str]]:
    """A dict of lists; in each value {0} is the row's number, {1} one of two classes, {2} one of four."""
    return {
        name: [form.format(row, "ab"[row % 2], "wxyz"[row % 4]) for row in range(ROWS)]
        for name, form in columns.items()
    }


@pytest.mark.parametrize(
    ("columns", "text", "label"),
    [
        (table(text="a text {0}", label="{1}"), "text", "label"),
        (table(label="{1}", text="a text {0}"), "text", "label"),
        (table(id="id{0}", text="a text {0}", author="{1}"), "text", "author"),
        (table(text="a text {0}", label="{1}", fine_label="{2}"), "text", "label"),
        (table(text="a text {0}", title="some title {0}", label="{1}"), "text", "label"),
        (table(text="a text {0}", group="{1}", key="{0}"), "text", "group"),
        (table(Review="a text {0}", Sentiment="{1}"), "Review", "Sentiment"),
        (table(what="a text {0} of some length", code="c{0}", kind="{2}"), "what", "kind"),
        (table(city="the city of {1}", remark="they said {0} and then some more words", y="{1}"), "remark", "y"),
    ],
)
def test_columns_are_inferred(columns: dict[str, list[str]], text: str, label: str) -> None:
    inferred = read(columns).columns
    assert (inferred.text, inferred.label) == (text, label)
    assert repr(text) in inferred.why
    assert repr(label) in inferred.why


def test_named_columns_win() -> None:
    columns = read(
        table(text="a text {0}", title="title no {0}", label="{1}", fine="{2}"), text="title", label="fine"
    ).columns
    assert (columns.text, columns.label) == ("title", "fine")
    assert columns.why.count("named by you") == 2


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (table(text="a text {0}", code="c{0}"), "no column looks like a label"),
        (table(text="a text {0}", intent="{1}", topic="{2}"), "'intent', 'topic'"),
        (table(text="a text {0}", one="{1}", two="{2}"), "'one', 'two'"),
        (table(summary="first long words {0}", reply="second long words {0}", label="{1}"), "more than one column"),
        (table(number="{0}", label="{1}"), "no column looks like texts"),
    ],
)
def test_what_is_ambiguous_is_not_guessed(columns: dict[str, list[str]], found: str) -> None:
    with pytest.raises(DataError, match=found) as caught:
        read(columns)
    assert "--" in caught.value.problems[0].remedy or "give a table" in caught.value.problems[0].remedy


def test_a_remedy_can_be_copied_whatever_the_columns_are_called() -> None:
    both = {"first text": "a text of some length {0}", "second text": "another text of some length {0}", "label": "{1}"}
    with pytest.raises(DataError) as caught:
        read(table(**both))
    assert "--text 'second text'" in str(caught.value)
