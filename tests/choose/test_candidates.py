"""What was named, or is at hand, as candidates; what cannot be one is skipped with its reason."""

from __future__ import annotations

import json
import shutil

import pytest
import tiny

from graft.choose.candidates import Found, Named, local, located, named
from graft.records import Unranked


def test_a_folder_of_models_stands_for_each_of_them(models):
    found = named([str(models)])
    assert [one.name for one in found] == [str(models / name) for name in ("bert", "distilbert", "roberta")]
    assert all(one.depth is None for one in found)


def test_a_depth_that_is_named_is_the_only_one_unless_the_whole_is_named_too():
    assert named(["embedded@3"]) == [Named("embedded", 3)]
    assert named(["embedded@3", "embedded"]) == [Named("embedded")]
    assert named(["embedded", "a/b", "embedded"]) == [Named("embedded"), Named("a/b")]


def test_what_is_local_begins_with_the_embedded_model(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--someone--small" / "snapshots" / "0123456789abcdef0123456789abcdef01234567"
    snapshot.parent.mkdir(parents=True)
    tiny.bert(snapshot, layers=1)
    (tmp_path / "models--someone--small" / "refs").mkdir()
    assert [one.name for one in local()] == ["embedded", "someone/small"]


def test_facts_come_from_the_files_and_the_catalogue(models):
    embedded, bert = located([Named("embedded"), Named(str(models / "bert"))], 0)
    assert isinstance(embedded, Found)
    assert isinstance(bert, Found)
    assert (embedded.card.licence, embedded.card.shape.blocks) == ("apache-2.0", 6)
    assert (bert.card.licence, bert.card.family, bert.card.shape.blocks) == (None, "bert", 3)


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "no model.safetensors"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read"),
        (lambda folder: shutil.rmtree(folder), "no folder"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "pickle"),
    ],
)
def test_a_bad_folder_is_skipped_with_its_reason(models, tmp_path, harm, why):
    folder = tmp_path / "model"
    shutil.copytree(models / "bert", folder)
    harm(folder)
    bad, good = located([Named(str(folder)), Named(str(models / "roberta"))], 0)
    assert isinstance(bad, Unranked)
    assert why in bad.why
    assert isinstance(good, Found)


def test_a_model_that_is_larger_than_the_memory_is_skipped(models):
    (skipped,) = located([Named(str(models / "bert"))], 1000)
    assert isinstance(skipped, Unranked)
    assert "of memory" in skipped.why


def test_a_folder_of_something_else_is_one_candidate_that_is_skipped(tmp_path):
    (tmp_path / "notes.json").write_text(json.dumps({}))
    (one,) = named([str(tmp_path)])
    (skipped,) = located([one], 0)
    assert isinstance(skipped, Unranked)
