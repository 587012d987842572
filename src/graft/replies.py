"""Targets that are texts, as a model's tokens: what a decoder learns to write, and what the length limit cuts of it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from graft.backbone.model import Backbone
from graft.data.references import References, references_of
from graft.data.table import Splits
from graft.data.tokens.tokens import Tokens, measure, starts_of, tokenize
from graft.records import Truncation

SAMPLE = 300  # targets that are looked through for characters that a tokenizer loses
LOST = 0.002  # share of them from which it is told


def replied(targets: References, backbone: Backbone, limit: int) -> References:
    """The references with the tokens of each row's first, at most `limit`, the one that ends a text included."""
    return dataclasses.replace(targets, tokens=_tokens(targets, backbone, limit)[0])


def cut_off(splits: Splits, backbone: Backbone, limit: int) -> Truncation:
    """What the limit cuts of the targets that are learnt from and validated on."""
    lengths = [_tokens(references_of(rows.targets), backbone, limit)[1] for rows in (splits.train, splits.validation)]
    return measure(np.concatenate(lengths), limit)


def about_targets(splits: Splits, backbone: Backbone, cut: Truncation) -> Iterator[str]:
    """What the length limit and the tokenizer do to the targets."""
    share = cut.texts_cut / max(cut.texts, 1)
    yield f"Targets: {share:.1%} of them are cut at {cut.limit} tokens (longest: {cut.longest})."
    lost, whole = lost_characters(references_of(splits.train.targets), backbone)
    if sum(lost.values()) > LOST * whole:
        shown = ", ".join(repr(character) for character, _ in lost.most_common(5))
        said = (
            f"the model's tokenizer cannot write {sum(lost.values()) / whole:.1%} of the targets' characters ({shown})"
        )
        yield f"WARNING: {said}; no output will have them. Another model may (--model)."


def lost_characters(targets: References, backbone: Backbone) -> tuple[Counter[str], int]:
    """The characters of some targets that do not come back from their tokens, and how many there are in all.

    Spaces are not counted, but line ends are: some tokenizers have none.
    """
    texts, tokenizer, lost, whole = targets.firsts[:SAMPLE], backbone.tokenizer, Counter[str](), 0
    for text in texts:
        ids = tokenizer.backend_tokenizer.encode(text).ids
        back = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        own = Counter(character for character in text.strip() if character == "\n" or not character.isspace())
        lost += own - Counter(back)
        whole += own.total()
    return lost, max(whole, 1)


def _tokens(targets: References, backbone: Backbone, limit: int) -> tuple[Tokens, NDArray[np.int64]]:
    tokenizer = backbone.tokenizer
    end = tokenizer.eos_token_id
    closes = end is None or tokenizer.backend_tokenizer.encode("").ids[-1:] == [end]
    tokens, lengths = tokenize(targets.firsts, tokenizer.backend_tokenizer, limit if closes else limit - 1)
    return (tokens, lengths) if closes else (_closed(tokens, int(end)), lengths + 1)


def _closed(tokens: Tokens, end: int) -> Tokens:
    """Each row with the token that ends a text behind it, where the tokenizer puts none there."""
    return Tokens(np.insert(tokens.ids, tokens.starts[1:], end), starts_of(tokens.lengths + 1))
