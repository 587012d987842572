"""What is scored and against what: one vector per text, or one per word, by the kind of the targets."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
import torch

from graft.cache.store import Store
from graft.choose import units
from graft.choose.candidates import Named
from graft.choose.entrant import Measured
from graft.choose.rank import rank
from graft.choose.sample import Sample
from graft.choose.score import best_f1, scores
from graft.data.read import ReadOptions, read
from graft.data.splitting.split import split
from graft.data.targets import Flags, Numbers
from graft.tasks.registry import task_named


def measured(splits, models, machine, folder, limit=32):
    sample = Sample(splits.train, splits.classes, limit, task=task_named(splits.summary.task))
    found = list(rank([Named(str(models / "bert"))], sample, machine, Store(folder), 0))
    (one,) = [event for event in found if isinstance(event, Measured)]
    return one


@pytest.fixture(scope="module")
def places():
    """Sentences in which the word after "in" is a place."""
    generator = np.random.default_rng(0)
    rows = []
    for _ in range(200):
        before, after = (list(generator.choice(tiny.WORDS, 3)) for _ in range(2))
        name = str(generator.choice(["paris", "london", "oslo"]))
        rows.append({"tokens": [*before, "in", name, *after], "tags": ["O"] * 4 + ["B-PLACE"] + ["O"] * 3})
    return split(read(rows, options=ReadOptions(task="token-classification")))


def test_every_word_is_scored_against_its_tag(places, models, machine, tmp_path):
    one = measured(places, models, machine, tmp_path)
    assert {view.pooling for view in one.views} == {"word", "layers"}
    assert all(view.h_score is None for view in one.views)
    assert max(view.probe for view in one.views) > 0.8
    assert units.metric_of(places.train.targets) == "tag_f1"
    answers = units.answers(places.train.targets, places.classes)
    assert answers.shape == (8 * len(places.train), 2)
    assert answers.sum() == len(places.train)


def test_words_that_the_limit_cuts_off_are_left_out(places, models, machine, tmp_path):
    one = measured(places, models, machine, tmp_path, limit=6)  # four words at most, so no place is among them
    assert max(view.probe for view in one.views) == 0
    assert one.rows == len(places.train)


def test_numbers_and_labels_are_judged_by_their_own_metrics():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(300, 8, generator=generator)
    flags = torch.stack([features[:, 0] > 1, features[:, 1] > 0.5], 1)
    found = scores(features, flags)
    assert found.h_score is None
    assert 0.7 < found.probe <= 1
    assert 0.4 < found.neighbours <= 1
    assert units.metric_of(Numbers(np.zeros(3))) == "pearson"
    assert units.metric_of(Flags(np.zeros((3, 2), bool))) == "micro_f1"
    assert units.metric_of(object()) is None
    with pytest.raises(TypeError, match="object"):
        units.answers(object(), ())


def test_the_best_f1_is_the_best_over_all_thresholds():
    generator = torch.Generator().manual_seed(1)
    answers = torch.rand(40, 3, generator=generator).round(decimals=1)
    flags = torch.rand(40, 3, generator=generator) > 0.7
    tried = []
    for threshold in answers.unique():
        given = answers >= threshold
        tried.append(2 * (given & flags).sum() / (given.sum() + flags.sum()))
    assert best_f1(answers.double(), flags) == pytest.approx(float(max(tried)))
    assert best_f1(answers.double(), torch.zeros_like(flags)) == 0
