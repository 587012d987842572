"""Downloading from a hub on the loopback: whole, broken off and gone on with, pinned, gated, missing, overrun, away,
without weights, and a page of somebody else in its place."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import hub_files
import huggingface_hub
import huggingface_hub.constants
import pytest
from hub_files import COMMITS, NAME, FileHub
from little_hub import closed_port

from graft.backbone.models import hub_download
from graft.backbone.models.hub import locate
from graft.errors import ModelError


@pytest.fixture
def hub(folders, tmp_path, monkeypatch) -> Iterator[FileHub]:
    """A hub with owner/model, and its older revision v1 with another licence file."""
    older = Path(shutil.copytree(folders["bert"], tmp_path / "older"))
    (older / "vocab.txt").write_text("older")
    with hub_files.giving({"main": folders["bert"], "v1": older}) as server:
        connect(monkeypatch, server.url, tmp_path / "cache")
        yield server
        huggingface_hub.close_session()


def connect(monkeypatch, url: str, cache: Path) -> None:
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    huggingface_hub.close_session()


def refused(name: str, revision: str | None = None) -> ModelError:
    with pytest.raises(ModelError) as caught:
        locate(name, revision)
    assert caught.value.remedy
    return caught.value


def test_a_model_is_downloaded_once_and_then_found_without_the_hub(hub):
    found = locate(NAME)
    assert (found.source, found.revision) == ("hub", COMMITS["main"])
    assert (found.folder / "model.safetensors").is_file()
    hub.asked.clear()
    assert locate(NAME) == found
    assert hub.asked == []


def test_only_what_a_model_needs_is_fetched(hub):
    locate(NAME)
    fetched = {path.rsplit("/", 1)[-1] for method, path, _ in hub.asked if method == "GET" and "/resolve/" in path}
    assert fetched
    assert not any(name.endswith((".bin", ".pt", ".msgpack", ".h5")) for name in fetched)


@pytest.mark.usefixtures("hub")
def test_a_revision_is_pinned():
    older = locate(NAME, "v1")
    assert older.revision == COMMITS["v1"]
    assert locate(NAME).revision == COMMITS["main"]
    assert locate(NAME, COMMITS["v1"]).folder == older.folder
    assert "no revision 'v9'" in refused(NAME, "v9").found


def test_a_download_that_broke_off_goes_on_where_it_stopped(hub, folders, monkeypatch):
    size = (folders["bert"] / "model.safetensors").stat().st_size
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1024)  # what is kept of a broken line
    hub.break_off["model.safetensors"] = size // 2
    with suppress(ModelError):  # the library may go on by itself, or leave it to the next try
        locate(NAME)
    found = locate(NAME)
    assert (found.folder / "model.safetensors").read_bytes() == (folders["bert"] / "model.safetensors").read_bytes()
    ranges = [asked for _, path, asked in hub.asked if path.endswith("model.safetensors") and asked]
    starts = [int(asked.removeprefix("bytes=").partition("-")[0]) for asked in ranges]
    assert any(size // 4 < start <= size // 2 for start in starts)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "GatedRepo", "is gated"),
        (404, "RepoNotFound", "no public hub model"),
        (401, "RepoNotFound", "no public hub model"),
        (401, "", "the token in HF_TOKEN is not accepted (HTTP 401)."),
        (403, "", "access refused (HTTP 403)."),
        (429, "", "too many requests"),
        (500, "", "an error (HTTP 500)."),
    ],
)
def test_a_refusal_is_one_message(hub, status, code, said):
    hub.status, hub.error = status, code
    found = refused(NAME).found
    assert said in found
    assert "None" not in found


def answering(monkeypatch, status: int, headers: dict[str, str], body: bytes = b"") -> None:
    """Every question to the hub is answered so."""

    def answer(handler, **_) -> None:
        handler.send_response(status)
        for header, value in headers.items():
            handler.send_header(header, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    monkeypatch.setattr(hub_files._Handler, "_answer", answer)


@pytest.mark.usefixtures("hub")
def test_too_many_requests_tell_how_long_to_wait(monkeypatch):
    answering(monkeypatch, 429, {"Retry-After": "120"})
    error = refused(NAME)
    assert "too many requests, ask again in 120 s." in error.found
    assert error.remedy == "wait 120 s, or name a local folder."
    answering(monkeypatch, 429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})
    assert refused(NAME).remedy == "wait a while, or name a local folder."


@pytest.mark.usefixtures("hub")
def test_a_disabled_repository_is_said_to_be(monkeypatch):
    answering(monkeypatch, 403, {"X-Error-Message": "Access to this resource is disabled."})
    assert refused(NAME).found == f"{NAME} is disabled on the hub."


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_cache_that_cannot_be_written_is_no_matter_of_the_network(number):
    error = hub_download._refused(NAME, None, OSError(number, "no", "/cache/models"))
    assert error.found == f"{NAME} cannot be kept: /cache/models: {os.strerror(number)}."
    assert "HF_HOME" in error.remedy
    assert "network" not in error.remedy


@pytest.mark.usefixtures("hub")
def test_what_the_hub_says_of_its_refusal_is_passed_on(monkeypatch):
    answering(monkeypatch, 403, {"X-Error-Message": "This token may read nothing"})
    error = refused(NAME)
    assert error.found.endswith("access refused (HTTP 403): This token may read nothing.")
    assert "HF_TOKEN" in error.remedy


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, "RepoNotFound", ""),
        (401, "GatedRepo", ""),
        (403, "GatedRepo", ""),
        (401, "", "Invalid credentials in Authorization header"),
    ],
)
@pytest.mark.usefixtures("hub")
def test_what_a_token_would_open_names_the_login(monkeypatch, status, code, message):
    answering(monkeypatch, status, {"X-Error-Code": code, "X-Error-Message": message})
    assert "hf auth login" in refused(NAME).remedy


@pytest.mark.usefixtures("hub")
def test_a_folder_of_a_like_name_does_not_hide_the_login(monkeypatch, tmp_path):
    (tmp_path / "owner" / "modle").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    answering(monkeypatch, 401, {"X-Error-Code": "RepoNotFound"})
    remedy = refused(NAME).remedy
    assert remedy.startswith("did you mean owner/modle? Otherwise ")
    assert "hf auth login" in remedy


@pytest.mark.parametrize("body", [b"<html>log in first</html>", b"{}", b"[]", b"\xff"])
@pytest.mark.usefixtures("hub")
def test_a_page_of_somebody_else_is_one_message(monkeypatch, body):
    answering(monkeypatch, 200, {"Content-Type": "text/html"}, body)
    error = refused(NAME)
    assert "what answered is not the hub" in error.found
    assert "log in to the network" in error.remedy


class Always(dict[str, int]):
    """Breaks off on every try."""

    def pop(self, name, otherwise):
        return self.get(name, otherwise)


def test_a_download_that_breaks_off_on_every_try_is_one_message(hub, folders, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)  # between the library's tries
    hub.break_off = Always({"model.safetensors": (folders["bert"] / "model.safetensors").stat().st_size // 2})
    error = refused(NAME)
    assert error.found.startswith(f"The download of {NAME} broke off: ")
    assert "run it again" in error.remedy


def test_the_library_says_nothing_of_its_tries(hub, monkeypatch, caplog, folders):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(huggingface_hub.utils.logging.get_logger("huggingface_hub"), "propagate", True)
    hub.break_off["model.safetensors"] = (folders["bert"] / "model.safetensors").stat().st_size // 2
    with suppress(ModelError):
        locate(NAME)
    assert caplog.records == []


def test_a_model_that_is_at_hand_needs_no_willing_hub(hub):
    found = locate(NAME)
    hub.status = 500
    assert locate(NAME) == found


def test_no_network_is_one_message(monkeypatch, tmp_path):
    connect(monkeypatch, closed_port(), tmp_path)
    error = refused(NAME)
    assert "could not be downloaded" in error.found
    assert "check the name and the network" in error.remedy
    huggingface_hub.close_session()


def test_what_is_fetched_is_what_loading_reads():
    assert hub_download.SINGLE in hub_download.WANTED
    assert not any("bin" in pattern for pattern in hub_download.WANTED)


# ---------------------------------------------------------------------------------------------- what a repository holds


@pytest.fixture
def other(folders, tmp_path, monkeypatch) -> Iterator[Path]:
    """The folder that the hub gives away as owner/model, to be harmed."""
    folder = Path(shutil.copytree(folders["bert"], tmp_path / "other"))
    with hub_files.giving({"main": folder}) as server:
        connect(monkeypatch, server.url, tmp_path / "cache")
        yield folder
        huggingface_hub.close_session()


def sharded(folder: Path, *listed: str) -> None:
    """One shard, `one.safetensors`, and an index that lists these."""
    (folder / "model.safetensors").rename(folder / "one.safetensors")
    index = {"metadata": {}, "weight_map": {str(number): name for number, name in enumerate(listed)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_a_repository_of_pickled_weights_is_refused_as_such(other, name):
    (other / "model.safetensors").rename(other / name)
    error = refused(NAME)
    assert f"{NAME} has weights only in a pickle format" in error.found
    assert "network" not in error.remedy


def test_a_repository_of_an_adapter_is_refused_as_such(other):
    (other / "model.safetensors").rename(other / "adapter_model.safetensors")
    (other / "adapter_config.json").write_text("{}")
    error = refused(NAME)
    assert error.found == f"{NAME} is an adapter, which names another model."
    assert "merge it" in error.remedy


def test_a_repository_that_lacks_a_shard_is_refused_with_its_name(other):
    sharded(other, "one.safetensors", "two.safetensors")
    error = refused(NAME)
    assert error.found == f"{NAME} lists the weights file 'two.safetensors', which its repository lacks."
    assert "network" not in error.remedy


@pytest.mark.parametrize(("name", "said"), [("model.gguf", ", only 'model.gguf'."), ("notes.md", "model.safetensors.")])
def test_a_repository_without_weights_is_refused_with_what_it_has(other, name, said):
    (other / "model.safetensors").rename(other / name)
    error = refused(NAME)
    assert error.found.startswith(f"{NAME} has no model.safetensors")
    assert error.found.endswith(said)
    assert "network" not in error.remedy


def test_the_shards_that_the_index_lists_are_fetched_and_no_other_weights(other):
    sharded(other, "one.safetensors")
    shutil.copy(other / "one.safetensors", other / "adapter.safetensors")
    found = locate(NAME)
    assert sorted(path.name for path in found.folder.glob("*.safetensors")) == ["one.safetensors"]
    assert locate(NAME) == found


def test_other_weights_beside_the_models_are_not_fetched(other):
    for name in ("model.fp16.safetensors", "model-00001-of-00002.safetensors"):
        shutil.copy(other / "model.safetensors", other / name)
    assert [path.name for path in locate(NAME).folder.glob("*.safetensors")] == ["model.safetensors"]


def test_an_index_does_not_make_pickled_files_be_fetched(other):
    sharded(other, "one.safetensors", "two.bin")
    (other / "two.bin").write_bytes(b"")
    refused(NAME)
    assert not list((other.parent / "cache").rglob("two.bin"))
