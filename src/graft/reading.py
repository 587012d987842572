"""From splits and a backbone to what a fit works on: texts tokenised once, pairs in the way that they are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.backbone import heads
from graft.backbone.features import Extractor
from graft.backbone.model import Backbone
from graft.cache.store import Store
from graft.data.pairs import Way, tokenize_rows
from graft.data.table import Rows, Splits
from graft.data.tokens import Tokens, closing_tokens, shortened
from graft.data.tokens_kept import KeptTokens
from graft.errors import RecipeError
from graft.records import MachineRecord, Recipe
from graft.tasks.registry import task_named
from graft.train import pairing
from graft.train.fit import Event
from graft.train.material import Labelled, Material

Lengths = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Read:
    """The token rows of train and validation, and the lengths of all three splits' rows without a limit."""

    train: Tokens
    validation: Tokens
    lengths: Lengths
    found: int = 0  # texts that an earlier run had tokenised
    notes: tuple[str, ...] = ()  # sentences: what of the cache was damaged or could not be written

    @property
    def train_tokens(self) -> int:
        """Tokens to learn from."""
        return len(self.train.ids)

    def within(self, limit: int, backbone: Backbone) -> Read:
        """The same rows, shortened."""
        closing = closing_tokens(backbone.tokenizer.backend_tokenizer)
        train, validation = (shortened(tokens, limit, closing) for tokens in (self.train, self.validation))
        return dataclasses.replace(self, train=train, validation=validation)


def tokenised(splits: Splits, backbone: Backbone, limit: int, way: Way = "joined") -> Read:
    """The splits as token rows of at most `limit` tokens; single texts are looked up in the cache, and kept there."""
    tokenizer = backbone.tokenizer.backend_tokenizer
    kept = KeptTokens(Store(), tokenizer, limit, backbone.record.name)
    digests: dict[str, str] = {summary.name: summary.digest for summary in splits.summary.splits}

    def read(rows: Rows, name: str) -> tuple[Tokens, Lengths]:
        if rows.seconds is None:
            return kept.of(rows.texts, len(rows), digests[name])
        return tokenize_rows(rows, tokenizer, limit, way)

    train, of_train = read(splits.train, "train")
    validation, of_validation = read(splits.validation, "validation")
    _, of_test = read(splits.test, "test")
    lengths = np.concatenate((of_train, of_validation, of_test))
    return Read(train, validation, lengths, kept.found, tuple(kept.notes))


def material_of(splits: Splits, backbone: Backbone, machine: MachineRecord, read: Read) -> Material:
    """What every stage reads. A model whose head starts at zero gets targets about zero."""
    task = task_named(splits.summary.task)
    train, validation = task.prepared(splits.train.targets, splits.validation.targets, heads.is_centred(backbone))
    learnt, held = Labelled(read.train, train), Labelled(read.validation, validation)
    extractor = Extractor(backbone, machine, Store())
    return Material(backbone, learnt, held, splits.classes, machine, extractor, task)


def settle_pairs(
    splits: Splits, backbone: Backbone, machine: MachineRecord, recipe: Recipe, limit: int
) -> Generator[Event, None, tuple[Read, Recipe]]:
    """Pairs as token rows in the recipe's way, and that recipe; "auto" becomes the better way of two short trials."""
    ways: tuple[Way, ...] = pairing.WAYS if recipe.pairs == "auto" else (recipe.pairs,)
    read = {way: tokenised(splits, backbone, limit, way) for way in ways}
    way = ways[0]
    if len(ways) > 1:
        both = {way: material_of(splits, backbone, machine, read[way]) for way in ways}
        way = yield from pairing.decide(both, recipe)
    return read[way], dataclasses.replace(recipe, pairs=way)


def check_pairs(splits: Splits, recipe: Recipe) -> None:
    """Raises RecipeError where a way to read pairs is asked for, and there are none."""
    if splits.train.seconds is None and recipe.pairs != "auto":
        found = f"pairs are to be read {recipe.pairs}, but the data hold single texts."
        raise RecipeError(found, "leave out --pairs, or name the two columns with --text and --text-pair.")
