"""The yardstick of names: what a list of the training names finds.

The baseline of the CoNLL-2003 shared task (Tjong Kim Sang and De Meulder 2003, section 4.3): names of the training
data that always had one type there are looked up in the text; where several could start at a word, the longest counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graft.data.marked import Marks
from graft.data.spans import Span, Spans, spans_of

Phrase = tuple[str, ...]


def look_up(train_texts: Sequence[str], train: Marks, texts: Sequence[str], words: Spans) -> Spans:
    """The names that the training names find in `texts`, whose words are given; no name of theirs is read."""
    known = {phrase: kinds.pop() for phrase, kinds in _phrases(train_texts, train).items() if len(kinds) == 1}
    longest = max((len(phrase) for phrase in known), default=0)
    rows: list[list[Span]] = []
    for row, text in enumerate(texts):
        places = words.of(row)
        shown = tuple(text[start:end] for start, end, _ in places)
        rows.append([(places[a][0], places[b - 1][1], kind) for a, b, kind in _found(shown, known, longest)])
    return spans_of(rows)


def _phrases(texts: Sequence[str], marks: Marks) -> dict[Phrase, set[int]]:
    phrases: dict[Phrase, set[int]] = {}
    for row, text in enumerate(texts):
        places = marks.words.of(row)
        for start, end, kind in marks.spans.of(row):
            phrase = tuple(text[a:b] for a, b, _ in places if a < end and b > start)
            phrases.setdefault(phrase, set()).add(kind)
    return phrases


def _found(words: Phrase, known: dict[Phrase, int], longest: int) -> Iterator[tuple[int, int, int]]:
    place = 0
    while place < len(words):
        for size in range(min(longest, len(words) - place), 0, -1):
            kind = known.get(words[place : place + size])
            if kind is not None:
                yield place, place + size, kind
                place += size - 1
                break
        place += 1
