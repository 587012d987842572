"""Public corpora as people find them. Skipped where they are not at hand (GRAFT_DATA)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graft.data.read import read
from graft.data.splitting.split import split
from graft.errors import DataError

FOLDER = Path(os.environ.get("GRAFT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no corpora in {FOLDER}: set GRAFT_DATA")


@pytest.mark.parametrize(
    ("name", "rows", "classes", "label"),
    [
        ("sst2", (6920, 872, 1821), 2, "label"),
        ("trec", (4907, 545, 500), 6, "label"),
        ("banking77", (9003, 1000, 3080), 77, "label"),
        ("tweet_eval_emotion", (3257, 374, 1421), 4, "label"),
        ("sms_spam", (3902, 557, 1115), 2, "label"),
        ("spooky_author", (13705, 1958, 3916), 3, "author"),
    ],
)
def test_corpora_are_read_without_options(name: str, rows: tuple[int, int, int], classes: int, label: str) -> None:
    dataset = read(FOLDER / name)
    splits = split(dataset)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == rows
    assert len(dataset.classes) == classes
    assert (dataset.columns.text, dataset.columns.label) == ("text", label)


def test_pairs_are_told() -> None:
    dataset = read(FOLDER / "mrpc")
    assert (dataset.columns.text, dataset.columns.second) == ("sentence1", "sentence2")
    assert dataset.classes == ("equivalent", "not_equivalent")


def test_names_are_told() -> None:
    splits = split(read(FOLDER / "conll2003"))
    assert splits.summary.task == "token-classification"
    assert splits.classes == ("O", *(f"{part}-{kind}" for kind in ("LOC", "MISC", "ORG", "PER") for part in "BI"))
    assert splits.test.targets.counts(splits.classes) == {"LOC": 1668, "MISC": 702, "ORG": 1661, "PER": 1617}


def test_answers_are_told() -> None:
    splits = split(read(FOLDER / "squad_v1" / "dev.json.gz"))
    assert splits.summary.task == "question-answering"
    parts = (splits.train, splits.validation, splits.test)
    assert sum(map(len, parts)) == 10570
    articles = [set(part.targets.articles.tolist()) for part in parts]
    assert sum(map(len, articles)) == len(set.union(*articles)) == 48


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ag_news", "train_10k_lower.csv.gz --test"),
        ("go_emotions", "multi-label"),
        ("stsb", "'score', 'genre'"),
        ("lovecraft", "no labels"),
    ],
)
def test_what_is_no_classification_is_said(name: str, found: str) -> None:
    with pytest.raises(DataError, match=found):
        read(FOLDER / name)
