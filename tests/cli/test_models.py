"""`graft models`: the table, one model explained, filters, what is at hand, and the hub."""

from __future__ import annotations

import dataclasses
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import huggingface_hub.constants
import little_hub
import pytest

from graft.backbone.models.catalog import TASKS, catalog
from graft.backbone.models.catalog_search import SORTS, Wanted
from graft.backbone.models.hub_search import PIPELINES, TEXT
from graft.cli import models
from graft.cli.main import main

from .conftest import Graft

SMALL = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(autouse=True)
def hub_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub's client, and no network."""
    folder = tmp_path_factory.mktemp("hub-cache")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[little_hub.LittleHub]:
    with little_hub.serving() as server:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.url)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        huggingface_hub.close_session()
        yield server
        huggingface_hub.close_session()


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Any:
    """Call `graft models`; returns what it told as JSON."""

    def call(*arguments: str) -> dict[str, Any]:
        assert main(["models", *arguments, "--json"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return call


def names(found: dict[str, Any]) -> list[str]:
    return [model["name"] for model in found["models"]]


def test_all_models_are_listed_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert all(any(line[2:].split(" ")[0] == card.name for line in lines) for card in catalog().model)
    assert lines[0].split() == ["model", "size", "input", "lang", "licence", "MNLI"]


@pytest.mark.parametrize("card", catalog().model, ids=lambda card: card.short)
def test_every_model_is_explained(card: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", card.name]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{card.name}\n\n{card.short}")
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "None" not in shown
    words = " ".join(shown.split())
    assert all(" ".join(catalog().sources[key].split()) in words for key in card.sources)
    assert card.licence or "licence was not found" in words


def test_a_short_name_is_enough(told: Any) -> None:
    assert told("Bert-Base-Uncased")["model"]["name"] == "google-bert/bert-base-uncased"
    searched = names(told("bert-base-uncased", "--task", "classify"))
    assert {"google-bert/bert-base-uncased", "distilbert/distilbert-base-uncased"} <= set(searched)


def test_filters(told: Any) -> None:
    found = told("--task", "classify", "--language", "German", "--licence", "MIT", "--max-parameters", "0.3B")
    assert {"deepset/gbert-base", "FacebookAI/xlm-roberta-base"} <= set(names(found))
    for model in found["models"]:
        assert "classify" in model["tasks"]
        assert "de" in model["languages"]
        assert model["licence"] == "mit"
        assert model["shape"]["parameters"] <= 3e8
    assert {model["family"] for model in told("--family", "DeBERTa")["models"]} == {"deberta-v2"}
    assert set(names(told("german"))) < set(names(told("--language", "de")))


def test_norwegian_goes_by_either_code_and_by_its_name(told: Any) -> None:
    by_code = names(told("--language", "nb"))
    assert "FacebookAI/xlm-roberta-base" in by_code
    assert names(told("--language", "no")) == names(told("--language", "Norwegian")) == by_code


def test_a_decoder_of_many_languages_is_known_as_such(told: Any) -> None:
    for language in ("zh", "de", "Japanese", "Arabic"):
        assert "Qwen/Qwen2.5-0.5B" in names(told("--language", language, "--task", "generate"))


@pytest.mark.parametrize(
    ("by", "key"),
    [
        ("size", lambda model: model["shape"]["parameters"]),
        ("year", lambda model: model["year"] and -model["year"]),
        ("name", lambda model: model["name"].split("/")[-1].lower()),
    ],
)
def test_sorting(told: Any, by: str, key: Any) -> None:
    keys = [key(model) for model in told("--sort", by)["models"]]
    known = [one for one in keys if one is not None]
    assert known == sorted(known)
    assert keys == known + [None] * (len(keys) - len(known))


def test_sorted_by_score_the_best_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--sort", "score", "--language", "en"]) == 0
    column = [
        line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:] if line[60:].strip() and " " in line[2:]
    ]
    scores = [float(text) for text in column if text != "-"]
    assert len(scores) >= 20
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("arguments", "found", "remedy"),
    [
        (["robert-base"], "'robert-base'", "FacebookAI/roberta-base"),
        (["--family", "bret"], "the family 'bret'", "bert"),
        (["--licence", "apache2"], "the licence 'apache2'", "apache-2.0"),
        (["--language", "Germann"], "read 'germann'", "German"),
        (["--language", "klingon"], "read 'klingon'", "give its ISO 639 code"),
        (["--task", "write"], "no choice 'write'", "did you mean generate?"),
        (["--task", "token-classification"], "no choice", "did you mean tokens?"),
        (["--task", "ner"], "no choice", "did you mean tokens?"),
        (["--max-parameters", "1M"], "at most 1M", "graft models"),
        (["--max-parameters", "many"], "'many' is not a number", "--help"),
        (["--max-parameters", "-5"], "is not above 0", "--help"),
        (["--max-parameters", "1e999"], "is not a number", "--help"),
        (["--task", "clasify"], "clasify", "did you mean"),
        (["./nowhere"], "no such folder", "config.json"),
        (["zzzzzz", "qqqqqq"], "'zzzzzz qqqqqq'", "graft models"),
    ],
)
def test_what_does_not_exist_is_one_message(
    arguments: list[str], found: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert found in err
    assert remedy in err.split("→")[1]


def test_filters_that_nothing_meets_together_are_no_error(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    both = ("--language", "de", "--family", "gpt2")
    assert told(*both) == {"models": [], "notes": []}
    assert main(["models", *both]) == 0
    assert capsys.readouterr().out == "No model is known to meet all of this at once.\n"


def test_folders_and_the_cache_are_at_hand(
    told: Any, tiny_bert: Path, hub_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = hub_cache / "models--distilbert--distilbert-base-cased" / "snapshots" / ("0" * 40)
    shutil.copytree(tiny_bert, snapshot)
    local = str(shutil.copytree(tiny_bert, tmp_path / "models" / "mine"))
    at_hand = {
        model["name"]: model["at_hand"] for model in told(str(tmp_path / "models"))["models"] if model["at_hand"]
    }
    assert at_hand.pop(SMALL, "embedded") == "embedded"
    assert at_hand == {local: local, "distilbert/distilbert-base-cased": str(snapshot)}
    assert main(["models", str(tmp_path / "models")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("* distilbert/distilbert-base-cased") for line in lines)  # long names take two lines
    assert sum(line.startswith("*") for line in lines) in (2, 3)
    assert told(local)["model"]["shape"]["blocks"] == 2
    assert main(["models", str(hub_cache / "models--distilbert--distilbert-base-cased")]) == 2
    assert "no whole model" in capsys.readouterr().err


def test_the_hub_adds_to_the_catalogue(
    told: Any, hub: little_hub.LittleHub, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {model["name"]: model for model in told("--hub", "--licence", "mit")["models"]}
    assert found["prajjwal1/bert-tiny"]["downloads"] == 12_345_678
    assert found["microsoft/mpnet-base"]["licence"] == "mit"  # the catalogue did not know it
    assert found["microsoft/mpnet-base"]["shape"]["blocks"] == 12  # the hub did not tell it
    assert found["microsoft/deberta-v3-small"]["downloads"] is None
    assert main(["models", "--hub", "--licence", "mit"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].split()[-1] == "downloads"
    assert [line.split()[-1] for line in lines if "prajjwal1/bert-tiny" in line] == ["12.3M"]
    assert len(hub.asked) == len(TEXT)  # the second search was answered from the cache


@pytest.mark.usefixtures("hub")
def test_a_model_of_the_hub_is_explained(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert told("prajjwal1/bert-tiny", "--hub")["model"]["shape"]["parameters"] == 4_400_000
    assert main(["models", "someone/secret-7b", "--hub"]) == 0
    assert "terms must be accepted" in " ".join(capsys.readouterr().out.split())
    assert main(["models", "prajjwal1/bert-tny", "--hub"]) == 2
    assert "on the hub" in capsys.readouterr().err


@pytest.mark.parametrize("status", [404, 429])
def test_a_hub_that_refuses_is_one_line_and_the_catalogue_works(
    status: int, hub: little_hub.LittleHub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.status = status
    assert main(["models", "--hub", "--family", "albert"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("The hub could not be asked (")
    assert err.count("\n") == 1
    assert "albert/albert-base-v2" in out


def test_nobody_there_is_one_line_in_a_process_of_its_own(graft: Graft) -> None:
    said = graft(
        "models", "--hub", "--family", "albert", "--json", HF_ENDPOINT=little_hub.closed_port(), HF_HUB_OFFLINE="0"
    )
    assert said.returncode == 0
    assert said.stderr.count("\n") == 1
    told = json.loads(said.stdout)
    assert told["notes"] == [said.stderr.strip()]
    assert "albert/albert-base-v2" in names(told)


def test_without_hub_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "socket", refuse)
    assert main(["models", "german"]) == 0
    assert "gbert" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["models"], ["models", "bert-base-uncased"], ["models", "--hub", "--json"]])
def test_nothing_heavy_is_loaded(arguments: list[str]) -> None:
    code = (
        "import sys; from graft.cli.main import main; code = main(sys.argv[1:]); "
        "print([name for name in ('torch', 'transformers', 'numpy') if name in sys.modules], file=sys.stderr)"
    )
    said = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert said.stderr.splitlines()[-1] == "[]"


def test_the_options_offer_what_the_catalogue_knows() -> None:
    assert models.TASKS == TASKS
    assert models.SORTS == SORTS
    assert set(PIPELINES) == set(TASKS)
    assert set(models.PHRASES) == {field.name for field in dataclasses.fields(Wanted)}
