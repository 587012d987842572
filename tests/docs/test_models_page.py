"""docs/models.md: its commands run, and it says what the catalogue holds."""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
from pathlib import Path

import huggingface_hub
import huggingface_hub.constants
import little_hub
import pytest
from pages import ROOT, blocks

from graft.backbone.models.catalog import Card, Score, Shape, catalog
from graft.cli.main import main

PAGE = ROOT / "docs" / "models.md"
TEXT = PAGE.read_text(encoding="utf-8")
LINES = [line for block in blocks(PAGE, "console") for line in block.code.splitlines()]


@pytest.fixture
def _somewhere(tmp_path: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a model in `models`."""
    shutil.copytree(tiny_bert, tmp_path / "models" / "mine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "none"))


@pytest.mark.usefixtures("_somewhere")
@pytest.mark.parametrize("line", LINES)
def test_commands_run(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with little_hub.serving() as hub:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", "--hub" not in line)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        huggingface_hub.close_session()
        assert main(shlex.split(line)[1:]) == 0
        huggingface_hub.close_session()
    out, err = capsys.readouterr()
    assert err == ""
    assert len(out.splitlines()) >= (1 if "--json" in line else 2)


def test_the_number_of_models_is_told() -> None:
    for page in (PAGE, ROOT / "README.md", ROOT / "CHANGELOG.md"):
        told = re.findall(r"(\d+)(?: well-known| pretrained)? models", page.read_text(encoding="utf-8"))
        assert str(len(catalog().model)) in told, page.name


def test_every_field_is_explained() -> None:
    fields = {field.name for kind in (Card, Shape, Score) for field in dataclasses.fields(kind)} - {"shape"}
    assert fields <= set(re.findall(r"`(\w+)`", TEXT))


def test_every_benchmark_and_domain_is_explained() -> None:
    cards = catalog().model
    assert {score.of for card in cards for score in card.scores} <= set(
        re.findall(r"^\| `([^`]+)` \|", TEXT, re.MULTILINE)
    )
    assert all(card.domain in TEXT for card in cards)
