"""How much a text repeats itself: distinct runs of words, and loops that a language model falls into."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.data.splitting.passages import WORD, words_of

LONGEST_PERIOD = 40  # words of a phrase that is repeated
FEWEST_LOOPED = 9  # words that agree with those one period before; fewer happen in ordinary prose ("on and on and on")
STAMMER = re.compile(r"([^\W\d_]{1,12}?)\1{7,}")  # eight times: fewer happen in ordinary prose ("aaaah", "hahaha")


@dataclass(frozen=True, slots=True)
class Loop:
    """What is said at least three times in a row."""

    phrase: str
    times: float
    start: int  # characters from the start of its text
    stop: int


def distinct(texts: Iterable[str], run: int, passage: int = 100) -> float:
    """The share of different runs of `run` words among all runs, the mean over passages of like length.

    After Li et al. 2016 (distinct-n), on passages, as the share falls with a text's length.
    """
    shares = []
    for text in texts:
        words = words_of(text)
        for start in range(0, max(1, len(words) - passage // 2), passage):
            part = words[start : start + passage]
            runs = [tuple(part[place : place + run]) for place in range(len(part) - run + 1)]
            if runs:
                shares.append(len(set(runs)) / len(runs))
    return float(np.mean(shares)) if shares else 1.0


def loops(text: str) -> list[Loop]:
    """What is said again and again, the shortest form of each, in their order: phrases, and syllables within a word."""
    found = list(WORD.finditer(text))
    words = words_of(text)
    codes = np.unique(np.array(words, dtype=object), return_inverse=True)[1] if words else np.zeros(0, np.int64)
    taken = np.zeros(len(words), bool)
    met: list[Loop] = []
    for period in range(1, min(LONGEST_PERIOD, len(words) // 3) + 1):
        same = codes[period:] == codes[:-period]
        for first, last in _runs(same) if np.count_nonzero(same) >= FEWEST_LOOPED else ():
            stop = last + period  # the words from `first` on, and one period more, repeat themselves
            if last - first < max(2 * period, FEWEST_LOOPED) or taken[first:stop].mean() > 0.5:
                continue
            taken[first:stop] = True
            phrase = text[found[first].start() : found[first + period - 1].end()]
            times = (stop - first) / period
            met.append(Loop(" ".join(phrase.split()), times, found[first].start(), found[stop - 1].end()))
    met += [loop for loop in _stammers(text) if not any(one.start < loop.stop and loop.start < one.stop for one in met)]
    return sorted(met, key=lambda loop: loop.start)


def _stammers(text: str) -> Iterator[Loop]:
    """Letters without a space that are repeated, as by a model that has learnt no words yet."""
    for found in STAMMER.finditer(text):
        yield Loop(found[1], len(found[0]) / len(found[1]), *found.span())


def longest_loop(texts: Iterable[str]) -> str:
    """What the loop of the most characters says, and how often; "" where there is none."""
    met = [loop for text in texts for loop in loops(text)]
    longest = max(met, key=lambda loop: loop.stop - loop.start, default=None)
    return f"{longest.phrase} (× {longest.times:.0f})" if longest else ""


def looped(texts: Sequence[str]) -> float:
    """The share of characters that lie in loops."""
    total = sum(len(text) for text in texts)
    return sum(loop.stop - loop.start for text in texts for loop in loops(text)) / total if total else 0.0


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, behind the last) of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]
