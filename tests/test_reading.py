"""From splits and a backbone to token rows: what was tokenised is not tokenised again where nothing is cut."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tiny

import graft
from graft.backbone.model import Backbone, load
from graft.backbone.models import hub
from graft.data.table import Splits
from graft.data.tokens.longtexts import Limits
from graft.machine import choose
from graft.reading import Read, limits_of, settle_pairs, tokenised, usual_limits
from graft.records import Recipe
from graft.tasks.classification import CLASSIFICATION
from graft.train.recipe import named
from graft.train.scale import Scale

WORDS = tiny.WORDS[:30]


@pytest.fixture(scope="module")
def splits() -> Splits:
    first = [" ".join(WORDS[row % 7 : row % 7 + 9]) for row in range(60)]
    second = [f"{WORDS[row % 30]} {row}" for row in range(60)]
    data = {"a": first, "b": second, "label": ["same", "other"] * 30}
    return graft.split(graft.read(data, text=("a", "b"), label="label"))


@pytest.fixture(scope="module")
def backbone(tiny_bert: Path, splits: Splits) -> Backbone:
    return load(hub.locate(str(tiny_bert)), splits.classes)


def settled(splits: Splits, joined: Read, backbone: Backbone, recipe: Recipe) -> Read:
    steps = settle_pairs(splits, joined, backbone, choose("cpu", "fp32"), recipe)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            read: Read = end.value[0]
            return read


@pytest.mark.parametrize(("most", "again"), [(64, False), (12, True)])
def test_joined_pairs_are_tokenised_again_only_where_the_recipe_cuts_them(
    splits: Splits, backbone: Backbone, most: int, again: bool
) -> None:
    scale = Scale(len(splits.train), 600, 2, 2, 32, False, CLASSIFICATION)
    recipe = dataclasses.replace(named("fast", scale), pairs="joined", max_tokens=most)
    joined = tokenised(splits, backbone, usual_limits(backbone))
    read = settled(splits, joined, backbone, recipe)
    assert (read is not joined) == again
    wanted = tokenised(splits, backbone, Limits(limits_of(recipe, backbone).tokens, "truncate"))
    for one, other in ((read.train, wanted.train), (read.validation, wanted.validation)):
        np.testing.assert_array_equal(one.tokens.ids, other.tokens.ids)
        np.testing.assert_array_equal(one.tokens.starts, other.tokens.starts)
        np.testing.assert_array_equal(one.tokens.firsts, other.tokens.firsts)
    np.testing.assert_array_equal(read.lengths, wanted.lengths)
