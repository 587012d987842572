"""The yardstick of names: what a list of the training names finds.

A phrase that is a name in the training data gets the type that it has there most often; where several could start at a
word, the longest counts. That is the baseline of the CoNLL-2003 shared task (Tjong Kim Sang and De Meulder 2003,
section 4), and a little more: a phrase that is a name in less than half of its places is not looked up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from graft.data.columns.marked import Marks
from graft.data.spans import Span, Spans, spans_of

Phrase = tuple[str, ...]


def look_up(train_texts: Sequence[str], train: Marks, texts: Sequence[str], words: Spans) -> Spans:
    """The names that the training names find in `texts`, whose words are given; no name of theirs is read."""
    known = _known(train_texts, train)
    longest = max((len(phrase) for phrase in known), default=0)
    rows: list[list[Span]] = []
    for row, text in enumerate(texts):
        places = words.of(row)
        shown = tuple(text[start:end] for start, end, _ in places)
        rows.append([(places[a][0], places[b - 1][1], kind) for a, b, kind in _found(shown, known, longest)])
    return spans_of(rows)


def _known(texts: Sequence[str], marks: Marks) -> dict[Phrase, int]:
    """The phrases that are looked up, with their types."""
    kinds: dict[Phrase, Counter[int]] = {}
    for row, text in enumerate(texts):
        places = marks.words.of(row)
        for start, end, kind in marks.spans.of(row):
            phrase = tuple(text[a:b] for a, b, _ in places if a < end and b > start)
            kinds.setdefault(phrase, Counter())[kind] += 1
    places_of = _places(texts, marks.words, kinds)
    most = {phrase: counts.most_common(1)[0] for phrase, counts in kinds.items()}
    return {phrase: kind for phrase, (kind, count) in most.items() if 2 * count >= places_of[phrase]}


def _places(texts: Sequence[str], words: Spans, phrases: dict[Phrase, Counter[int]]) -> Counter[Phrase]:
    """How often each phrase stands in the texts, as a name or not."""
    longest = max((len(phrase) for phrase in phrases), default=0)
    found: Counter[Phrase] = Counter()
    for row, text in enumerate(texts):
        shown = tuple(text[start:end] for start, end, _ in words.of(row))
        for first in range(len(shown)):
            for size in range(1, min(longest, len(shown) - first) + 1):
                if shown[first : first + size] in phrases:
                    found[shown[first : first + size]] += 1
    return found


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
