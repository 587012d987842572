"""Targets as tokens: cut, closed, and what a tokenizer loses of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny

from graft.backbone.model import Backbone, load
from graft.backbone.models import hub
from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.references import references_of
from graft.data.splitting.split import split
from graft.data.table import Splits
from graft.replies import about_targets, cut_off, replied
from graft.tasks.rewriting import REWRITING


def splits_of(targets: list[str]) -> Splits:
    rows = [(f"text number {n} of some", target) for n, target in enumerate(targets)]
    return split(read(rows, options=ReadOptions(task="rewrite")))


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    folder: Path = tiny.rewriter("t5", tmp_path_factory.mktemp("models") / "t5", layers=1)
    return load(hub.locate(str(folder)), (), head=REWRITING.head)


def test_each_reply_ends_with_the_token_that_ends_a_text(t5: Backbone) -> None:
    splits = splits_of(["good " * (1 + n % 9) for n in range(40)])
    found = replied(references_of(splits.train.targets), t5, 6).tokens
    assert found is not None
    assert found.lengths.max() == 6
    assert {int(found.ids[stop - 1]) for stop in found.starts[1:]} == {t5.tokenizer.eos_token_id}


def test_a_tokenizer_that_closes_no_text_is_helped(t5: Backbone) -> None:
    from tokenizers import processors

    backend = t5.tokenizer.backend_tokenizer
    own, backend.post_processor = backend.post_processor, processors.ByteLevel(trim_offsets=False)
    try:
        found = replied(references_of(splits_of(["good bread", "tea"] * 10).train.targets), t5, 3).tokens
    finally:
        backend.post_processor = own
    assert found is not None
    assert found.lengths.max() == 3
    assert {int(found.ids[stop - 1]) for stop in found.starts[1:]} == {t5.tokenizer.eos_token_id}


def test_what_is_cut_is_told(t5: Backbone) -> None:
    splits = splits_of(["good bread and tea " * 3] * 20 + ["tea"] * 20)
    cut = cut_off(splits, t5, 5)
    assert 0 < cut.texts_cut < cut.texts == len(splits.train) + len(splits.validation)
    (told,) = about_targets(splits, t5, cut)
    assert told.startswith("Targets: ")


def test_characters_that_a_tokenizer_cannot_write_are_told(tmp_path: Path) -> None:
    """An uncased vocabulary writes no capitals, and one of words no line ends."""
    folder = tiny.make("bert", tmp_path / "bert", layers=1)
    backbone = load(hub.locate(str(folder)), ("a", "b"))
    splits = splits_of([f"Good Bread\nand Tea {n}" for n in range(20)])
    (_, told) = about_targets(splits, backbone, cut_off(splits, backbone, 64))
    assert "cannot write" in told
    assert "'\\n'" in told
