"""Downloading from a hub on the loopback: whole, broken off and gone on with, pinned, gated, missing, overrun, away."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import hub_files
import huggingface_hub
import huggingface_hub.constants
import pytest
from hub_files import COMMITS, NAME, FileHub
from little_hub import closed_port

from graft.backbone import hub as models
from graft.backbone.hub import locate
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
        (429, "", "429"),
        (500, "", "500"),
    ],
)
def test_a_refusal_is_one_message(hub, status, code, said):
    hub.status, hub.error = status, code
    assert said in refused(NAME).found


def test_a_model_that_is_at_hand_needs_no_willing_hub(hub):
    found = locate(NAME)
    hub.status = 500
    assert locate(NAME) == found


def test_no_network_is_one_message(monkeypatch, tmp_path):
    connect(monkeypatch, closed_port(), tmp_path)
    assert "could not be downloaded" in refused(NAME).found
    huggingface_hub.close_session()


def test_what_is_fetched_is_what_loading_reads():
    assert any("safetensors" in pattern for pattern in models.WANTED)
    assert not any("bin" in pattern for pattern in models.WANTED)
