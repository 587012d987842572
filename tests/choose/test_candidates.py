"""What was named, or is at hand, as candidates; what cannot be one is skipped with its reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tiny

from graft.backbone.models import hub
from graft.choose.candidates import Found, Named, compared, is_one, local, located, named, reason
from graft.errors import ModelError
from graft.records import Unranked


def test_a_folder_of_models_stands_for_each_of_them(models):
    found = named([str(models)])
    assert [one.name for one in found] == [str(models / name) for name in ("bert", "distilbert", "roberta")]
    assert all(one.depths == () for one in found)


def test_depths_that_are_named_are_the_only_ones_unless_the_whole_is_named_too():
    assert named(["embedded@3"]) == [Named("embedded", (3,))]
    assert named(["embedded@3", "a/b", "embedded@1", "embedded@3"]) == [Named("embedded", (1, 3)), Named("a/b")]
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


def test_what_is_compared_is_told_as_it_was_named():
    whole, cut, cuts = Named("a"), Named("b", (2,)), Named("c", (1, 2))
    assert compared([whole]) == "Comparing 1 model at every depth."
    assert compared([cuts]) == "Comparing 1 model at the depths that were named."
    assert compared([cut, cuts]) == "Comparing 2 models, each at the depths that were named."
    assert compared([whole, cut]) == "Comparing 2 models, each at every depth, or at those that were named."
    assert [is_one([one]) for one in (whole, cut, cuts)] == [False, True, False]
    assert not is_one([cut, cut])


HARMS = {  # a harmed member of a folder → what is said of it
    "empty": "has no model.safetensors",
    "pickled": "pickle",
    "trunc": "cannot be loaded: model.safetensors is not a whole safetensors file",
    "untold": "cannot be read",
    "wordless": "without its tokenizer",
}


@pytest.fixture
def mixed(models, tmp_path) -> Path:
    """A folder with a model that can serve, one for each of HARMS, and notes."""
    for name in ("bert", *HARMS):
        shutil.copytree(models / "bert", tmp_path / "mixed" / name)
    root = tmp_path / "mixed"
    (root / "notes").mkdir()
    weights = "model.safetensors"
    (root / "empty" / weights).unlink()
    (root / "pickled" / weights).rename(root / "pickled" / "pytorch_model.bin")
    (root / "trunc" / weights).write_bytes((root / "bert" / weights).read_bytes()[:100])
    (root / "untold" / "config.json").write_text("{")
    for path in (*(root / "wordless").glob("tokenizer*"), *(root / "wordless").glob("vocab*")):
        path.unlink()
    return root


def test_members_of_a_folder_that_cannot_serve_are_told_with_their_reasons(mixed):
    good, *bad = located(named([str(mixed)]), 0)
    assert isinstance(good, Found)
    assert [one.name for one in bad] == [str(mixed / name) for name in HARMS]
    for one, said in zip(bad, HARMS.values(), strict=True):
        assert isinstance(one, Unranked)
        assert said in one.why


def test_a_reason_keeps_the_remedy_and_tells_no_name_twice(mixed, monkeypatch):
    monkeypatch.chdir(mixed.parent)
    for name in ("mixed/trunc", "./mixed/trunc", str(mixed / "trunc")):
        (skipped,) = located([Named(name)], 0)
        assert isinstance(skipped, Unranked)
        assert skipped.why.endswith(" → download it again")
        assert "mixed" not in skipped.why
    (skipped,) = located(named(["./mixed/berd"]), 0)
    assert isinstance(skipped, Unranked)
    assert skipped.why.endswith(" → did you mean mixed/bert?")
    assert reason(ModelError("a/b is gated.", "log in."), "a/b") == "is gated → log in"
    assert reason(ModelError("a/b cannot: /x/a/b/c."), "a/b") == "cannot: /x/a/b/c"


def test_files_that_may_not_be_read_do_not_stop_the_others(models, monkeypatch):
    locate = hub.locate

    def forbidden(name):
        if name.endswith("bert"):
            raise PermissionError(13, "Permission denied")
        return locate(name)

    monkeypatch.setattr(hub, "locate", forbidden)
    bad, good = located([Named(str(models / "bert")), Named(str(models / "roberta"))], 0)
    assert bad == Unranked(str(models / "bert"), "its files cannot be read: the permission is missing")
    assert isinstance(good, Found)
