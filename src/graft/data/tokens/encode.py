"""A split's rows as token rows: one per row where a head reads whole texts, or windows with what they stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graft.data.answers import Answers
from graft.data.columns.marked import Marks
from graft.data.table import Rows
from graft.data.tokens.layout import Layout
from graft.data.tokens.longtexts import Limits, bodies, pair_windows, sites, windows
from graft.data.tokens.pairs import Way, tokenize_rows
from graft.data.tokens.tokens import Tokens, closing_tokens, shortened

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ints = NDArray[np.int64]
_SPACES = np.array([code for code in range(0x3001) if chr(code).isspace()], np.uint32)  # Unicode has none above


@dataclass(frozen=True, slots=True)
class Encoded:
    """The token rows of a split, and how its rows lie in them (None: one each). `lengths`: of the uncut rows."""

    tokens: Tokens
    layout: Layout | None
    lengths: Ints
    limits: Limits
    cut: int = 0  # questions that were cut, as they would have filled more than half a window

    @property
    def unread(self) -> int:
        """Words that no token speaks for."""
        return 0 if self.layout is None or self.layout.sites is None else int((~self.layout.spoken).sum())


def is_plain(rows: Rows, limits: Limits) -> bool:
    """Whether each row is a text by itself, read as a whole and cut at the limit."""
    return not isinstance(rows.targets, Marks | Answers) and rows.seconds is None and limits.long == "truncate"


def encode(rows: Rows, tokenizer: Tokenizer, limits: Limits, way: Way = "joined") -> Encoded:
    """The rows within limits. What a head needs to know of their tokens follows from their targets: names need the
    tokens of words, answers those of contexts. Pairs are cut, whatever the limits say of long texts."""
    if isinstance(rows.targets, Answers):
        return _questions(rows, rows.targets, tokenizer, limits)
    marks = rows.targets if isinstance(rows.targets, Marks) else None
    if marks is None and (limits.long == "truncate" or rows.seconds is not None):
        tokens, lengths = tokenize_rows(rows, tokenizer, limits.tokens, way)
        return Encoded(tokens, None, lengths, limits)
    found, lengths = windows(rows.texts, tokenizer, limits)
    if marks is None:
        return Encoded(found.tokens, Layout(found.bounds, found.tokens.starts), lengths, limits)
    layout = Layout(found.bounds, found.tokens.starts, marks.words.bounds, sites(found, marks.words))
    return Encoded(found.tokens, layout, lengths, limits)


def learnable(marks: Marks, layout: Layout) -> tuple[Marks, Layout]:
    """Both without the words that no token speaks for, of which nothing can be learnt."""
    if layout.spoken.all():
        return marks, layout
    return replace(marks, words=marks.words.only(layout.spoken)), layout.only(layout.spoken)


def _questions(rows: Rows, answers: Answers, tokenizer: Tokenizer, limits: Limits) -> Encoded:
    """Windows over the contexts, each after the whole question."""
    assert rows.seconds is not None, "a question is asked about a context"
    found, lengths, cut = pair_windows(zip(rows.texts, rows.seconds, strict=True), tokenizer, limits)
    bounds, places = bodies(found)
    chars = _trimmed(found.chars[places], bounds, answers)
    layout = Layout(found.bounds, found.tokens.starts, bounds, places, chars, limits.answer)
    return Encoded(found.tokens, layout, lengths, limits, cut)


def _trimmed(chars: NDArray[np.int32], bounds: Ints, answers: Answers) -> NDArray[np.int32]:
    """Characters of tokens without the white space that some tokenizers count to the word after it."""
    chars = chars.copy()
    for row in range(len(answers)):
        letters = np.frombuffer(answers.context(row).encode("utf-32-le", "surrogatepass"), np.uint32)
        own = chars[int(bounds[row]) : int(bounds[row + 1])]
        while len(own):
            blank = (own[:, 0] < own[:, 1]) & np.isin(letters[np.minimum(own[:, 0], len(letters) - 1)], _SPACES)
            if not blank.any():
                break
            own[:, 0] += blank
    return chars


def within(found: Encoded, rows: Rows, tokenizer: Tokenizer, limits: Limits) -> Encoded:
    """The same rows within other limits, by as little work as that takes."""
    if found.layout is not None and found.limits.answer != limits.answer:
        layout = replace(found.layout, longest=limits.answer if found.layout.chars is not None else 0)
        found = replace(found, layout=layout, limits=replace(found.limits, answer=limits.answer))
    if found.limits == limits or (int(found.lengths.max(initial=0)) <= min(limits.tokens, found.limits.tokens)):
        return found
    if found.layout is None and limits.long == "truncate" and limits.tokens <= found.limits.tokens:
        tokens = shortened(found.tokens, limits.tokens, closing_tokens(tokenizer))
        return Encoded(tokens, None, found.lengths, limits)
    return encode(rows, tokenizer, limits)
