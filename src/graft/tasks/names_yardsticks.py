"""The yardstick of names: what a list of the training names finds."""

from __future__ import annotations

import time

import numpy as np

from graft.data.columns.marked import Marks
from graft.data.table import Splits
from graft.data.tags import tagset_of
from graft.tasks.names_lookup import look_up
from graft.tasks.names_metrics import UNREAD
from graft.tasks.task import Yardstick

SURE = 12.0  # a logit that leaves the other tags about nothing


def training_names(splits: Splits) -> Yardstick:
    """The training names, looked up in the test texts. Where words have tags of their own each, the most common tag of
    a word."""
    began = time.perf_counter()
    train, test = splits.train.targets, splits.test.targets
    assert isinstance(train, Marks)
    assert isinstance(test, Marks)
    tagset = tagset_of(splits.classes)
    found = look_up(splits.train.texts, train, splits.test.texts, test.words)
    codes = tagset.encode(found, test.words)
    logits = np.zeros((len(codes), len(tagset.names)), np.float32)
    logits[np.arange(len(codes)), codes] = SURE
    logits[codes < 0] = UNREAD
    what = "names of the train split looked up in the text, the longest first, each with its most common type"
    return Yardstick("lookup", what, logits, time.perf_counter() - began)
