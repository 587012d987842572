"""A table without labels: all its columns are listed, and the task that it is likely meant for is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft.data.read import read
from graft.errors import DataError

CONTEXT = "The hall of {} was built in 1899 by Ann Lee near the river."
ROWS = [{"question": f"Who built hall {n}?", "context": CONTEXT.format(n), "answer": "Ann Lee"} for n in range(40)]


@pytest.mark.parametrize("answer", ["", " Ann Lee "])
def test_questions_without_various_answers_name_their_task(answer: str) -> None:
    """The context was taken for the second text, and not listed."""
    with pytest.raises(DataError, match="'question', 'context', 'answer'") as caught:
        read([row | {"answer": answer} for row in ROWS])
    assert "--task question-answering" in caught.value.problems[0].remedy


def test_few_answers_in_their_contexts_are_classes_and_that_is_said() -> None:
    rows = [row | {"answer": "Bob"} if n == 3 else row for n, row in enumerate(ROWS)]
    dataset = read(rows)
    assert (dataset.task, dataset.classes) == ("classification", ("Ann Lee", "Bob"))
    assert any("2 different answers" in note and "--task question-answering" in note for note in dataset.notes)
    classes = [row | {"answer": "yes" if n % 2 else "no"} for n, row in enumerate(ROWS)]
    assert not any("question-answering" in note for note in read(classes).notes)


def test_a_second_text_names_rewriting() -> None:
    source = [f"the text of row {n}, before anything" for n in range(40)]
    for column in ("target", "outcome"):
        with pytest.raises(DataError) as caught:
            read({"source": source, column: [text.upper() for text in source]}, text="source")
        assert "--task rewrite" in caught.value.problems[0].remedy
    with pytest.raises(DataError) as caught:
        read({"source": source, "target": [f"name {n}" for n in range(40)]})
    assert "--task rewrite" not in caught.value.problems[0].remedy


def test_texts_alone_name_writing(tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    path.write_text("once there was a needle\n\nand a thread\n", encoding="utf-8")
    with pytest.raises(DataError, match="no labels: 'text' is the only column") as caught:
        read(path)
    assert "--task write" in caught.value.problems[0].remedy
    pair = [{"question": f"who is {n}", "context": f"they are {n}"} for n in range(20)]
    with pytest.raises(DataError, match="no labels: the only columns are 'question', 'context'"):
        read(pair)
