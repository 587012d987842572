"""Answers as stretches of a context: from SQuAD's form and flat columns, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graft.data.spans import Span, Spans, spans_of
from graft.data.stream import Problems
from graft.data.wording import count_of

Given = tuple[str, int | None]  # an answer's text and where it was said to start


class AnswerColumn:
    """The answers of questions under construction: none, one or several per row, in the order given."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._spans: list[list[Span]] = []
        self._moved = self._first = 0

    def add(self, context: str, answers: object, start: object, line: int) -> None:
        """Append a row. `answers`: a list of {text, answer_start}, {"text": […], "answer_start": […]}, a list of
        texts, one text, or None; `start` belongs to one text. What is wrong becomes a problem."""
        if not context.strip():
            self._problems.add("context", line, "the context is empty", "give the text that holds the answer")
        given = self._given(answers, start, line)
        found = [self._place(context, text, at, line) for text, at in given]
        self._spans.append([span for span in found if span is not None])

    def finish(self, notes: list[str]) -> Spans:
        """The answers of all rows; a row without one has none in its context."""
        file = self._problems.file
        if self._moved:
            said = f"{count_of(self._moved, 'answer')} stood elsewhere than was said, once in the context"
            notes.append(f"{file}: {said}; read from where it stands.")
        if self._first:
            said = f"{count_of(self._first, 'answer')} without a start, several times in the context"
            notes.append(f"{file}: {said}; the first place was taken.")
        return spans_of(self._spans)

    def _given(self, answers: object, start: object, line: int) -> list[Given]:
        if answers is None or answers == "":
            return []
        if isinstance(answers, str):
            return [(answers, self._start(start, line))]
        if isinstance(answers, Mapping) and isinstance(answers.get("text"), Sequence):
            texts, starts = answers["text"], answers.get("answer_start", [])
            if isinstance(texts, str):
                texts, starts = [texts], [starts]
            if not isinstance(starts, Sequence) or len(starts) not in (0, len(texts)):
                self._wrong(answers, line)
                return []
            pairs = list(zip(texts, starts or [None] * len(texts), strict=True))
        elif isinstance(answers, Sequence):
            pairs = [
                (one.get("text"), one.get("answer_start")) if isinstance(one, Mapping) else (one, None)
                for one in answers
            ]
        else:
            self._wrong(answers, line)
            return []
        if any(not isinstance(text, str) or not text for text, _ in pairs):
            self._wrong(answers, line)
            return []
        return [(text, self._start(at, line)) for text, at in pairs]

    def _wrong(self, answers: object, line: int) -> None:
        found = f"the answers are {str(answers)[:60]!r}"
        remedy = 'write [{"text": "…", "answer_start": 0}], or [] where the context holds no answer'
        self._problems.add("answers", line, found, remedy)

    def _start(self, start: object, line: int) -> int | None:
        if start is None or start == "":
            return None
        if isinstance(start, str) and start.strip().lstrip("-").isdigit():
            return int(start)
        if isinstance(start, float) and start.is_integer():
            return int(start)
        if type(start) is int:
            return start
        remedy = "give the number of the answer's first character in the context, counted from 0"
        self._problems.add("start", line, f"the answer's start is {start!r}, not a whole number", remedy)
        return None

    def _place(self, context: str, text: str, start: int | None, line: int) -> Span | None:
        """Where the answer stands; None, with a problem, where that cannot be told."""
        if start is not None and start >= 0 and context.startswith(text, start):
            return start, start + len(text), 0
        places = context.count(text)
        if places == 1 or (places and start is None):
            self._moved += start is not None
            self._first += places > 1
            first = context.index(text)
            return first, first + len(text), 0
        shown = f"the answer {text[:40]!r}"
        if not places:
            found, remedy = (
                f"{shown} does not stand in the context",
                "copy the answer from the context character by character",
            )
        else:
            found = f"{shown} does not start at character {start}; it stands in the context {places} times"
            remedy = "give the number of its first character, counted in characters (not bytes) from 0"
        self._problems.add("answer", line, found, remedy)
        return None
