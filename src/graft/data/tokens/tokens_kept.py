"""Token ids that were made once: kept in the cache by tokenizer and data, mapped from there, and written there as they
come, so that a million texts never lie in memory as ids.

They are kept at the longest length that the model reads; a recipe's own limit shortens them afterwards.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graft.cache.shard import UNREADABLE, Damaged, Shard, Table, Writer, discard, open_shard, shards_in
from graft.cache.store import Store, key
from graft.data.tokens.tokens import Tokens, chunks, settle, starts_of, tokenize
from graft.errors import refusal

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Tokenised = tuple[Tokens, NDArray[np.int64]]
FEWEST = 256  # texts: fewer are tokenised in less time than a file takes


class KeptTokens:
    """Tokenises by one tokenizer up to one limit, each data only once."""

    def __init__(self, store: Store, tokenizer: Tokenizer, limit: int, label: str = "") -> None:
        """`tokenizer`: the fast backend; `label`: the model's name, for people."""
        settle(tokenizer)
        self.found = 0  # texts that were not tokenised again
        self.notes: list[str] = []  # what was damaged, or could not be read or written, in sentences
        self._store, self._tokenizer, self._limit, self._label = store, tokenizer, limit, label
        self._fields = {
            "kind": "token ids",
            "tokenizer": hashlib.sha256(tokenizer.to_str().encode()).hexdigest(),
            "library": f"tokenizers {importlib.metadata.version('tokenizers')}",
            "limit": str(limit),
        }

    def of(self, texts: Iterable[str], count: int, data: str) -> Tokenised:
        """What `tokenize` gives for `count` texts. `data`: a digest of them, in their order."""
        if count < FEWEST:
            return tokenize(texts, self._tokenizer, self._limit)
        fields = self._fields | {"data": data}
        folder = self._store.folder / key(fields)
        shard = self._find(folder, fields)
        if shard is not None:
            self.found += count
            return _tokens(shard)
        try:
            return _tokens(self._write(texts, folder, fields))
        except OSError as error:
            self.notes.append(f"Cache: {folder} cannot be written: {refusal(error)[0]}. The run goes on without it.")
        return tokenize(texts, self._tokenizer, self._limit)

    def _find(self, folder: Path, fields: dict[str, str]) -> Shard | None:
        for path in shards_in(folder, self.notes):
            try:
                shard = open_shard(path)
                shard.check(np.zeros(1, np.int64), np.array([shard.table.bytes]))
                if shard.table.fields != fields or 4 * int(shard.array("counts").sum()) != shard.table.bytes:
                    raise Damaged(f"{path} does not hold what its place says")
            except UNREADABLE as error:
                discard(path, error, self.notes)
                continue
            self._store.touch(path)
            return shard
        return None

    def _write(self, texts: Iterable[str], folder: Path, fields: dict[str, str]) -> Shard:
        writer = Writer(folder)
        try:
            full = [np.zeros(0, np.int64)]
            for chunk in chunks(texts, self._tokenizer, self._limit):
                writer.append(chunk.ids)
                full.append(chunk.full)
            lengths = np.concatenate(full)
            self._store.make_room(0)  # what is being written counts
            counts = np.minimum(lengths, self._limit).astype(np.uint32)
            return writer.commit(Table(fields, self._label), {"full": lengths, "counts": counts})
        finally:
            writer.drop()


def _tokens(shard: Shard) -> Tokenised:
    starts = starts_of(shard.array("counts").astype(np.int64))
    return Tokens(shard.values("int32", 1).reshape(-1), starts), shard.array("full").astype(np.int64)
