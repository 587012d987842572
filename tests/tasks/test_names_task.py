"""Names in text as a task: its loss over words, its answers, its yardstick."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graft.data.asked import asked
from graft.data.read import read
from graft.data.splitting.split import split
from graft.errors import DataError
from graft.records import Loss
from graft.tasks.tagging import TAGGING
from graft.tasks.task import Outputs

WORDS = [["Ann", "met", "Bob", "Ray"], ["nobody", "came"], ["in", "Ulm"]]
TAGS = [["B-PER", "O", "B-PER", "I-PER"], ["O", "O"], ["O", "B-LOC"]]


@pytest.fixture(scope="module")
def splits():
    words = [[*row, str(number)] for number in range(12) for row in WORDS]
    return split(read({"words": words, "tags": [[*row, "O"] for row in TAGS] * 12}), seed=0)


def logits_for(tags: list[list[str]], names: tuple[str, ...]) -> np.ndarray:
    """Logits that say these tags."""
    codes = [names.index(tag) for row in tags for tag in row]
    return 8 * np.eye(len(names), dtype=np.float32)[codes]


def test_the_outputs_are_tags(splits):
    assert splits.summary.task == "token-classification"
    assert splits.classes == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    counted = splits.train.targets.counts(splits.classes)
    assert set(counted) == {"LOC", "PER"}


def test_the_loss_is_that_of_the_words(splits):
    rows = np.array([1, 0])
    criterion = TAGGING.criterion(splits.train.targets, 5, Loss())
    bounds, codes = splits.train.targets.words.bounds, splits.train.targets.coded(5)
    own = np.concatenate([codes[bounds[row] : bounds[row + 1]] for row in rows])
    logits = torch.randn(len(own), 5)
    expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(own).long(), reduction="sum")
    torch.testing.assert_close(criterion.losses(logits, rows).sum(), expected)
    assert criterion.weight(rows) == len(own)


def test_right_tags_are_right_names(splits):
    targets = splits.train.targets
    logits = 8 * np.eye(5, dtype=np.float32)[targets.coded(5)]
    found = TAGGING.validate(logits, targets, splits.classes)
    assert (found["entity_f1"], found["word_accuracy"]) == (1, 1)


def test_answers_mark_texts_and_words(splits):
    (rows,) = asked([*WORDS[:1], "nobody came"], "words")
    logits = logits_for([TAGS[0], ["O", "O"]], splits.classes)
    first, second = TAGGING.answers(rows, logits, Outputs(splits.classes))
    assert first.text == "Ann met Bob Ray"
    assert [(name.text, name.label) for name in first.names] == [("Ann", "PER"), ("Bob Ray", "PER")]
    assert all(0.9 < name.probability <= 1 for name in first.names)
    assert TAGGING.short(first) == ("0-3 PER, 8-15 PER",)
    assert second.names == ()


def test_the_yardstick_finds_the_training_names(splits):
    (yardstick,) = TAGGING.yardsticks(splits)
    found = TAGGING.scorer(yardstick.logits, splits.test.targets, Outputs(splits.classes)).score().metrics
    assert found["entity_f1"][0] == 1


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"words": WORDS, "tags": [["O"], *TAGS[1:]]}, "4 words and 1 tag"),
        ({"words": WORDS, "tags": [["O", "O", "O", 3], *TAGS[1:]]}, "3, not a string"),
        ({"words": WORDS, "tags": [["O"] * len(row) for row in WORDS]}, "no name is marked"),
    ],
)
def test_what_is_wrong_with_tags_is_told(columns, found):
    with pytest.raises(DataError, match=found):
        read(columns)


def test_a_mistyped_column_of_tags_is_told():
    from graft.data.options import ReadOptions

    with pytest.raises(DataError, match="did you mean --label tags"):
        read({"words": WORDS, "tags": TAGS}, label="tgas", options=ReadOptions(task="token-classification"))
    with pytest.raises(DataError, match="no names are marked"):
        read({"text": ["a b"] * 12, "label": ["x", "y"] * 6}, options=ReadOptions(task="token-classification"))


def test_spans_are_names():
    data = [{"text": "Ann left Ulm", "spans": [{"start": 0, "end": 3, "label": "PER"}]}] * 3
    dataset = read(data)
    assert dataset.classes == ("O", "B-PER", "I-PER")
    assert dataset.parts["train"].targets.shown(dataset.classes, 0, 1) == ["0-3 PER"]
    with pytest.raises(DataError, match="does not lie in the text"):
        read([{"text": "Ann", "spans": [{"start": 0, "end": 9, "label": "PER"}]}])


@pytest.mark.parametrize("given", ["one text", [3], [["Ann", 3]], [("a", "b")]])
def test_what_is_no_text_is_refused(given):
    with pytest.raises(TypeError, match="list"):
        list(asked(given, "words"))
