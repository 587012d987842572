"""Which columns hold words and tags, texts and spans, or questions, contexts and answers: by names and by cells.

None of them where the table is one of texts and labels; `columns.py` tells these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graft.data.columns import Wanted, missing_column
from graft.data.marked import STARTS
from graft.data.stream import Batch, Problems
from graft.data.wording import some_of
from graft.records import Columns

MARKS, ANSWERS = "token-classification", "question-answering"
WORD_NAMES = ("words", "tokens", "word", "token")
TAG_NAMES = ("tags", "ner_tags", "ner", "labels", "label", "bio", "iob", "entities", "tag")
SPAN_NAMES = ("spans", "entities", "ents", "annotations", "labels", "label", "names")
QUESTION_NAMES = ("question", "query")
CONTEXT_NAMES = ("context", "passage", "paragraph", "document", "text")
ANSWER_NAMES = ("answers", "answer", "answer_text")
START_NAMES = ("answer_start", "start", "answer_begin", "offset")


def infer_tokens(sample: Sequence[Batch], wanted: Wanted, task: str, problems: Problems) -> tuple[Columns, str] | None:
    """The columns and the task; None where it is neither of the two, or, with a problem, where a named one cannot be.

    `task`: as asked for; "auto" where it is to be told.
    """
    names = list(dict.fromkeys(name for batch in sample for name in batch.columns))
    if any(name and name not in names for name in (wanted.text, wanted.label, wanted.second)):
        return None  # told with the nearest name by the caller
    for kind, find in ((MARKS, _marks), (ANSWERS, _answers)):
        if task in ("auto", kind):
            found = find(sample, names, wanted)
            if found is not None:
                return found, kind
    if task == MARKS:
        remedy = "give words and tags (CoNLL columns, or JSONL with lists), or a text with spans of characters"
        problems.add(
            "columns", None, f"no names are marked; the columns are: {some_of(names)}", f"{remedy}; see --help"
        )
    elif task == ANSWERS:
        remedy = "name them with --text-pair (the questions), --text (the contexts) and --label (the answers)"
        found_none = f"there are no columns of questions, contexts and answers; the columns are: {some_of(names)}"
        problems.add("columns", None, found_none, remedy)
    return None


def check_names(names: Sequence[str], columns: Columns, problems: Problems) -> None:
    """Add a problem for each of these columns that a held-out part lacks."""
    for role, name in (("text", columns.text), ("label", columns.label), ("text-pair", columns.second)):
        if name and name not in names:
            found, remedy = missing_column(name, names, role)
            problems.add(f"no {role}", None, found, f"give it the columns of the train file ({remedy})")


# --------------------------------------------------------------------------------------------------------------- marks


def _marks(sample: Sequence[Batch], names: Sequence[str], wanted: Wanted) -> Columns | None:
    words = _pick(names, wanted.text, WORD_NAMES, lambda name: _holds(sample, name, _is_words))
    if words is not None:
        tags = _pick(names, wanted.label, TAG_NAMES, lambda name: name != words and _holds(sample, name, _is_list))
        if tags is None and not wanted.labelled:
            return Columns(words, "", f"words {words!r}.")
        if tags is None:
            others = [name for name in names if name != words and _holds(sample, name, _is_list)]
            tags = others[-1] if others else None
        if tags is not None:
            return Columns(words, tags, f"words {words!r}; a tag for each in {tags!r}.")
    spans = _pick(names, wanted.label, SPAN_NAMES, lambda name: _holds(sample, name, _is_spans))
    text = _pick(names, wanted.text, CONTEXT_NAMES[-1:], lambda name: _holds(sample, name, _is_text))
    if spans is None or text is None or not wanted.labelled:
        return None
    return Columns(text, spans, f"text {text!r}; names marked in it by {spans!r}.")


def _pick(names: Sequence[str], named: str | None, usual: Sequence[str], fits: object) -> str | None:
    """The column that was named, else the first usual name that fits."""
    assert callable(fits)
    if named:
        return named if fits(named) else None
    lower = {name.lower(): name for name in reversed(names)}
    return next((lower[name] for name in usual if name in lower and fits(lower[name])), None)


def _holds(sample: Sequence[Batch], name: str, is_kind: object) -> bool:
    """Whether the first cells with something in them are of a kind."""
    assert callable(is_kind)
    filled = [cell for batch in sample for cell in batch.values(name) if cell not in (None, "", [])][:50]
    return bool(filled) and sum(map(is_kind, filled)) * 2 > len(filled)


def _is_text(cell: object) -> bool:
    return isinstance(cell, str)


def _is_list(cell: object) -> bool:
    return (
        isinstance(cell, Sequence) and not isinstance(cell, str) and all(isinstance(item, str | int) for item in cell)
    )


def _is_words(cell: object) -> bool:
    return _is_list(cell) and all(isinstance(item, str) for item in cell)  # type: ignore[attr-defined]


def _is_spans(cell: object) -> bool:
    if not isinstance(cell, Sequence) or isinstance(cell, str):
        return False
    first = cell[0]
    if isinstance(first, Mapping):
        return any(key in first for key in STARTS)
    return isinstance(first, Sequence) and not isinstance(first, str) and len(first) == 3


# ------------------------------------------------------------------------------------------------------------- answers


def _answers(sample: Sequence[Batch], names: Sequence[str], wanted: Wanted) -> Columns | None:
    question = _pick(names, wanted.second, QUESTION_NAMES, lambda name: _holds(sample, name, _is_text))
    context = _pick(names, wanted.text, CONTEXT_NAMES, lambda name: name != question and _holds(sample, name, _is_text))
    if question is None or context is None:
        return None
    if not wanted.labelled:
        return Columns(context, "", f"question {question!r}; context {context!r}.", question)
    answers = _pick(
        names,
        wanted.label,
        ANSWER_NAMES,
        lambda name: _holds(sample, name, _is_answers) or _quotes(sample, name, context),
    )
    if answers is None:
        return None
    lower = {name.lower(): name for name in names}
    start = next((lower[name] for name in START_NAMES if name in lower), "")
    why = f"question {question!r}; context {context!r}; answers {answers!r}" + (f" from {start!r}." if start else ".")
    return Columns(context, answers, why, question, start)


def _is_answers(cell: object) -> bool:
    if isinstance(cell, Mapping):
        return "text" in cell
    return isinstance(cell, Sequence) and not isinstance(cell, str) and isinstance(cell[0], Mapping | str)


def _quotes(sample: Sequence[Batch], name: str, context: str) -> bool:
    """Whether most cells stand word for word in their contexts."""
    pairs = [pair for batch in sample for pair in zip(batch.values(name), batch.values(context), strict=True)]
    said = [(cell, text) for cell, text in pairs if isinstance(cell, str) and cell and isinstance(text, str)][:200]
    return bool(said) and sum(cell in text for cell, text in said) * 2 > len(said)
