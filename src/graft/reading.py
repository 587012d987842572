"""From splits and a backbone to what a fit works on: texts tokenised once, pairs in the way that they are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.backbone import heads
from graft.backbone.features import Extractor
from graft.backbone.model import Backbone
from graft.cache.store import Store
from graft.data.answers import Answers
from graft.data.columns.marked import Marks
from graft.data.references import References
from graft.data.table import Rows, Splits
from graft.data.tokens.encode import Encoded, encode, is_plain, learnable, within
from graft.data.tokens.longtexts import WHOLE, Limits, limits_by
from graft.data.tokens.pairs import Way
from graft.data.tokens.tokens_kept import KeptTokens
from graft.errors import RecipeError
from graft.records import MachineRecord, Recipe
from graft.replies import replied
from graft.report.words import plural
from graft.tasks.registry import task_named
from graft.tasks.tagging_report import UNREAD
from graft.train import pairing
from graft.train.extractive import places
from graft.train.fit import Event
from graft.train.material import Labelled, Material

WINDOW = 256  # tokens of a window before the recipe is known; most recipes say the same
CONTEXT = 384  # the same where answers are looked for in it


@dataclass(frozen=True, slots=True)
class Read:
    """Train and validation as token rows, and the lengths of all three splits' rows without a limit."""

    train: Encoded
    validation: Encoded
    lengths: NDArray[np.int64]
    found: int = 0  # texts that an earlier run had tokenised
    notes: tuple[str, ...] = ()  # sentences: what of the cache was damaged or could not be written

    @property
    def train_tokens(self) -> int:
        """Tokens to learn from."""
        return len(self.train.tokens.ids)

    def within(self, splits: Splits, backbone: Backbone, limits: Limits) -> Read:
        """The same rows within other limits."""
        tokenizer = backbone.tokenizer.backend_tokenizer
        train = within(self.train, splits.train, tokenizer, limits)
        validation = within(self.validation, splits.validation, tokenizer, limits)
        return dataclasses.replace(self, train=train, validation=validation)


def usual_limits(backbone: Backbone) -> Limits:
    """Before the recipe is known: as long as the backbone reads, or windows of the usual length."""
    longest = backbone.record.max_tokens
    if backbone.reads == "span":
        return Limits(min(longest, CONTEXT), overlap=128)
    return Limits(longest, "truncate") if backbone.reads in WHOLE else Limits(min(longest, WINDOW))


def limits_of(recipe: Recipe, backbone: Backbone) -> Limits:
    """How long texts are handled: as the recipe says, else cut where a head reads them as a whole, and through windows
    where it reads tokens."""
    return limits_by(recipe, backbone.reads, min(recipe.max_tokens, backbone.record.max_tokens))


def tokenised(splits: Splits, backbone: Backbone, limits: Limits, way: Way = "joined") -> Read:
    """The splits as token rows within limits; texts that are read as a whole are looked up in the cache, and kept
    there. Of the test split the lengths alone are handed on."""
    tokenizer = backbone.tokenizer.backend_tokenizer
    kept = KeptTokens(Store(), tokenizer, limits.tokens, backbone.record.name)
    digests: dict[str, str] = {summary.name: summary.digest for summary in splits.summary.splits}

    def read(rows: Rows, name: str) -> Encoded:
        if not is_plain(rows, limits):
            return encode(rows, tokenizer, limits, way)
        tokens, lengths = kept.of(rows.texts, len(rows), digests[name])
        return Encoded(tokens, None, lengths, limits)

    train, validation, test = (
        read(splits.train, "train"),
        read(splits.validation, "validation"),
        read(splits.test, "test"),
    )
    lengths = np.concatenate((train.lengths, validation.lengths, test.lengths))
    return Read(train, validation, lengths, kept.found, tuple(kept.notes))


def material_of(splits: Splits, backbone: Backbone, machine: MachineRecord, read: Read) -> Material:
    """What every stage reads. A model whose head starts at zero gets targets about zero."""
    task = task_named(splits.summary.task)
    train, validation = task.prepared(splits.train.targets, splits.validation.targets, heads.is_centred(backbone))
    if isinstance(train, References) and isinstance(validation, References):
        limit = read.train.limits.tokens
        train, validation = replied(train, backbone, limit), replied(validation, backbone, limit)
    layout = read.train.layout
    if isinstance(train, Marks) and layout is not None:
        train, layout = learnable(train, layout)
    learnt = Labelled(read.train.tokens, train, layout)
    held = Labelled(read.validation.tokens, validation, read.validation.layout)
    extractor = Extractor(backbone, machine, Store())
    return Material(backbone, learnt, held, splits.classes, machine, extractor, task)


def settle_pairs(
    splits: Splits, joined: Read, backbone: Backbone, machine: MachineRecord, recipe: Recipe
) -> Generator[Event, None, tuple[Read, Way]]:
    """Pairs as token rows in the recipe's way, and that way; "auto" becomes the better of two short trials. `joined`:
    the pairs joined, before the recipe's limits were known; they are read again where these cut any."""
    ways: tuple[Way, ...] = pairing.WAYS if recipe.pairs == "auto" else (recipe.pairs,)
    limits, longest = limits_of(recipe, backbone), int(joined.lengths.max(initial=0))
    fits = longest <= min(limits.tokens, joined.train.limits.tokens)
    read = {way: joined if way == "joined" and fits else tokenised(splits, backbone, limits, way) for way in ways}
    way = ways[0]
    if len(ways) > 1:
        both = {way: material_of(splits, backbone, machine, read[way]) for way in ways}
        way = yield from pairing.decide(both, recipe)
    return read[way], way


_WHAT = {"token": "words are tagged one by one", "span": "answers are looked for in all of it"}


def about_answers(read: Read, splits: Splits, recipe: Recipe) -> Iterator[str]:
    """What keeps answers from being learnt or found, in sentences."""
    answers, layout = splits.train.targets, read.train.layout
    if not isinstance(answers, Answers) or layout is None:
        return
    found = places(answers, layout)
    tokens = np.diff(found.edges, axis=1)[:, 0] + 1
    long = int((tokens > recipe.answer_tokens).sum())
    if long:
        share = f"{long:,} of {len(tokens):,} answers of train have more than {recipe.answer_tokens} tokens"
        yield f"{share}, which is the most that is given (--set answer_tokens={int(tokens.max())} allows all of them)."
    if lost := int((~found.learnt).sum()):
        yield f"{lost:,} questions of train teach nothing: the tokens of their answers are cut off or lost."
    if cut := read.train.cut + read.validation.cut:
        yield f"{cut:,} questions are longer than half of {read.train.limits.tokens} tokens; their ends are cut off."


def about_words(read: Read) -> Iterator[str]:
    """How many words cannot be tagged, in a sentence."""
    if train := read.train.unread:
        yield f"{plural(train, 'word')} of train teach nothing: {UNREAD}."
    if held := read.validation.unread:
        yield f"{plural(held, 'word')} of validation get no tag: {UNREAD}."


def check_ways(splits: Splits, recipe: Recipe, backbone: Backbone) -> None:
    """Raises RecipeError where the recipe asks for a way to read that these data, or this head, cannot be read in."""
    pairs = splits.train.seconds is not None and backbone.reads == "row"
    if not pairs and recipe.pairs != "auto":
        what = "questions are read before their contexts" if backbone.reads == "span" else "the data hold single texts"
        found = f"pairs are to be read {recipe.pairs}, but {what}."
        raise RecipeError(found, "leave out --pairs, or name the two columns with --text and --text-pair.")
    if pairs and recipe.long not in ("auto", "truncate"):
        raise RecipeError(f"long texts are to be read by {recipe.long}, but pairs are cut.", "leave out --long.")
    if backbone.reads == "decoder" and recipe.long == "windows":
        found = "long is windows, but a text is rewritten as a whole."
        raise RecipeError(found, "set long to truncate or head-tail, or raise --max-tokens.")
    if recipe.head == "pooled" and (backbone.reads != "row" or recipe.long == "windows"):
        what = "windows are read one by one" if backbone.reads == "row" else _WHAT.get(backbone.reads, "")
        raise RecipeError(f"a pooled head reads whole texts, but {what}.", "use the native head (--head native).")
    if backbone.reads == "span" and any(stage.loss.class_weights != "none" for stage in recipe.stages):
        raise RecipeError("class_weights are asked for, but answers have no classes.", "leave out --class-weights.")
    if recipe.long == "head-tail" and backbone.reads not in WHOLE:
        found = f"long is head-tail, which leaves out the middle of a text, but {_WHAT.get(backbone.reads, '')}."
        raise RecipeError(found, "set long to windows or truncate.")
