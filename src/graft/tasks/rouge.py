"""ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", sections 2 and 3).

F1 of runs of one and two words, and of the longest common subsequence of words; with several references the best one
counts, measure by measure. On texts of ASCII letters and digits the numbers are those of the package `rouge-score`
without stemming. That package drops every other letter, so that a Russian text has no words; here a word is a run of
letters and digits of any script, and a Chinese or Japanese character is a word by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

ROUGE = ("rouge1", "rouge2", "rouge_l")
# CJK ideographs and kana are words by themselves, as nothing divides them.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return _WORD.findall(text.lower())


def rouge(output: str, references: Sequence[str]) -> tuple[float, float, float]:
    """ROUGE-1, ROUGE-2 and ROUGE-L of an output, each its F1 (0 to 1) against the reference that it is nearest to."""
    said = words(output)
    found = [_of_one(said, words(reference)) for reference in references]
    one, two, longest = (max(values) for values in zip(*found, strict=True))
    return one, two, longest


def _of_one(said: list[str], wanted: list[str]) -> tuple[float, float, float]:
    return (_overlap(said, wanted, 1), _overlap(said, wanted, 2), _f1(common(said, wanted), len(said), len(wanted)))


def _overlap(said: list[str], wanted: list[str], run: int) -> float:
    ours, theirs = (Counter(zip(*(text[place:] for place in range(run)), strict=False)) for text in (said, wanted))
    return _f1((ours & theirs).total(), ours.total(), theirs.total())


def common(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest common subsequence.

    By bits, one for each word of `first` (Hyyrö 2004, "Bit-parallel LCS-length computation revisited").
    """
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    whole = (1 << len(first)) - 1
    state = whole
    for word in second:
        met = state & places.get(word, 0)
        state = (state + met | state - met) & whole
    return (whole ^ state).bit_count()


def _f1(met: int, said: int, wanted: int) -> float:
    return 2 * met / (said + wanted) if met else 0.0
