"""Passages that two bodies of text share word for word, found fast enough for megabytes.

Words are compared without case and punctuation, in runs of `RUN` words: every run of the known texts has a 64-bit
hash, sorted once; a run that is found is followed for as long as the words agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RUN = 8  # words; two writers seldom agree by chance on so many in a row
CANDIDATES = 64  # places of a run that are followed; a run that is more common than that is a formula
BETWEEN = -1  # the code that stands between documents, and for words that the known texts do not have
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # written without spaces: each character is a word
WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*")
_BASE = np.uint64(0x9E3779B97F4A7C15)
Codes = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of words that also stands in a known text."""

    start: int  # characters from the start of the text that it was found in
    stop: int
    words: int
    document: int  # which known text has it


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a text shares with the known texts."""

    words: int
    copied: int  # words that lie in a shared run of at least RUN words
    passages: tuple[Passage, ...]  # in the order of the text, none within another

    @property
    def share(self) -> float:
        return self.copied / self.words if self.words else 0.0

    @property
    def longest(self) -> Passage | None:
        return max(self.passages, key=lambda passage: passage.words, default=None)


def words_of(text: str) -> list[str]:
    """The words of a text in the form in which they are compared."""
    return [word.casefold().replace("’", "'") for word in WORD.findall(text)]


class Known:
    """Known texts, indexed by their runs of words."""

    def __init__(self, texts: Iterable[str], run: int = RUN) -> None:
        self._run = run
        self._codes: dict[str, int] = {}
        parts: list[Codes] = []
        starts = [0]
        for text in texts:
            codes = [self._codes.setdefault(word, len(self._codes)) for word in words_of(text)]
            parts.append(np.array([*codes, BETWEEN], dtype=np.int64))
            starts.append(starts[-1] + len(codes) + 1)
        self._words = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        self._starts = np.array(starts, dtype=np.int64)
        places = np.flatnonzero(_whole(self._words, run))
        hashes = _hashes(self._words, run)[places]
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._places = hashes[order], places[order]

    def overlap(self, text: str) -> Overlap:
        """What `text` shares with the known texts."""
        found = list(WORD.finditer(text))
        words = [match.group().casefold().replace("’", "'") for match in found]
        codes = np.array([self._codes.get(word, BETWEEN) for word in words], dtype=np.int64)
        passages: list[Passage] = []
        copied = np.zeros(len(codes), bool)
        place = 0
        hits = self._hits(codes)
        while place < len(hits):
            if not hits[place]:
                ahead = np.flatnonzero(hits[place:])
                if not len(ahead):
                    break
                place += int(ahead[0])
            length, there = self._longest(codes, place)
            if length:
                copied[place : place + length] = True
                document = int(np.searchsorted(self._starts, there, side="right")) - 1
                last = place + length - 1
                passages.append(Passage(found[place].start(), found[last].end(), length, document))
            place += max(1, length - self._run + 1)
        return Overlap(len(codes), int(copied.sum()), tuple(passages))

    def _hits(self, codes: Codes) -> NDArray[np.bool_]:
        """For each place, whether the run of words that begins there is known."""
        if len(codes) < self._run or not len(self._hashes):
            return np.zeros(0, bool)
        wanted = _hashes(codes, self._run)
        nearest = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        return np.asarray((self._hashes[nearest] == wanted) & _whole(codes, self._run))

    def _longest(self, codes: Codes, place: int) -> tuple[int, int]:
        """(words, place in the known words) of the longest run from `place` on; (0, 0) if the hash deceived."""
        wanted = _hashes(codes[place : place + self._run], self._run)[0]
        first, last = np.searchsorted(self._hashes, [wanted, wanted + np.uint64(1)])
        best = (0, 0)
        for there in self._places[first : min(last, first + CANDIDATES)].tolist():
            length = _agreement(codes[place:], self._words[there:])
            if length >= self._run and length > best[0]:
                best = (length, there)
        return best


def repeated(texts: Sequence[str], known: Known) -> int:
    """Words of `texts` that lie in passages of the known texts."""
    return sum(known.overlap(text).copied for text in texts)


def _agreement(ours: Codes, theirs: Codes) -> int:
    """How many words agree from the start on."""
    size, reach = min(len(ours), len(theirs)), 64
    while True:
        part = min(size, reach)
        differ = np.flatnonzero((ours[:part] != theirs[:part]) | (ours[:part] == BETWEEN))
        if len(differ):
            return int(differ[0])
        if part == size:
            return size
        reach *= 4


def _hashes(codes: Codes, run: int) -> Hashes:
    """A hash of the run of words from each place on (places less run - 1)."""
    count = max(0, len(codes) - run + 1)
    hashes = np.zeros(count, np.uint64)
    values = codes.astype(np.uint64) + np.uint64(2)
    with np.errstate(over="ignore"):
        for step in range(run):
            hashes = (hashes ^ (hashes >> np.uint64(31))) * _BASE + values[step : step + count]
    return hashes


def _whole(codes: Codes, run: int) -> NDArray[np.bool_]:
    """For each run, whether it lies within one document and holds known words only."""
    count = max(0, len(codes) - run + 1)
    breaks = np.concatenate(([0], np.cumsum(codes == BETWEEN)))
    return np.asarray(breaks[run : run + count] == breaks[:count])
