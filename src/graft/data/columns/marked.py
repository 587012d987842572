"""Names marked in texts: words with tags, or a text with spans of characters, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from graft.data.columns.labels import Label
from graft.data.options import ReadOptions
from graft.data.spans import Span, Spans, spans_of
from graft.data.stream import Problems
from graft.data.tags import OUTSIDE, Scheme, Tagset, chunks, scheme_of, tagset_of
from graft.data.wording import count_of, some_of
from graft.data.words import joined, words_in

STARTS = ("start", "begin", "start_offset", "start_char", "from")
ENDS = ("end", "stop", "end_offset", "end_char", "to")
KINDS = ("label", "type", "tag", "entity", "entity_group", "class", "category")
SURFACES = ("text", "word", "surface", "value")
SPAN = '{"start": 0, "end": 5, "label": "PER"}'


@dataclass(frozen=True, slots=True)
class Marks:
    """The names in some texts. Both fields have one entry per row."""

    spans: Spans  # each name, its code a class; those of a row do not overlap
    words: Spans  # what is tagged: the words that were given, or that the text is made of

    def __len__(self) -> int:
        return len(self.spans)

    def take(self, rows: NDArray[np.int64]) -> Marks:
        return Marks(self.spans.take(rows), self.words.take(rows))

    def coded(self, tags: int) -> NDArray[np.int32]:
        """The tag code of each word, of so many tags: with two for each type and one for no name, these are IOB2."""
        kinds = int(self.spans.codes.max(initial=-1)) + 1
        joined = tags % 2 == 1 and kinds <= tags // 2
        return Tagset(tuple(map(str, range(tags // 2 if joined else tags))), joined).encode(self.spans, self.words)

    def strata(self) -> NDArray[np.int32]:
        """The type of a row's rarest name, so that no cut loses it; none is one more."""
        spans = self.spans
        kinds = int(spans.codes.max(initial=-1)) + 1
        frequency = np.bincount(spans.codes, minlength=kinds)
        rarest = np.full(len(self), kinds, np.int32)
        order = np.argsort(-frequency[spans.codes], kind="stable")  # the rarest is written last
        rarest[spans.rows[order]] = spans.codes[order]
        return rarest

    def counts(self, names: Sequence[str]) -> dict[str, int]:
        """Names of each type. names: the tags."""
        types = tagset_of(names).types
        return dict(zip(types, np.bincount(self.spans.codes, minlength=len(types)).tolist(), strict=True))

    def shown(self, names: Sequence[str], start: int, stop: int) -> list[str]:
        """Every name as from-to and type, such as `0-5 PER, 9-15 LOC`."""
        types = tagset_of(names).types
        rows = (self.spans.of(row) for row in range(start, min(stop, len(self))))
        return [", ".join(f"{first}-{last} {types[code]}" for first, last, code in row) for row in rows]


class MarkColumn:
    """Marked texts under construction, for `data/columns/gather.py`; types get codes in order of appearance."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._known: dict[str, tuple[int, int, int]] = {}  # type → code, names, first line
        self._spans: list[list[Span]] = []
        self._words: list[list[Span]] = []
        self._tags: list[Sequence[str]] = []
        self._lines: list[int] = []
        self._trimmed = 0

    def add(self, value: object, line: int) -> bool:
        raise TypeError("names are read with their texts, by add_row")

    def add_row(self, text: object, target: object, line: int) -> str:
        """Append a row: a list of words with one of tags, or a text with its spans. Returns the text."""
        if not isinstance(text, str):
            return self.add_words(text, target, line)
        self.add_spans(text, target, line)
        return text

    # ------------------------------------------------------------------------------------------- words with tags

    def add_words(self, words: object, tags: object, line: int) -> str:
        """Append a sentence; returns it as one text, words joined by spaces. What is wrong becomes a problem."""
        named, tagged = self._strings(words, "words", line), self._strings(tags, "tags", line)
        if named is None or tagged is None:
            return ""
        if len(named) != len(tagged):
            found = f"the row has {count_of(len(named), 'word')} and {count_of(len(tagged), 'tag')}"
            self._problems.add("counts", line, found, "give each word one tag (O where it is in no name)")
            return ""
        if "" in named:
            found = f"word {named.index('') + 1} of the row is empty"
            self._problems.add("empty word", line, found, "leave it out, with its tag")
            return ""
        text, places = joined(named)
        self._lines.append(line)
        self._tags.append(tagged)
        self._words.append(places)
        found_names = chunks(tagged)
        self._spans.append([(places[a][0], places[b - 1][1], self._code(kind, line)) for a, b, kind in found_names])
        return text

    def _strings(self, value: object, what: str, line: int) -> list[str] | None:
        """The list's strings; None, with a problem, for anything else."""
        if isinstance(value, str) or not isinstance(value, Sequence):
            shown = "missing" if value is None else f"{type(value).__name__}, not a list"
            self._problems.add(what, line, f"the row's {what} are {shown}", f"write a list of strings as {what}")
            return None
        strings = [item for item in value if isinstance(item, str)]
        if len(strings) < len(value):
            odd = next(item for item in value if not isinstance(item, str))
            remedy = f"write {what} as strings"
            if what == "tags" and isinstance(odd, int):
                remedy = "write the tags by their names, such as B-PER; numbers do not say which type they are"
            self._problems.add(what, line, f"one of the row's {what} is {odd!r}, not a string", remedy)
            return None
        return strings

    # --------------------------------------------------------------------------------------- texts with spans

    def add_spans(self, text: str, spans: object, line: int) -> None:
        """Append a text with its names. What is wrong becomes a problem."""
        if isinstance(spans, str | Mapping) or not isinstance(spans, Sequence):
            shown = "missing" if spans is None else f"a {type(spans).__name__}, not a list"
            remedy = f"write a list such as [{SPAN}], empty where the text has no name"
            self._problems.add("spans", line, f"the row's spans are {shown}", remedy)
            return
        read = [self._span(text, span, line) for span in spans]
        whole = sorted((span for span in read if span is not None), key=lambda span: span[:2])
        for before, after in pairwise(whole):
            if after[0] < before[1]:
                found = f"the names {text[before[0] : before[1]]!r} and {text[after[0] : after[1]]!r} overlap"
                remedy = "leave one of them out: a word can be in one name only"
                self._problems.add("overlap", line, found, remedy)
        self._lines.append(line)
        self._words.append(words_in(text))
        self._spans.append([(start, end, self._code(kind, line)) for start, end, kind in whole])

    def _span(self, text: str, span: object, line: int) -> tuple[int, int, str] | None:
        """(first character, one past the last, type), white space at its ends left out; None with a problem."""
        start, end, kind, surface = _fields(span)
        if type(start) is not int or type(end) is not int or not isinstance(kind, str) or not kind:
            found = f"a span is {str(span)[:60]!r}: it lacks whole numbers as start and end, or a label"
            self._problems.add("span", line, found, f"write it as {SPAN}")
            return None
        if not 0 <= start < end <= len(text):
            found = f"the span from {start} to {end} ({kind}) does not lie in the text of {len(text)} characters"
            remedy = "count characters from 0; end is one past the last, and greater than start"
            self._problems.add("outside", line, found, remedy)
            return None
        part = text[start:end]
        if isinstance(surface, str) and surface != part:
            found = f"the span from {start} to {end} ({kind}) holds {part[:40]!r}, not {surface[:40]!r}"
            remedy = "count characters (not bytes) from 0; end is one past the last"
            self._problems.add("offset", line, found, remedy)
            return None
        if not part.strip():
            self._problems.add("blank", line, f"the span from {start} to {end} ({kind}) is blank", "leave it out")
            return None
        trimmed = start + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip()))
        self._trimmed += trimmed != (start, end)
        return *trimmed, kind

    # ------------------------------------------------------------------------------------------------- the whole

    def _code(self, kind: str, line: int) -> int:
        code, names, first = self._known.get(kind, (len(self._known), 0, line))
        self._known[kind] = code, names + 1, first
        return code

    def labels(self) -> tuple[Label, ...]:
        """The types in order of code; `rows` counts their names."""
        return tuple(Label(kind, names, line) for kind, (_, names, line) in self._known.items())

    def tagset(self, types: tuple[str, ...]) -> Tagset:
        """The tags by which a model marks names of these types. Tags without a prefix are those of words; where some
        words have none (`O`), the others are names of one word each."""
        each = self._scheme().name == "words" and not any(OUTSIDE in tags for tags in self._tags)
        return Tagset(types, joined=not each)

    def _scheme(self) -> Scheme:
        return scheme_of(self._tags)

    def check(self, column: str, options: ReadOptions, problems: Problems, notes: list[str]) -> None:
        """Say how the train part's names are written, and what keeps them from being learnt."""
        if not len(problems):
            self.say(notes)
            if not self._known:
                remedy = f"give rows with names: tags B-TYPE and I-TYPE, or spans such as {SPAN}"
                problems.add("no names", None, f"no name is marked in {column!r}", remedy)

    def check_like(self, column: str, problems: Problems) -> None:
        """A held-out part may lack names."""

    def say(self, notes: list[str]) -> None:
        """Note how names are written, and what was read otherwise than it stands."""
        if self._tags:
            self._say_about_tags(self._scheme(), notes)
        else:
            self._say_about_spans(notes)

    def targets(self, codes: NDArray[np.int32], names: int) -> Marks:
        """All rows; `codes`: the place of each type of `labels` among the dataset's."""
        spans = spans_of(self._spans)
        return Marks(spans.coded(codes[spans.codes]), spans_of(self._words))

    def unmarked(self) -> Marks:
        """All rows without their names: the words that are to be tagged."""
        return Marks(spans_of([()] * len(self._words)), spans_of(self._words))

    def _say_about_tags(self, scheme: Scheme, notes: list[str]) -> None:
        file = self._problems.file
        if scheme.name == "mixed":
            wrong = set(scheme.strange)
            line = next(line for line, tags in zip(self._lines, self._tags, strict=True) if wrong & set(tags))
            found = f"the tags {some_of(scheme.strange)} have no prefix, where others have one (B-, I-, E-, S-)"
            self._problems.add("scheme", line, found, "write B- before a name's first word, I- before its others")
        elif scheme.name == "IOB1":
            notes.append(f"{file}: tags are IOB1 (B- only opens a name after one of its type); read as conlleval does.")
        elif scheme.loose:
            notes.append(
                f"{file}: {count_of(scheme.loose, 'name')} begin with I- or E- where {scheme.name} has B-; each was "
                "read as a name, as conlleval does."
            )

    def _say_about_spans(self, notes: list[str]) -> None:
        file = self._problems.file
        if self._trimmed:
            said = f"{count_of(self._trimmed, 'span')} with white space at an end; it was left out of the name"
            notes.append(f"{file}: {said}.")
        inside = sum(
            not ({start for start, _, _ in words} >= {start for start, _, _ in names})
            or not ({end for _, end, _ in words} >= {end for _, end, _ in names})
            for words, names in zip(self._words, self._spans, strict=True)
        )
        if inside:
            notes.append(
                f"{file}: in {count_of(inside, 'text')} a name begins or ends within a word; whole words are learnt, "
                "so such a name cannot be found exactly."
            )


def _fields(span: object) -> tuple[object, object, object, object]:
    """(start, end, label, surface) of a span, each None where it is not there."""
    if isinstance(span, Mapping):
        found = [next((span[key] for key in keys if key in span), None) for keys in (STARTS, ENDS, KINDS, SURFACES)]
        return found[0], found[1], found[2], found[3]
    if isinstance(span, Sequence) and not isinstance(span, str) and len(span) == 3:
        return span[0], span[1], span[2], None
    return None, None, None, None
