"""Which columns hold words and tags, or texts and spans: by names and by cells.

None of them where the table is one of texts and labels; `columns.py` tells these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graft.data.columns.columns import Wanted, missing_column
from graft.data.columns.marked import STARTS
from graft.data.stream import Batch, Problems
from graft.data.wording import some_of
from graft.records import Columns

MARKS = "token-classification"
WORD_NAMES = ("words", "tokens", "word", "token")
TAG_NAMES = ("tags", "ner_tags", "ner", "labels", "label", "bio", "iob", "entities", "tag")
SPAN_NAMES = ("spans", "entities", "ents", "annotations", "labels", "label", "names")
TEXT_NAME = "text"


def infer_marks(sample: Sequence[Batch], wanted: Wanted, task: str, problems: Problems) -> Columns | None:
    """The columns; None where no names are marked, with a problem where the task was asked for.

    `task`: as asked for; "auto" where it is to be told.
    """
    names = list(dict.fromkeys(name for batch in sample for name in batch.columns))
    if task not in ("auto", MARKS):
        return None
    for role, name in (("text", wanted.text), ("label", wanted.label)):
        if name and name not in names:
            if task == MARKS:  # else it is told by the caller
                problems.add("columns", None, *missing_column(name, names, role))
            return None
    found = _marks(sample, names, wanted)
    if found is None and task == MARKS:
        told = f"no names are marked; the columns are: {some_of(names)}"
        remedy = "give words with tags (CoNLL columns, lists in JSONL), or texts with spans"
        problems.add("columns", None, told, f"{remedy}; a label per text is --task classification")
    return found


def check_names(names: Sequence[str], columns: Columns, problems: Problems) -> None:
    """Add a problem for each of these columns that a held-out part lacks."""
    for role, name in (("text", columns.text), ("label", columns.label), ("text-pair", columns.second)):
        if name and name not in names:
            found, remedy = missing_column(name, names, role)
            problems.add(f"no {role}", None, found, f"give it the columns of the train file ({remedy})")


def _marks(sample: Sequence[Batch], names: Sequence[str], wanted: Wanted) -> Columns | None:
    words = _pick(names, wanted.text, WORD_NAMES, lambda name: _holds(sample, name, _is_words))
    if words is not None and not wanted.labelled:  # tags beside them may be of no use, or none
        return Columns(words, "", f"words {words!r}.", words=True)
    if words is not None:
        tags = _pick(names, wanted.label, TAG_NAMES, lambda name: name != words and _holds(sample, name, _is_list))
        if tags is None:
            others = [name for name in names if name != words and _holds(sample, name, _is_list)]
            tags = others[-1] if others else None
        if tags is not None:
            return Columns(words, tags, f"words {words!r}; a tag for each in {tags!r}.", words=True)
    spans = _pick(names, wanted.label, SPAN_NAMES, lambda name: _holds(sample, name, _is_spans))
    text = _pick(names, wanted.text, (TEXT_NAME,), lambda name: _holds(sample, name, _is_text))
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
