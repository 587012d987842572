"""CoNLL columns to sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft.data.files.conll import read_conll
from graft.data.options import ReadOptions
from graft.data.read import read as read_data
from graft.data.stream import Problems
from graft.errors import DataError

TEXT = (
    "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\n\n"
    "Peter NNP B-NP B-PER\nBlackburn NNP I-NP I-PER\n"
)


def read(path: Path, text: str) -> tuple[list[int], dict[str, list[object]], Problems, list[str]]:
    path.write_text(text, encoding="utf-8")
    problems, notes = Problems(path.name), []
    lines: list[int] = []
    columns: dict[str, list[object]] = {}
    for batch in read_conll(path, ReadOptions(), problems, notes):
        lines += batch.lines
        for name in batch.columns:
            columns.setdefault(name, []).extend(batch.values(name))
    return lines, columns, problems, notes


def test_sentences_have_their_words_and_every_column(tmp_path):
    lines, columns, problems, notes = read(tmp_path / "a.conll", TEXT)
    assert lines == [3, 7]
    assert columns["words"] == [["EU", "rejects"], ["Peter", "Blackburn"]]
    assert columns["tags"] == [["B-ORG", "O"], ["B-PER", "I-PER"]]
    assert columns["column 3"] == [["B-NP", "B-VP"], ["B-NP", "I-NP"]]
    assert not problems
    assert "1 -DOCSTART- line passed over" in notes[0]


def test_tabs_part_columns_where_words_hold_spaces(tmp_path):
    _, columns, problems, _ = read(tmp_path / "a.conll", "New York\tB-LOC\nis\tO\n")
    assert columns["words"] == [["New York", "is"]]
    assert not problems


def test_only_spaces_and_tabs_part_columns(tmp_path):
    """A no-break space within a word made a third column."""
    _, columns, problems, _ = read(tmp_path / "a.conll", "10\u00a0000 O\n  EU \t B-ORG \n")
    assert columns == {"words": [["10\u00a0000", "EU"]], "tags": [["O", "B-ORG"]]}
    assert not problems


def test_words_may_stand_alone(tmp_path):
    _, columns, problems, _ = read(tmp_path / "a.conll", "# id 7\nEU\n#\n\nPeter\n")
    assert columns == {"words": [["EU", "#"], ["Peter"]]}
    assert not problems


def test_words_alone_are_nothing_to_learn_from(tmp_path):
    (tmp_path / "a.conll").write_text("EU\nrejects\n\n" * 10, encoding="utf-8")
    with pytest.raises(DataError, match="no names are marked; the columns are: 'words'"):
        read_data(tmp_path / "a.conll")


def test_comments_are_passed_over_and_hash_words_are_not(tmp_path):
    text = "# id 7 domain=en\n#nba O\n# O\nwins O\n\n# newdoc\nEU B-ORG\n"
    lines, columns, problems, notes = read(tmp_path / "a.conll", text)
    assert columns["words"] == [["#nba", "#", "wins"], ["EU"]]
    assert lines == [2, 7]
    assert not problems
    assert "2 comment lines" in notes[0]


@pytest.mark.parametrize(
    ("text", "found", "line"),
    [
        ("EU B-ORG\nrejects\n", "one column", 2),
        ("EU NNP B-ORG\nrejects O\n", "2 columns where the first has 3", 2),
        ("EU\nrejects O\n", "one column", 1),
        ("\n\n", "no word", None),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, found, line):
    *_, problems, _ = read(tmp_path / "a.conll", text)
    (problem,) = problems.listed()
    assert found in problem.found
    assert problem.line == line
    assert problem.remedy


def test_a_first_word_without_its_tag_is_the_one_problem(tmp_path):
    _, _, problems, _ = read(tmp_path / "a.conll", "Soup\n" + "was O\ngood O\n\n" * 20)
    assert [(problem.line, problem.found) for problem in problems.listed()] == [
        (1, "the line has one column, where a word and its tag belong")
    ]
