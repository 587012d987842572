"""Texts longer than the model: cut, or read through windows that overlap, each with the model's special tokens.

A body (the text's own tokens) stands between a head and a tail that every window repeats: the special tokens. What is
known of each token is where it stands in the text, so that whatever a model says of a token can be said of words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from graft.data.spans import Spans, bounds_of, taken
from graft.data.stream import blocks
from graft.data.tokens.pairs import length_of
from graft.data.tokens.tokens import CHARACTERS, CHUNK, Tokens
from graft.records import Recipe

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

WHOLE = ("row", "decoder")  # what heads read that read a text as a whole
Long = Literal["truncate", "head-tail", "windows"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long texts are handled. `tokens`: of a window, special ones included; `overlap`: body tokens that two
    neighbouring windows share."""

    tokens: int
    long: Long = "windows"
    overlap: int = 64
    answer: int = 30  # the most tokens of an answer, where answers are looked for


def limits_by(recipe: Recipe, reads: str, tokens: int) -> Limits:
    """How a recipe handles long texts: as it says, else cut where a head reads them as a whole, and through windows
    where it reads tokens. reads: `task.head.reads`; tokens: of a window, at most."""
    usual: Long = "truncate" if reads in WHOLE else "windows"
    overlap = 128 if reads == "span" else 64
    return Limits(tokens, usual if recipe.long == "auto" else recipe.long, overlap, recipe.answer_tokens)


@dataclass(frozen=True, slots=True)
class Windows:
    """Texts as windows of tokens; the windows of text i are those from bounds[i] to bounds[i + 1]."""

    tokens: Tokens  # a row per window
    bounds: NDArray[np.int64]  # (texts + 1,)
    places: NDArray[np.int32]  # per token: its place in the body; -1 for a token of head or tail
    chars: NDArray[np.int32]  # tokens × 2: the characters of the text that a token of the body stands for

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def take(self, rows: NDArray[np.int64]) -> Windows:
        """The windows of these texts, in this order."""
        bounds, windows = taken(self.bounds, rows)
        _, places = taken(self.tokens.starts, windows)
        tokens = self.tokens.take(windows)
        return Windows(tokens, bounds, self.places[places], self.chars[places])


def windows(texts: Iterable[str], tokenizer: Tokenizer, limits: Limits) -> tuple[Windows, NDArray[np.int64]]:
    """Texts as windows, and the lengths (texts,) in tokens that they would have without a limit.

    Truncation and padding of the fast backend are switched off; special tokens within texts are neutralised. A text
    without tokens has one window.
    """
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return _all((_Whole(one, 0, len(one.ids)) for one in _encodings(texts, tokenizer)), limits)


def pair_windows(
    pairs: Iterable[tuple[str, str]], tokenizer: Tokenizer, limits: Limits
) -> tuple[Windows, NDArray[np.int64], int]:
    """Pairs as windows over the second text, each of which begins with the whole first one; their lengths (pairs,) in
    tokens without a limit; and how many first texts were cut, as they would have filled more than half a window."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    room = max(1, limits.tokens // 2)
    cut = 0

    def each() -> Iterator[_Whole]:
        nonlocal cut
        for chunk in blocks(pairs, length_of, CHUNK, CHARACTERS):
            for (first, second), encoding in zip(chunk, tokenizer.encode_batch(chunk), strict=True):
                full = len(encoding.ids)
                parts = np.array([-1 if part is None else part for part in encoding.sequence_ids])
                own = np.flatnonzero(parts == 0)
                if len(own) > room:
                    cut += 1
                    encoding = tokenizer.encode(first[: encoding.offsets[int(own[room - 1])][1]], second)
                yield _Whole(encoding, 1, full)

    found, lengths = _all(each(), limits)
    return found, lengths, cut


@dataclass(frozen=True, slots=True)
class _Whole:
    encoding: Encoding
    body: int  # which of its sequences windows go over
    full: int  # tokens without a limit


def _all(each: Iterable[_Whole], limits: Limits) -> tuple[Windows, NDArray[np.int64]]:
    """The windows of all encodings, and the lengths of these without a limit."""
    found: list[_Window] = []
    counts: list[int] = []
    lengths: list[int] = []
    for one in each:
        cut = list(_cut(one.encoding, limits, one.body))
        found += cut
        counts.append(len(cut))
        lengths.append(one.full)
    return _joined(found, counts), np.asarray(lengths, np.int64)


@dataclass(frozen=True, slots=True)
class _Window:
    ids: NDArray[np.int32]
    places: NDArray[np.int32]
    chars: NDArray[np.int32]
    first: int = -1  # of a pair: tokens before the second text, as token types tell them; -1: no pair


def _encodings(texts: Iterable[str], tokenizer: Tokenizer) -> Iterator[Encoding]:
    for chunk in blocks(texts, len, CHUNK, CHARACTERS):
        yield from tokenizer.encode_batch(chunk, add_special_tokens=True)


def _cut(encoding: Encoding, limits: Limits, whole: int = 0) -> Iterator[_Window]:
    """The windows of one text, or over the second text of a pair (`whole` is 1)."""
    ids = np.asarray(encoding.ids, np.int32)
    chars = np.asarray(encoding.offsets, np.int32).reshape(-1, 2)
    parts = np.asarray([-1 if part is None else part for part in encoding.sequence_ids])
    body = np.flatnonzero(parts == whole)
    if len(body):
        first, last = int(body[0]), int(body[-1]) + 1
    elif whole:  # an empty second text: after the first one and what stands between them
        first = last = len(ids) - (parts[-1] == -1)
    else:  # an empty text: its place is before the closing special tokens
        first = last = len(ids) - len(ids) // 2  # as many close a text as open it, or one fewer
    head, tail = np.arange(first), np.arange(last, len(ids))
    room = max(1, limits.tokens - len(head) - len(tail))
    for inside in _stretches(len(body), room, limits):
        chosen = np.concatenate((head, first + inside, tail))
        places = np.concatenate((np.full(len(head), -1), inside, np.full(len(tail), -1)))
        types = first if any(encoding.type_ids) else len(chosen)  # no types: all of it is the first
        yield _Window(ids[chosen], places.astype(np.int32), chars[chosen], types if whole else -1)


def _stretches(length: int, room: int, limits: Limits) -> Iterator[NDArray[np.int64]]:
    """Places in the body that each window holds."""
    if length <= room or limits.long == "truncate":
        yield np.arange(min(length, room))
    elif limits.long == "head-tail":
        front = room - (3 * room) // 4  # a quarter of the beginning, the rest from the end (Sun et al. 2019, 5.3.1)
        yield np.concatenate((np.arange(front), np.arange(length - (room - front), length)))
    else:
        step = room - min(limits.overlap, room // 2)
        for start in range(0, length, step):
            yield np.arange(start, min(start + room, length))
            if start + room >= length:
                return


def _joined(found: Sequence[_Window], counts: Sequence[int]) -> Windows:
    starts = bounds_of([len(window.ids) for window in found])
    if not found:
        none = np.zeros(0, np.int32)
        return Windows(Tokens(none, starts), bounds_of(counts), none, none.reshape(0, 2))
    firsts = np.array([window.first for window in found], np.int64)
    return Windows(
        Tokens(np.concatenate([window.ids for window in found]), starts, None if firsts[0] < 0 else firsts),
        bounds_of(counts),
        np.concatenate([window.places for window in found]),
        np.concatenate([window.chars for window in found]),
    )


def context(read: Windows) -> NDArray[np.int32]:
    """How many tokens of the body stand on the shorter side of each token in its window; -1 in head and tail.

    Where windows overlap, the one with the most context says best what a token is (Devlin et al. 2019's code for
    SQuAD). The true ends of a text count as ends of unlimited context.
    """
    window = np.repeat(np.arange(len(read.tokens)), read.tokens.lengths)
    inside = read.places >= 0
    far = np.int32(1 << 30)
    lows = np.full(len(read.tokens), far, np.int32)
    highs = np.full(len(read.tokens), -1, np.int32)
    np.minimum.at(lows, window[inside], read.places[inside])
    np.maximum.at(highs, window[inside], read.places[inside])
    row = np.repeat(np.arange(len(read)), np.diff(read.bounds))
    lasts = np.full(len(read), -1, np.int32)
    np.maximum.at(lasts, row, highs)
    left = np.where(lows[window] == 0, far, read.places - lows[window])
    right = np.where(highs[window] == lasts[row][window], far, highs[window] - read.places)
    return np.where(inside, np.minimum(left, right), -1).astype(np.int32)


def _body(read: Windows, row: int, surrounding: NDArray[np.int32]) -> NDArray[np.int64]:
    """The flat places of a row's tokens in the order of its body, each in the window where it has the most context."""
    low, high = (int(read.tokens.starts[read.bounds[edge]]) for edge in (row, row + 1))
    inside = low + np.flatnonzero(read.places[low:high] >= 0)
    if read.bounds[row + 1] - read.bounds[row] == 1:
        return inside
    inside = inside[np.lexsort((-surrounding[inside], read.places[inside]))]  # of copies the best one first
    best: NDArray[np.int64] = inside[np.unique(read.places[inside], return_index=True)[1]]
    return best


def bodies(read: Windows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(bounds, sites): where each row's tokens begin among all bodies' tokens, and the flat place of each, in the order
    of its body, in the window where it has the most context."""
    surrounding = context(read)
    each = [_body(read, row, surrounding) for row in range(len(read))]
    return bounds_of([len(one) for one in each]), np.concatenate([np.zeros(0, np.int64), *each])


def sites(read: Windows, words: Spans) -> NDArray[np.int64]:
    """The token that speaks for each word: its first one, in the window where it has the most context.

    Returns positions in `read.tokens.ids`, one per word; -1 for a word that no token stands for (cut by the limit, or
    made of characters that the tokenizer drops).
    """
    surrounding = context(read)
    found = np.full(len(words.starts), -1, np.int64)
    for row in range(len(read)):
        first, last = int(words.bounds[row]), int(words.bounds[row + 1])
        if first == last:
            continue
        inside = _body(read, row, surrounding)
        inside = inside[read.chars[inside, 1] > read.chars[inside, 0]]
        if not len(inside):
            continue
        place = np.searchsorted(read.chars[inside, 1], words.starts[first:last], side="right")
        place = np.minimum(place, len(inside) - 1)
        reaches = (read.chars[inside[place], 0] < words.ends[first:last]) & (
            read.chars[inside[place], 1] > words.starts[first:last]
        )
        found[first:last] = np.where(reaches, inside[place], -1)
    return found
