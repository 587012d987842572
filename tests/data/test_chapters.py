"""One file's documents: by marks, headings, blank lines, lines, or none of these; nothing but blank lines is lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from graft.data.chapters import Piece, by_headings, pieces, stretches

BOOK = """A BOOK

CHAPTER I. The House
It stood alone.

He came to chapter two of his life.

CHAPTER II
It fell.

Chapter Three
It rose.
"""


def of(text: str, apart: str = "auto") -> list[Piece]:
    return pieces(text.splitlines(keepends=True), apart)  # type: ignore[arg-type]


def test_marks_name_what_follows_them() -> None:
    found = of("<<< one >>>\n\nFirst.\n\n<<< two >>>\nSecond.\nMore.\n")
    assert found == [Piece("one", 3, "First."), Piece("two", 6, "Second.\nMore.")]


def test_end_tokens_and_form_feeds_divide() -> None:
    assert [piece.text for piece in of("One.\n<|endoftext|>\nTwo.\n")] == ["One.", "Two."]
    assert [piece.text for piece in of("One.\n\fTwo.\nMore.\n")] == ["One.", "Two.\nMore."]


def test_three_headings_make_chapters_and_what_is_before_them_is_kept() -> None:
    found = of(BOOK)
    assert [piece.name for piece in found] == ["", "CHAPTER I. The House", "CHAPTER II", "Chapter Three"]
    assert [piece.line for piece in found] == [1, 3, 8, 11]
    assert "chapter two of his life" in found[1].text


def test_fewer_headings_are_no_chapters() -> None:
    assert len(of("CHAPTER I\n\nText.\n\nCHAPTER II\n\nText.\n")) == 1
    assert [piece.name for piece in of("# One\n\na\n\n# Two\n\nb\n\n## Three\n\nc\n")] == ["One", "Two", "Three"]


def test_what_is_asked_for_is_done() -> None:
    text = "One.\nStill one.\n\nTwo.\n \nThree.\n"
    assert [piece.text for piece in of(text, "blank")] == ["One.\nStill one.", "Two.", "Three."]
    assert [piece.line for piece in of(text, "blank")] == [1, 4, 6]
    assert [piece.text for piece in of(text, "line")] == ["One.", "Still one.", "Two.", "Three."]
    assert [piece.text for piece in of(BOOK, "file")] == [BOOK.strip("\n")]
    assert of("\n\n", "file") == of("", "auto") == []


def test_a_documents_own_headings() -> None:
    (whole,) = of(BOOK, "file")
    named = by_headings(Piece("novel", 10, whole.text))
    assert [piece.name for piece in named][1:] == [
        "novel: CHAPTER I. The House",
        "novel: CHAPTER II",
        "novel: Chapter Three",
    ]
    assert [piece.line for piece in named] == [10, 12, 17, 20]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("ab ", min_size=1, max_size=30), min_size=1, max_size=30), st.integers(1, 6))
def test_stretches_are_the_text_cut_between_paragraphs(paragraphs: list[str], count: int) -> None:
    text = "\n\n".join(paragraph.strip() or "x" for paragraph in paragraphs)
    found = stretches(Piece("t", 1, text), count)
    assert "\n\n".join(piece.text for piece in found) == text or len(paragraphs) < count
    assert len(found) <= count
    assert "".join(piece.text for piece in found).replace("\n", "") == text.replace("\n", "")
