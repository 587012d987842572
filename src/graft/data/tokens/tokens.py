"""Texts as token ids: one flat array for all rows, and what the length limit cuts.

Special tokens inside a person's text are read as ordinary characters: a review that contains "[SEP]" or "</s>"
must not end the sequence.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graft.data.stream import blocks
from graft.records import Truncation

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CHUNK = 8192  # texts handed to the tokenizer's threads at a time: enough to keep them busy, little enough to hold
CHARACTERS = 1 << 20  # of these texts together: what the tokenizer says of each token takes 160 bytes until all is said


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids of some rows, one after the other; row i is ids[starts[i]:starts[i + 1]].

    A row of a pair holds both texts, the second after `firsts` tokens of the first (`pairs.py`).
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]  # (rows + 1,)
    firsts: NDArray[np.int64] | None = None  # (rows,); None: no pairs

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        lengths: NDArray[np.int64] = np.diff(self.starts)
        return lengths

    def digests(self) -> NDArray[np.uint64]:
        """128 bits (rows × 2) of what each row is to a backbone: rows are equal where these are."""
        ids, ends = np.ascontiguousarray(self.ids).data.cast("B"), (self.starts * self.ids.itemsize).tolist()
        found = bytearray()
        for row, (start, stop) in enumerate(itertools.pairwise(ends)):
            digest = hashlib.blake2b(ids[start:stop], digest_size=16)
            if self.firsts is not None:  # where the second text begins is told by token types
                digest.update(int(self.firsts[row]).to_bytes(8, "little"))
            found += digest.digest()
        return np.frombuffer(found, dtype="<u8").reshape(-1, 2).astype(np.uint64)

    def take(self, rows: NDArray[np.int64]) -> Tokens:
        """The tokens of these rows, in this order."""
        lengths = self.lengths[rows]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        positions = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths) + np.repeat(self.starts[rows], lengths)
        return Tokens(self.ids[positions], starts, None if self.firsts is None else self.firsts[rows])

    @property
    def apart(self) -> Tokens:
        """Each text of a pair as a row of its own: the texts of row i are the rows 2i and 2i + 1. The ids stay."""
        assert self.firsts is not None, "these rows are no pairs"
        starts = np.empty(2 * len(self) + 1, np.int64)
        starts[::2], starts[1::2] = self.starts, self.starts[:-1] + self.firsts
        return Tokens(self.ids, starts)


def tokenize(texts: Iterable[str], tokenizer: Tokenizer, limit: int) -> tuple[Tokens, NDArray[np.int64]]:
    """Tokenize texts for an encoder, special tokens of the model added, at most `limit` tokens each; also returns the
    lengths (rows,) that the texts would have without the limit.

    `tokenizer` is the fast backend; its truncation and padding are switched off, and special tokens within texts are
    neutralised. A text that is too long keeps its beginning and the model's closing special tokens.
    """
    ids, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for chunk in chunks(texts, tokenizer, limit):
        ids.append(chunk.ids)
        lengths.append(chunk.full)
    full = np.concatenate(lengths)
    return Tokens(np.concatenate(ids), starts_of(np.minimum(full, limit))), full


@dataclass(frozen=True, slots=True)
class Chunk:
    """The ids of some texts, one after the other, and the lengths that these would have without the limit."""

    ids: NDArray[np.int32]
    full: NDArray[np.int64]


def chunks(texts: Iterable[str], tokenizer: Tokenizer, limit: int) -> Iterator[Chunk]:
    """The same, some thousand texts at a time: what is yielded need not be held."""
    settle(tokenizer)
    closing = closing_tokens(tokenizer)
    for some in blocks(texts, len, CHUNK, CHARACTERS):
        rows = _encode(some, tokenizer)
        full = np.fromiter(map(len, rows), np.int64, len(rows))
        kept = (ids if len(ids) <= limit else ids[: limit - closing] + ids[len(ids) - closing :] for ids in rows)
        total = int(np.minimum(full, limit).sum())
        yield Chunk(np.fromiter(itertools.chain.from_iterable(kept), np.int32, total), full)


def settle(tokenizer: Tokenizer) -> None:
    """No truncation, no padding, and special tokens within texts neutralised."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True


def starts_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """(rows + 1,) where rows of these lengths begin and end."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))


def shortened(tokens: Tokens, limit: int, closing: int) -> Tokens:
    """The same rows cut to `limit` tokens; the `closing` special tokens at each end are kept."""
    lengths = tokens.lengths
    if int(lengths.max(initial=0)) <= limit:
        return tokens
    starts = starts_of(np.minimum(lengths, limit))
    ids = np.empty(starts[-1], dtype=np.int32)
    for row in range(0, len(tokens), CHUNK):  # positions take more memory than ids: some at a time
        some = slice(row, row + CHUNK)
        kept = np.minimum(lengths[some], limit)
        within = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
        from_end = np.repeat(kept, kept) - within
        skipped = np.where(from_end <= closing, np.repeat(lengths[some] - kept, kept), 0)
        first = starts[row]
        ids[first : first + len(within)] = tokens.ids[np.repeat(tokens.starts[:-1][some], kept) + within + skipped]
    return Tokens(ids, starts)


def measure(lengths: NDArray[np.int64], limit: int) -> Truncation:
    """What a limit cuts from texts of these lengths in tokens."""
    return Truncation(
        limit=limit,
        texts=len(lengths),
        texts_cut=int((lengths > limit).sum()),
        tokens=int(lengths.sum()),
        tokens_cut=int(np.maximum(lengths - limit, 0).sum()),
        longest=int(lengths.max(initial=0)),
    )


def merged(parts: Sequence[Truncation]) -> Truncation:
    """The truncation of several splits together."""
    return Truncation(
        limit=parts[0].limit,
        texts=sum(part.texts for part in parts),
        texts_cut=sum(part.texts_cut for part in parts),
        tokens=sum(part.tokens for part in parts),
        tokens_cut=sum(part.tokens_cut for part in parts),
        longest=max(part.longest for part in parts),
    )


def closing_tokens(tokenizer: Tokenizer) -> int:
    """How many special tokens the model's template puts after a text."""
    mask = tokenizer.encode("a").special_tokens_mask
    count = 0
    for is_special in reversed(mask):
        if not is_special:
            break
        count += 1
    return count


def _encode(chunk: list[str], tokenizer: Tokenizer) -> list[list[int]]:
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(chunk, add_special_tokens=True)]
