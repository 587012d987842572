"""Documents as tokens of a language model, with what scoring in characters needs.

Models with different tokenizers compare by bits per character of the person's text. A tokenizer may lose characters:
unknown ones, case, spaces, what its normalisation evens out. These are charged, not free: a code that restores the
text has to say which characters are missing, and spell them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graft.data.tokens.tokens import Tokens
from graft.data.tokens.windows import windows

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BYTE = 8.0  # bits of a byte of a lost character


@dataclass(frozen=True, slots=True)
class Edges:
    """What opens and closes each document: token ids, None where a model has none; and what stands for the unknown."""

    start: int | None
    end: int | None
    unknown: int | None = None


@dataclass(frozen=True, slots=True)
class Prose:
    """Documents as token rows: the opening token, the text's own, the closing one."""

    tokens: Tokens
    ends: NDArray[np.int32]  # per token: characters of its document up to its end
    characters: NDArray[np.int64]  # per document
    lost: NDArray[np.int64]  # per document: characters that its tokens do not bring back
    lost_bits: NDArray[np.float64]  # per document: what they are charged

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True, slots=True)
class Stretches:
    """What a language model is asked for in each window of some documents: the targets of a `write` task."""

    fresh: NDArray[np.int64]  # the place in its window of the first token that is asked for
    characters: NDArray[np.int64]  # of the text that the asked tokens stand for
    lost_bits: NDArray[np.float64]  # the window's share of what its document's tokens lose

    def __len__(self) -> int:
        return len(self.fresh)

    def take(self, rows: NDArray[np.int64]) -> Stretches:
        return Stretches(self.fresh[rows], self.characters[rows], self.lost_bits[rows])

    def strata(self) -> NDArray[np.int32]:
        return np.zeros(len(self), np.int32)

    def counts(self, _: Sequence[str]) -> dict[str, int]:
        return {}

    def shown(self, _: Sequence[str], start: int, stop: int) -> list[str]:
        return [str(count) for count in self.characters[start:stop].tolist()]


def stretches(prose: Prose, size: int, context: int = 1) -> tuple[Tokens, Stretches]:
    """Documents as windows of at most `size` tokens, and what each is asked for (see `windows.windows`)."""
    found = windows(prose.tokens, size, context)
    last = found.begins + found.tokens.lengths - 1
    characters = (prose.ends[last] - prose.ends[found.begins + found.fresh - 1]).astype(np.int64)
    whole = np.maximum(prose.characters[found.documents], 1)
    lost = prose.lost_bits[found.documents] * characters / whole
    return found.tokens, Stretches(found.fresh, characters, lost)


def read_prose(texts: Iterable[str], tokenizer: Tokenizer, edges: Edges, closed: bool = True) -> Prose:
    """Documents as tokens. Without `closed` the closing token is left off, for scoring the text alone.

    `tokenizer` is the fast backend; what looks like a special token within a text is read as characters.
    """
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    opening = [] if edges.start is None else [edges.start]
    closing = [edges.end] if closed and edges.end is not None else []
    ids: list[NDArray[np.int32]] = []
    ends: list[NDArray[np.int32]] = []
    lengths, characters, lost, bits = [0], [], [], []
    for text in texts:
        found = tokenizer.encode(text, add_special_tokens=False)
        own = np.array(found.ids, dtype=np.int32)
        reach = np.maximum.accumulate(np.array([0, *(stop for _, stop in found.offsets)], dtype=np.int32))[1:]
        if len(reach):
            reach[-1] = len(text)  # what the last token leaves off (a space, say) belongs to it
        ids.append(np.concatenate((opening, own, closing)).astype(np.int32))
        ends.append(np.concatenate(([0] * len(opening), reach, [len(text)] * len(closing))).astype(np.int32))
        lengths.append(lengths[-1] + len(ids[-1]))
        missing, number = restoring(text, tokenizer.decode(own[own != edges.unknown].tolist()))
        characters.append(len(text))
        lost.append(number)
        bits.append(missing)
    none = np.zeros(0, np.int32)
    return Prose(
        Tokens(np.concatenate(ids) if ids else none, np.array(lengths, dtype=np.int64)),
        np.concatenate(ends) if ends else none,
        np.array(characters, dtype=np.int64),
        np.array(lost, dtype=np.int64),
        np.array(bits, dtype=np.float64),
    )


def restoring(text: str, decoded: str) -> tuple[float, int]:
    """(bits, characters): what it costs to restore `text` from what its tokens decode to, and how many are missing.

    A character is missing where the text has it more often than the decoded one. Which of n characters k are missing
    takes n·H(k/n) bits (H: the entropy of a yes or no), and each is then spelt in UTF-8 at 8 bits a byte.
    """
    if text == decoded or text.strip() == decoded.strip():
        return 0.0, 0
    missing = Counter(text) - Counter(decoded)
    count = sum(missing.values())
    spelt = sum(len(character.encode("utf-8", "surrogatepass")) * times for character, times in missing.items())
    return len(text) * _entropy(count / len(text)) + BYTE * spelt, count


def _entropy(share: float) -> float:
    """Of a yes or no, in bits."""
    if not 0 < share < 1:
        return 0.0
    return -share * math.log2(share) - (1 - share) * math.log2(1 - share)
