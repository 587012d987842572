"""Tokens that are made once: the same as made anew, found again, and never another tokenizer's or data's."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from tiny import AWKWARD, bert, roberta
from transformers import AutoTokenizer

from graft.cache.store import Store
from graft.data.tokens import tokens_kept
from graft.data.tokens.tokens import tokenize
from graft.data.tokens.tokens_kept import KeptTokens

TEXTS = AWKWARD * 40


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("tokenizers")
    return {"bert": bert(root / "bert", layers=1), "roberta": roberta(root / "roberta", layers=1)}


def kept(folders, name="bert", limit=64):
    tokenizer = AutoTokenizer.from_pretrained(folders[name]).backend_tokenizer
    return KeptTokens(Store(), tokenizer, limit, name), tokenizer


def same(one, other):
    (left, left_lengths), (right, right_lengths) = one, other
    pairs = [(left.ids, right.ids), (left.starts, right.starts), (left_lengths, right_lengths)]
    return all(np.array_equal(*pair) for pair in pairs)


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_the_second_time_nothing_is_tokenised(folders, name, monkeypatch):
    first, tokenizer = kept(folders, name)
    made = first.of(TEXTS, len(TEXTS), "data")
    assert same(made, tokenize(TEXTS, tokenizer, 64))
    assert (first.found, first.notes) == (0, [])
    monkeypatch.setattr(tokens_kept, "chunks", None)
    monkeypatch.setattr(tokens_kept, "tokenize", None)
    second, _ = kept(folders, name)
    assert same(second.of(TEXTS, len(TEXTS), "data"), made)
    assert second.found == len(TEXTS)


def test_other_data_limits_and_tokenizers_are_misses(folders):
    kept(folders)[0].of(TEXTS, len(TEXTS), "data")
    changed = kept(folders)[1]
    changed.add_tokens(["bread"])
    others = {
        "data": (kept(folders)[0], "other data"),
        "limit": (kept(folders, limit=63)[0], "data"),
        "tokenizer": (kept(folders, "roberta")[0], "data"),
        "one word more": (KeptTokens(Store(), changed, 64), "data"),
    }
    for name, (other, data) in others.items():
        other.of(TEXTS, len(TEXTS), data)
        assert other.found == 0, name
    again = kept(folders)[0]
    again.of(TEXTS, len(TEXTS), "data")
    assert again.found == len(TEXTS)


def test_few_texts_are_not_worth_a_file(folders):
    few, tokenizer = kept(folders)
    assert same(few.of(AWKWARD, len(AWKWARD), "data"), tokenize(AWKWARD, tokenizer, 64))
    assert not Store().folder.exists()


@pytest.mark.parametrize("damage", ["cut", "bit"])
def test_damaged_tokens_are_said_and_made_again(folders, damage):
    first, _ = kept(folders)
    made = first.of(TEXTS, len(TEXTS), "data")
    expected = (made[0].take(np.arange(len(TEXTS))), made[1].copy())
    (path,) = Store().folder.glob("*/*.shard")
    whole = bytearray(path.read_bytes())
    whole[100] ^= 2
    path.unlink()
    path.write_bytes(whole[:-9] if damage == "cut" else whole)
    second, _ = kept(folders)
    assert same(second.of(TEXTS, len(TEXTS), "data"), expected)
    assert second.found == 0
    assert str(path) in second.notes[0]


def test_tokens_that_cannot_be_read_are_made_again_and_stay(folders, monkeypatch):
    def refused(path):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))

    first, tokenizer = kept(folders)
    first.of(TEXTS, len(TEXTS), "data")
    (path,) = Store().folder.glob("*/*.shard")
    monkeypatch.setattr(tokens_kept, "open_shard", refused)
    second, _ = kept(folders)
    assert same(second.of(TEXTS, len(TEXTS), "data"), tokenize(TEXTS, tokenizer, 64))
    assert "cannot be read" in second.notes[0]
    assert path.exists()


def test_an_interruption_leaves_nothing(folders, monkeypatch):
    def interrupted(*given):
        yield from list(chunks(*given))[:1]
        raise KeyboardInterrupt

    chunks = tokens_kept.chunks
    monkeypatch.setattr(tokens_kept, "chunks", interrupted)
    first, _ = kept(folders)
    with pytest.raises(KeyboardInterrupt):
        first.of(TEXTS, len(TEXTS), "data")
    assert not list(Store().folder.glob("*/*"))


def test_a_cache_that_cannot_be_written_is_said_and_done_without(folders, cache):
    (cache / "shards").write_text("a file")
    first, tokenizer = kept(folders)
    assert same(first.of(TEXTS, len(TEXTS), "data"), tokenize(TEXTS, tokenizer, 64))
    assert "cannot be written" in first.notes[0]
