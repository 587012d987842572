"""Searching the hub: against a server on the loopback, with its errors, and with nobody there."""

from __future__ import annotations

import json
import os
import time

import huggingface_hub
import huggingface_hub.constants
import little_hub
import pytest

from graft.backbone.models import hub_search
from graft.backbone.models.catalog_search import Wanted
from graft.backbone.models.hub_search import DAY, KEPT, search


@pytest.fixture
def hub(monkeypatch):
    with little_hub.serving() as server:
        connect(monkeypatch, server.url)
        yield server
        huggingface_hub.close_session()


def connect(monkeypatch, url: str) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    huggingface_hub.close_session()


def names(result) -> list[str]:
    return [entry.card.name for entry in result.found]


@pytest.mark.usefixtures("hub")
def test_what_the_hub_tells_becomes_facts():
    result = search(Wanted())
    assert names(result) == ["prajjwal1/bert-tiny", "microsoft/mpnet-base", "someone/secret-7b"]
    assert result.notes == ()
    first, _, last = result.found
    assert (first.card.family, first.card.licence, first.card.languages) == ("bert", "mit", ("en",))
    assert (first.card.shape.parameters, first.card.year, first.downloads) == (4_400_000, None, 12_345_678)
    assert (first.gated, last.gated, last.card.year) == (False, True, 2025)
    assert (last.card.licence, last.card.languages, last.card.family) == ("other", (), None)
    assert first.card.sources[0].startswith("its page on the hub, 20")


def test_filters_are_handed_to_the_hub(hub):
    wanted = Wanted(("tiny", "bert"), "classify", "en", "mit", "bert", 5_000_000)
    search(wanted)
    assert [asked["pipeline_tag"] for asked in hub.asked] == [["fill-mask"], ["text-classification"]]
    assert hub.asked[0]["filter"] == ["transformers", "safetensors", "en", "bert", "license:mit"]
    assert hub.asked[0]["search"] == ["tiny bert"]
    assert hub.asked[0]["num_parameters"] == ["max:5000000"]
    assert hub.asked[0]["sort"] == ["downloads"]


def test_the_token_is_shown_to_the_hub_unless_that_is_forbidden(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_no_meaning")
    search(Wanted(task="generate"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    search(Wanted(task="generate", licence="mit"))
    assert hub.tokens == ["Bearer hf_of_no_meaning", None]


@pytest.mark.usefixtures("hub")
def test_a_hub_that_ignores_a_filter_is_checked(monkeypatch):
    monkeypatch.setattr(little_hub.LittleHub, "_fits", lambda *_: True)
    assert "someone/secret-7b" not in names(search(Wanted(task="generate", max_parameters=10**9)))


def test_an_answer_is_kept_for_a_day(hub, cache):
    now = time.time()
    first = search(Wanted(task="generate"), now)
    assert search(Wanted(task="generate"), now + 0.99 * DAY).found == first.found
    assert len(hub.asked) == 1
    search(Wanted(task="generate"), now + 1.01 * DAY)
    assert len(hub.asked) == 2
    assert len(list((cache / "hub").glob("*.json"))) == 1


@pytest.mark.parametrize("content", ["", "{}", "no json", '{"when": 9e99, "found": []}'])
def test_a_damaged_or_future_answer_is_asked_again(hub, cache, content):
    search(Wanted(task="generate"))
    (path,) = (cache / "hub").glob("*.json")
    path.write_text(content)
    assert names(search(Wanted(task="generate"))) == ["someone/secret-7b"]
    assert len(hub.asked) == 2


@pytest.mark.usefixtures("hub")
def test_old_answers_are_removed(cache):
    (cache / "hub").mkdir()
    old, new = cache / "hub" / "old.json", cache / "hub" / "new.json"
    for path, age in ((old, 1.1 * KEPT), (new, 0.9 * KEPT)):
        path.write_text("{}")
        os.utime(path, (time.time() - age,) * 2)
    search(Wanted(task="generate"))
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.usefixtures("hub")
def test_a_cache_that_cannot_be_written_does_no_harm(cache):
    (cache / "hub").write_text("a file in the way")
    assert names(search(Wanted(task="generate"))) == ["someone/secret-7b"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "no hub at that address (HTTP 404)"),
        (429, "too many requests, ask again in 120 s"),
        (401, "HF_TOKEN is not accepted"),
        (403, "access refused"),
        (500, "an error (HTTP 500)"),
    ],
)
def test_an_error_is_one_note_at_once(hub, status, words):
    hub.status = status
    began = time.monotonic()
    result = search(Wanted())
    assert time.monotonic() - began < 5
    assert result.found == ()
    (note,) = result.notes
    assert words in note
    assert note.endswith("; the catalogue is used alone.")
    assert len(hub.asked) == 1


def test_an_error_in_the_middle_leaves_what_was_there(hub):
    hub.status, hub.patience = 429, 1
    result = search(Wanted())
    assert names(result) == ["prajjwal1/bert-tiny", "microsoft/mpnet-base"]
    assert result.notes[0].endswith("; some of its models are missing.")


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"<html>log in first</html>", "not JSON"), (b'{"error": "x"}', "not a list"), (b"\xff", "not JSON")],
)
def test_an_answer_of_another_make_is_a_note(hub, body, words):
    hub.body = body
    assert words in search(Wanted()).notes[0]


def test_odd_items_are_left_out(hub):
    odd = {"id": "a/b", "cardData": 3, "downloads": "many", "safetensors": {"total": -1}}
    hub.body = json.dumps([1, {}, {"id": 5}, {"id": ["x"]}, odd]).encode()
    (entry,) = search(Wanted(task="generate")).found
    assert (entry.card.name, entry.downloads, entry.card.shape.parameters) == ("a/b", None, None)


@pytest.mark.parametrize("url", [None, "http://[oops", "ftp://127.0.0.1"])
def test_nobody_there_is_a_note_at_once(monkeypatch, url):
    connect(monkeypatch, url or little_hub.closed_port())
    began = time.monotonic()
    result = search(Wanted())
    assert time.monotonic() - began < 5
    assert result.found == ()
    assert len(result.notes) == 1
    assert "\n" not in result.notes[0]


def test_a_silent_hub_is_not_waited_for(monkeypatch):
    import socket

    monkeypatch.setattr(hub_search, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connect(monkeypatch, f"http://127.0.0.1:{listening.getsockname()[1]}")
        assert "timed out" in search(Wanted()).notes[0]


def test_offline_is_said_and_opens_no_socket(monkeypatch, hub):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert search(Wanted()).notes == (
        "The hub could not be asked (HF_HUB_OFFLINE is set); the catalogue is used alone.",
    )
    assert hub.asked == []


@pytest.mark.usefixtures("hub")
def test_without_a_network_an_old_answer_is_better_than_none(monkeypatch):
    now = time.time()
    search(Wanted(task="generate"), now - 3 * DAY)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    result = search(Wanted(task="generate"), now)
    assert names(result) == ["someone/secret-7b"]
    assert result.notes[0].endswith("its answer of 3 days ago is used.")
