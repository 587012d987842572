"""A column of answers under construction: each looked for in its context, and what is wrong with it told."""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from graft.data.answers import Answers
from graft.data.columns.labels import Label
from graft.data.options import ReadOptions
from graft.data.spans import Span, spans_of
from graft.data.spool import TextSpool
from graft.data.stream import Problems
from graft.data.table import Texts
from graft.data.wording import count_of

FORM = '{"text": ["the answer"], "answer_start": [0]}'
DROP = "or leave such questions out with --unlabelled drop"
STARTS = ("answer_start", "start", "start_char")
BLOCK = 1024
_DIGITS = re.compile(r"\s*-?\d{1,12}\s*")


@dataclass(frozen=True, slots=True)
class Given:
    """The cells of one question besides its texts; None where there is none."""

    answers: object
    start: object = None
    impossible: object = None
    title: object = None
    identifier: object = None


class AnswerColumn:
    """Answers row by row, with the contexts that they are stretches of."""

    def __init__(self, problems: Problems, options: ReadOptions) -> None:
        self._problems = problems
        self._drops = options.unlabelled == "drop"
        self._known: dict[bytes, int] = {}  # digest of a context → its place
        self._fresh: list[str] = []  # contexts on their way to the spool
        self._titles: dict[str, int] = {}
        self._spool = TextSpool()
        self._spans: list[list[Span]] = []
        self._of, self._articles = array("q"), array("q")
        self._said = {"repaired": 0, "first": 0, "trimmed": 0, "dropped": 0}

    def add(self, value: object, line: int) -> bool:
        raise TypeError("answers are read with their contexts, by add_row")

    def add_row(self, context: str, given: Given, line: int) -> bool:
        """Append a question's answers. False, and nothing is appended, where they cannot be found and such questions
        are to be left out; what is wrong becomes a problem otherwise."""
        found = self._read(context, given)
        if isinstance(found, Wrong):
            if self._drops and found.kind in ("answer", "start", "null"):
                self._said["dropped"] += 1
                return False
            about = f"question {given.identifier!r}: " if isinstance(given.identifier, str) else ""
            remedy = f"{found.remedy}, {DROP}" if found.kind in ("answer", "start", "null") else found.remedy
            self._problems.add(found.kind, line, about + found.what, remedy)
            found = []
        self._spans.append(found)
        self._of.append(self._place(context))
        title = given.title if isinstance(given.title, str) and given.title.strip() else None
        self._articles.append(-1 if title is None else self._titles.setdefault(title, len(self._titles)))
        return True

    def _place(self, context: str) -> int:
        whole = context.encode("utf-8", "replace")  # half of a surrogate pair is told by whoever spools the texts
        key = blake2b(whole, digest_size=16).digest()
        place = self._known.get(key)
        if place is None:
            place = self._known[key] = len(self._known)
            self._fresh.append(whole.decode())
            if len(self._fresh) >= BLOCK:
                self._spool.add(self._fresh)
                self._fresh = []
        return place

    def _read(self, context: str, given: Given) -> list[Span] | Wrong:
        pairs = references(given.answers, given.start)
        if isinstance(pairs, Wrong):
            return pairs
        impossible = _truth(given.impossible)
        if impossible and pairs:
            what = f"the question is marked as impossible, and yet has the answer {pairs[0][0][:40]!r}"
            return Wrong("impossible", what, "leave out one of them")
        if impossible is False and not pairs:
            what = "the question has no answer, and yet is not marked as impossible"
            return Wrong("impossible", what, "give its answer, or mark it")
        found: list[Span] = []
        for text, start in pairs:
            span = self._located(context, text, start)
            if isinstance(span, Wrong):
                return span
            found.append(span)
        return found

    def _located(self, context: str, text: str, start: int | None) -> Span | Wrong:
        """Where the answer stands in its context, white space at its ends left out."""
        if start is None or context[start : start + len(text)] != text or start < 0:
            places = occurrences(context, text)
            if not places:
                return Wrong("answer", _not_there(context, text), "write it as it stands in the context")
            if start is not None and len(places) > 1:
                shown = ", ".join(map(str, places[:4])) + (", …" if len(places) > 4 else "")
                what = f"the answer {text[:40]!r} does not begin at character {start}; it does at {shown}"
                return Wrong("start", what, "give the right one, characters (not bytes) counted from 0")
            self._said["first" if start is None else "repaired"] += start is not None or len(places) > 1
            start = places[0]
        trimmed = start + len(text) - len(text.lstrip()), start + len(text.rstrip())
        self._said["trimmed"] += trimmed != (start, start + len(text))
        return *trimmed, 0

    def labels(self) -> tuple[Label, ...]:
        return ()

    def check(self, column: str, options: ReadOptions, problems: Problems, notes: list[str]) -> None:
        """Say what was read otherwise than it stands, and what keeps the train part from being learnt."""
        if len(problems):
            return
        self.say(notes)
        if self._spans and not any(self._spans):
            problems.add("no answers", None, f"no question has an answer in {column!r}", f"write them as {FORM}")

    def check_like(self, column: str, problems: Problems) -> None:
        """A held-out part may lack answers."""

    def say(self, notes: list[str]) -> None:
        file, said = self._problems.file, self._said
        without = sum(not spans for spans in self._spans)
        if without:
            share = without / len(self._spans)
            notes.append(f"{file}: {count_of(without, 'question')} ({share:.1%}) without an answer in the context.")
        if said["repaired"]:
            notes.append(
                f"{file}: {count_of(said['repaired'], 'answer')} with a wrong start, but only one place in the context "
                "where it stands: that was taken."
            )
        if said["first"]:
            notes.append(
                f"{file}: {count_of(said['first'], 'answer')} without a start, and more than one place in the context "
                "where it stands: the first was taken (a column answer_start would tell)."
            )
        if said["trimmed"]:
            notes.append(
                f"{file}: {count_of(said['trimmed'], 'answer')} with white space at an end, which was left out."
            )
        if said["dropped"]:
            notes.append(
                f"{file}: {count_of(said['dropped'], 'question')} whose answer is missing or is not in the context "
                "dropped, as asked."
            )

    def targets(self, _codes: NDArray[np.int32], _names: int) -> Answers:
        self._spool.add(self._fresh)
        self._fresh = []
        return Answers(spans_of(self._spans), _array(self._of), _array(self._articles), Texts(self._spool.finish()))


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a question's answers."""

    kind: str
    what: str
    remedy: str


def references(cell: object, start: object) -> list[tuple[str, int | None]] | Wrong:
    """The reference answers in a cell, each with where it begins, None where that is not said.

    A cell is a text; a list of texts; SQuAD's list of {"text", "answer_start"}; or the same as one object of two lists.
    """
    cell, start = _plain(cell), _plain(start)
    if cell is None:
        return Wrong("null", "the question has no answer (it is missing or null)", 'write "" or [] where there is none')
    if isinstance(cell, Mapping):
        start = _plain(next((cell[name] for name in STARTS if name in cell), None))
        cell = _plain(cell.get("text"))
    if isinstance(cell, list) and cell and all(isinstance(item, Mapping) for item in cell):
        start = [next((item[name] for name in STARTS if name in item), None) for item in cell]
        cell = [item.get("text") for item in cell]
    texts = cell if isinstance(cell, list) else [] if cell == "" else [cell]
    starts = start if isinstance(start, list) else [start] * min(len(texts), 1)
    if not starts or start is None:
        starts = [None] * len(texts)
    if len(starts) != len(texts):
        what = f"the question has {count_of(len(texts), 'answer')} and {count_of(len(starts), 'start')}"
        return Wrong("counts", what, "give one start for each answer")
    found: list[tuple[str, int | None]] = []
    for text, begin in zip(texts, starts, strict=True):
        if not isinstance(text, str):
            return Wrong("form", f"an answer is {text!r:.60}, not a string", f"write answers as {FORM}")
        if not text.strip():
            if len(texts) == 1:
                return []
            return Wrong("form", "one of several answers is blank", "leave it out")
        whole = _whole(begin)
        if isinstance(whole, Wrong):
            return whole
        found.append((text, whole))
    return found


def _whole(start: object) -> int | Wrong | None:
    """A start as a whole number; in a table of texts it is written in digits."""
    if start is None or start == "":
        return None
    if isinstance(start, float) and start.is_integer():
        start = int(start)
    if isinstance(start, str) and _DIGITS.fullmatch(start):
        start = int(start)
    if isinstance(start, int) and not isinstance(start, bool):
        return start
    return Wrong("form", f"the start of an answer is {start!r:.40}, not a whole number", "count characters from 0")


def _truth(value: object) -> bool | None:
    """A cell that says yes or no; None where it says nothing."""
    if isinstance(value, str):
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
            value.strip().lower()
        )
    return bool(value) if isinstance(value, int | float) and value == value else None


def _plain(value: object) -> object:
    """Arrays of other libraries, and tuples, as lists."""
    convert = getattr(value, "tolist", None)
    value = convert() if convert else value
    return list(value) if isinstance(value, tuple) else value


def occurrences(context: str, text: str, most: int = 100) -> list[int]:
    """Where a text stands in a context, the first `most`."""
    found: list[int] = []
    place = context.find(text)
    while place >= 0 and len(found) < most:
        found.append(place)
        place = context.find(text, place + 1)
    return found


def _not_there(context: str, text: str) -> str:
    place = context.casefold().find(text.strip().casefold())
    near = f"; there it is {context[place : place + len(text.strip())][:40]!r}" if place >= 0 else ""
    return f"the answer {text[:40]!r} does not stand in its context{near}"


def _array(values: array[int]) -> NDArray[np.int64]:
    return np.frombuffer(values, np.int64).copy() if values else np.zeros(0, np.int64)
