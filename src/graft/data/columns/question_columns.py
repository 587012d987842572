"""Which columns hold questions, the contexts that they are asked about, and their answers: by names and by cells.

None of them where the table is one of texts and labels, or of pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graft.data.columns.answered import STARTS, references
from graft.data.columns.columns import Wanted, missing_column
from graft.data.columns.likely import ANSWER_NAMES, CONTEXT_NAMES, QUESTION_NAMES, answered, usual
from graft.data.stream import Batch, Problems
from graft.data.wording import some_of
from graft.records import Columns

QUESTIONS = "question-answering"  # the task
BESIDE = {  # further columns by what they say
    "start": (*STARTS, "answer_starts"),
    "impossible": ("is_impossible",),
    "title": ("title", "article_title"),
    "identifier": ("id", "qid", "question_id"),
}
SAMPLE = 200  # rows whose answers are looked for
VARIOUS = 10  # different answers that are too many for classes; in a small sample, half as many as rows


def infer_questions(sample: Sequence[Batch], wanted: Wanted, task: str, problems: Problems) -> Columns | None:
    """The columns; None where these are no questions with answers, with a problem where the task was asked for.

    `task`: as asked for; "auto" where it is to be told.
    """
    names = list(dict.fromkeys(name for batch in sample for name in batch.columns))
    asked = task == QUESTIONS
    if not asked and (task != "auto" or not wanted.labelled or (wanted.text and not wanted.second)):
        return None
    roles = {"text": wanted.text, "text-pair": wanted.second, "label": wanted.label}
    missing = [(role, name) for role, name in roles.items() if name and name not in names]
    if missing:
        for role, name in missing if asked else ():
            problems.add("columns", None, *missing_column(name, names, role))
        return None
    question = wanted.text or usual(names, QUESTION_NAMES)
    context = wanted.second or usual([name for name in names if name != question], CONTEXT_NAMES)
    answers = wanted.label or usual(names, ANSWER_NAMES) if wanted.labelled else ""
    if question is None or context is None or answers is None:
        if asked:
            lacking = "question" if question is None else "context" if context is None else "answer"
            option = {"question": "--text", "context": "--text-pair", "answer": "--label"}[lacking]
            told = f"no column is called {lacking}; the columns are: {some_of(names)}"
            problems.add("columns", None, told, f"name the column of {lacking}s with {option}")
        return None
    beside = {role: found for role, known in BESIDE.items() if (found := usual(names, known))}
    if not asked and not _unmistakable(sample, context, answers, beside.get("start")):
        return None
    why = f"question {question!r}; context {context!r}" + (f"; answers {answers!r}." if answers else ".")
    return Columns(question, answers, why, context, beside if wanted.labelled else {})


def _unmistakable(sample: Sequence[Batch], context: str, answers: str, start: str | None) -> bool:
    """Whether the cells are answers that say where they begin, or texts most of which stand in their contexts.

    Without starts these must also be various, as classes such as yes and no may stand in texts by chance.
    """
    cells = _cells(sample, context, answers)
    if cells and sum(_says_start(answer) for _, answer in cells) * 2 > len(cells):
        return True
    there, distinct = _standing(cells)
    return there and (start is not None or distinct > min(VARIOUS, len(cells) / 2))


def taken_for_classes(sample: Sequence[Batch], label: str) -> int:
    """How many different answers a column of classes holds that stand in their contexts; 0 where it holds none."""
    columns = answered(list(dict.fromkeys(name for batch in sample for name in batch.columns)))
    if columns is None or columns[2] != label:
        return 0
    there, distinct = _standing(_cells(sample, columns[1], label))
    return distinct if there else 0


def _cells(sample: Sequence[Batch], context: str, answers: str) -> list[tuple[str, object]]:
    """The first contexts, each with its answers."""
    return [
        (text, answer)
        for batch in sample
        for text, answer in zip(batch.values(context), batch.values(answers), strict=True)
        if isinstance(text, str) and _filled(answer)
    ][:SAMPLE]


def _standing(cells: Sequence[tuple[str, object]]) -> tuple[bool, int]:
    """Whether most answers stand in their contexts, and how many different ones there are."""
    read = [(text, references(answer, None)) for text, answer in cells]
    texts = [(text, pairs[0][0]) for text, pairs in read if isinstance(pairs, list) and pairs]
    there = sum(answer in text for text, answer in texts)
    return there * 2 > len(cells), len({answer for _, answer in texts})


def _filled(cell: object) -> bool:
    return cell is not None and not (isinstance(cell, str | list) and not cell)


def _says_start(answer: object) -> bool:
    """SQuAD's form, or that of the `datasets` library."""
    one = answer[0] if isinstance(answer, list) and answer else answer
    return isinstance(one, Mapping) and "text" in one and any(name in one for name in STARTS)
