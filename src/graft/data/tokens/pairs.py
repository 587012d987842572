"""Pairs of texts as token ids: joined in one sequence by the tokenizer's own template, or each in one of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from graft.data.stream import blocks
from graft.data.table import Rows
from graft.data.tokens.tokens import CHARACTERS, CHUNK, Tokens, tokenize

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

Pair = tuple[str, str]
Way = Literal["joined", "apart"]
Lengths = NDArray[np.int64]


def tokenize_rows(rows: Rows, tokenizer: Tokenizer, limit: int, way: Way = "joined") -> tuple[Tokens, Lengths]:
    """The rows' texts as `tokenize` gives them; pairs as `tokenize_pairs` does."""
    if rows.seconds is None:
        return tokenize(rows.texts, tokenizer, limit)
    return tokenize_pairs(zip(rows.texts, rows.seconds, strict=True), tokenizer, limit, way)


def tokenize_pairs(pairs: Iterable[Pair], tokenizer: Tokenizer, limit: int, way: Way) -> tuple[Tokens, Lengths]:
    """Tokenize pairs, at most `limit` tokens in each sequence; also returns the lengths (rows,) without the limit.

    Joined, the longer text loses its end first, and token types follow from `Tokens.firsts`. Apart, each text is cut
    on its own, and the lengths are those of the longer one. Special tokens within texts are neutralised.
    """
    return _joined(pairs, tokenizer, limit) if way == "joined" else _apart(pairs, tokenizer, limit)


def length_of(pair: Pair) -> int:
    """Characters of both texts."""
    return len(pair[0]) + len(pair[1])


def _apart(pairs: Iterable[Pair], tokenizer: Tokenizer, limit: int) -> tuple[Tokens, Lengths]:
    each, lengths = tokenize((text for pair in pairs for text in pair), tokenizer, limit)
    return Tokens(each.ids, each.starts[::2], each.lengths[::2]), lengths.reshape(-1, 2).max(axis=1, initial=0)


def _joined(pairs: Iterable[Pair], tokenizer: Tokenizer, limit: int) -> tuple[Tokens, Lengths]:
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    ids: list[NDArray[np.int32]] = []
    firsts: list[int] = []
    full: list[int] = []
    for chunk in blocks(pairs, length_of, CHUNK, CHARACTERS):
        for encoding, length in _cut(chunk, tokenizer, limit):
            types = np.asarray(encoding.type_ids)
            ids.append(np.asarray(encoding.ids, np.int32))
            firsts.append(int(types.argmax()) if types.any() else len(types))  # no types: all of it is the first
            full.append(length)
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum([len(row) for row in ids], dtype=np.int64)))
    flat = np.concatenate(ids) if ids else np.zeros(0, np.int32)
    return Tokens(flat, starts, np.array(firsts, np.int64)), np.array(full, np.int64)


def _cut(chunk: Sequence[Pair], tokenizer: Tokenizer, limit: int) -> list[tuple[Encoding, int]]:
    """Each pair's encoding within the limit, and its length without."""
    tokenizer.no_truncation()
    found = [(encoding, len(encoding.ids)) for encoding in tokenizer.encode_batch(list(chunk))]
    long = [row for row, (_, length) in enumerate(found) if length > limit]
    if long:
        tokenizer.enable_truncation(limit, strategy="longest_first")
        for row, encoding in zip(long, tokenizer.encode_batch([chunk[row] for row in long]), strict=True):
            found[row] = encoding, found[row][1]
        tokenizer.no_truncation()
    return found
