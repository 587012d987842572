"""What the pages show in Python is run: the blocks of a page in order, in one namespace, on small real data."""

from __future__ import annotations

import csv
import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
from pages import PAGES, ROOT, Block, blocks

from graft.backbone.models import hub

ROWS = 60  # of examples/townhall.csv: enough for every class in every split
HUB_MODEL = "bert-base-uncased"  # named in the pages; a tiny random BERT that reads 512 tokens takes its place
WRITER = "gpt2"  # so does a tiny random GPT-2 of this one
REWRITER = "t5-small"  # and a tiny random T5 of this one
# What is run in place of a block that needs the network.
INSTEAD = {"docs/textbook.md": "pretrained = AutoModelForSequenceClassification.from_pretrained(MODEL)\n"}
SHOWN = {page: found for page in PAGES if (found := blocks(page, "python"))}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with reviews.csv and letters.csv in it, as the working directory."""
    with open(ROOT / "examples" / "townhall.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[: ROWS + 1]
    with open(tmp_path / "reviews.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    with open(tmp_path / "letters.csv", "w", encoding="utf-8", newline="") as file:
        drafts = [(row[0].lower(), row[0].capitalize()) for row in rows[1:41]]
        csv.writer(file).writerows([("draft", "final"), *drafts])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(block: Block, code: str, namespace: dict[str, Any]) -> None:
    """Run a block so that a traceback names the page and its line."""
    exec(compile("\n" * (block.line - 1) + code, str(block.page), "exec"), namespace)


@pytest.mark.skipif(importlib.util.find_spec(hub.EMBEDDED_MODULE) is None, reason="needs the extra `offline`")
@pytest.mark.parametrize("page", SHOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_run(page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch, stories: Path, tiny_gpt2: Path) -> None:
    monkeypatch.setattr(tiny, "POSITIONS", 512)
    folder = tiny.bert(desk / "models" / HUB_MODEL)
    rewriter = tiny.rewriter("t5", desk / "models" / REWRITER, layers=2)
    shutil.copytree(stories, desk / "stories")
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in SHOWN[page]:
        code = INSTEAD[str(page.relative_to(ROOT))] if block.skipped else block.code
        for name, there in ((HUB_MODEL, folder), (WRITER, tiny_gpt2), (REWRITER, rewriter)):
            code = code.replace(f'"{name}"', repr(str(there)))
        run(block, code, namespace)
    assert (desk / "runs").is_dir()  # each of these pages trains something


def test_few_blocks_are_not_run() -> None:
    skipped = {
        str(page.relative_to(ROOT)): sum(bool(block.skipped) for block in found) for page, found in SHOWN.items()
    }
    assert {page: count for page, count in skipped.items() if count} == dict.fromkeys(INSTEAD, 1)
    assert sum(map(len, SHOWN.values())) >= 10
