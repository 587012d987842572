"""Where words stand in a text: those that were given, joined by spaces, or those that a text is made of."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from graft.data.spans import Span

# Scripts that are written without spaces: each character is a unit of its own there.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)


@cache
def _word() -> re.Pattern[str]:
    """A run of letters and digits with their combining marks, one character of an unspaced script, or one symbol.

    `\\w` alone lacks combining marks, which would cut Hindi or Arabic words at every vowel sign.
    """
    marks = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("M")]
    starts = [code for before, code in pairwise([-2, *marks]) if code != before + 1]
    ends = [code for code, after in pairwise([*marks, sys.maxunicode + 2]) if after != code + 1]
    ranges = "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))
    letter = rf"(?:(?![{UNSPACED}])\w)"
    return re.compile(rf"[{UNSPACED}][{ranges}]*|{letter}(?:{letter}|[{ranges}])*|[^\w\s]")


def words_in(text: str) -> list[Span]:
    """The words of a running text, punctuation apart, with code 0."""
    return [(match.start(), match.end(), 0) for match in _word().finditer(text)]


def joined(words: Sequence[str]) -> tuple[str, list[Span]]:
    """Words as one text with a space between each two, and where each stands in it."""
    places: list[Span] = []
    start = 0
    for word in words:
        places.append((start, start + len(word), 0))
        start += len(word) + 1
    return " ".join(words), places
