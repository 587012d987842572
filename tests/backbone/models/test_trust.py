"""Law 8: what a stranger's model may hold. Nothing that names code is obeyed, and no odd file is opened."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import struct
from pathlib import Path

import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.backbone import model
from graft.backbone.model import load
from graft.backbone.models import hub, trust
from graft.errors import ModelError

CLASSES = ("a", "b")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return tiny.bert(tmp_path_factory.mktemp("sound") / "bert", layers=2, width=16)


@pytest.fixture
def folder(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "bert")
    return tmp_path / "bert"


def configured(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(hub.locate(str(folder)), CLASSES)
    assert caught.value.remedy
    return caught.value.found


@pytest.mark.parametrize("key", trust.CODE)
def test_what_names_code_is_taken_out_of_the_configuration(folder, key):
    named = {"AutoConfig": "code.Config", "AutoModel": "code.Model"} if key == "auto_map" else "a-stranger/kernels"
    (folder / "code.py").write_text("raise SystemExit('ran')")
    configured(folder, **{key: named})
    config = load(hub.locate(str(folder)), CLASSES).model.config
    assert "a-stranger" not in json.dumps(config.to_dict(), default=str)
    assert config._attn_implementation == "eager"


def test_it_is_taken_out_at_every_depth():
    inner = {"attn_implementation": "a/b", "hidden_size": 3}
    given_ = {"text_config": inner, "list": [inner], "auto_map": {}, "kept": 1}
    assert trust.sanitised(given_) == {"text_config": {"hidden_size": 3}, "list": [{"hidden_size": 3}], "kept": 1}


def test_a_tokenizer_that_names_code_runs_none(folder):
    path = folder / "tokenizer_config.json"
    (folder / "code.py").write_text("raise SystemExit('ran')")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": {"AutoTokenizer": ["code.T", "code.T"]}}))
    assert load(hub.locate(str(folder)), CLASSES).tokenizer.is_fast


@pytest.mark.parametrize("kind", [None, 3, "", "no_such_type", "../bert", ["bert"]])
def test_a_type_that_is_not_built_in_is_refused(folder, kind):
    configured(folder, model_type=kind)
    assert "model_type" in refused(folder)


def test_a_model_that_needs_its_authors_code_is_refused(folder):
    configured(folder, model_type="theirs", auto_map={"AutoModel": "code.Model"})
    assert "code from its author" in refused(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_link_out_of_the_folder_is_refused(folder, name):
    shutil.move(folder / name, folder.parent / name)
    (folder / name).symlink_to(folder.parent / name)
    assert f"{folder / name} is a link that leads out" in refused(folder)


def test_links_within_the_folder_and_to_the_caches_blobs_are_followed(folder, tmp_path):
    shutil.move(folder / "config.json", folder / "real.json")
    (folder / "config.json").symlink_to("real.json")
    trust.check(folder, "m")
    cached = tmp_path / "models--a--b" / "snapshots" / "abc"
    shutil.copytree(folder, cached, symlinks=True)
    (tmp_path / "models--a--b" / "blobs").mkdir()
    shutil.move(cached / "model.safetensors", tmp_path / "models--a--b" / "blobs" / "1")
    (cached / "model.safetensors").symlink_to("../../blobs/1")
    trust.check(cached, "m")


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("nowhere"), lambda p: p.symlink_to(p), Path.mkdir]
)
def test_what_is_no_plain_file_is_not_opened(folder, make):
    (folder / "tokenizer.json").unlink()
    make(folder / "tokenizer.json")
    assert str(folder / "tokenizer.json") in refused(folder)


def test_an_endless_device_is_not_read(folder):
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("/dev/zero")
    assert "no plain file" in refused(folder)


@pytest.mark.parametrize(
    ("name", "size"), [("config.json", 17 << 20), ("tokenizer.json", 257 << 20), ("model.safetensors", 257 << 30)]
)
def test_files_of_absurd_size_are_refused_unread(folder, name, size):
    os.truncate(folder / name, size)  # sparse: takes no room
    assert "more than the" in refused(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 100 << 20) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{!",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        struct.pack("<Q", 61) + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4000000000]}}'[:61],
    ],
)
def test_a_header_that_lies_is_refused(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    assert str(folder / "model.safetensors") in refused(folder)


def test_places_outside_the_file_are_refused(folder):
    text = json.dumps({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4_000_000_000]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    assert "places outside" in refused(folder)


@pytest.mark.parametrize(
    "change", [{"hidden_size": 10**9}, {"vocab_size": 10**12}, {"num_hidden_layers": 10**9}, {"hidden_size": -1}]
)
def test_a_configuration_that_asks_for_the_moon_is_refused(folder, change):
    configured(folder, **change)
    assert next(iter(change)) in refused(folder)


@pytest.mark.parametrize(
    "change",
    [{"max_position_embeddings": 2 * 10**8}, {"type_vocab_size": 10**8}, {"hidden_size": 4096, "vocab_size": 20_000}],
)
def test_nothing_that_the_weights_cannot_hold_is_made(folder, change, monkeypatch):
    """Each of these would take gigabytes, be filled with random numbers, and be refused only then."""
    configured(folder, **change)
    monkeypatch.setattr(model, "_pretrained", None)  # would be no ModelError
    assert "cannot hold" in refused(folder)


@pytest.mark.parametrize("limit", ["x", "512", {"type": "Replace"}, [], 0, -1, 1e-9])
def test_a_tokenizer_without_a_sensible_limit_is_refused(folder, limit):
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": limit}))
    assert "model_max_length" in refused(folder)


def test_an_adapter_is_not_taken_for_a_model(folder):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "a-stranger/model"}')
    assert "adapter" in refused(folder)


@settings(max_examples=90, deadline=None)
@given(st.data(), st.sampled_from(["config.json", "tokenizer_config.json", "tokenizer.json"]))
def test_whatever_lies_in_a_configuration_is_refused_or_loaded(sound, tmp_path_factory, data, name):
    """Never another error than ours, whatever a few entries of the model's or the tokenizer's files hold."""
    folder = tmp_path_factory.mktemp("fuzz") / "bert"
    shutil.copytree(sound, folder)
    known = json.loads((folder / name).read_text())
    odd = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=8)
    keys = st.sampled_from(sorted(known))
    values = odd | st.lists(odd, max_size=3) | st.dictionaries(st.text(max_size=4), odd, max_size=3)
    drawn = data.draw(st.dictionaries(keys, values, min_size=1, max_size=3))
    (folder / name).write_text(json.dumps(known | drawn))
    with contextlib.suppress(ModelError):
        load(hub.locate(str(folder)), CLASSES)
