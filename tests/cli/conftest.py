"""Shared by the tests of the command line: a small labelled file, a trained run, and ways to call graft."""

from __future__ import annotations

import csv
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from graft.cli.main import main

Graft = Callable[..., "subprocess.CompletedProcess[str]"]
OPINIONS = {
    "good": ("lovely", "tasty", "warm", "fresh", "kind", "clean"),
    "bad": ("awful", "bland", "cold", "stale", "rude", "dirty"),
}
THINGS = ("soup", "bread", "fish", "cake", "coffee", "staff", "room", "bed", "table", "market")
FAST = ("--epochs", "2", "--precision", "fp32")


def write_reviews(path: Path, rows: int = 80) -> Path:
    """A CSV of different short opinions about things, half of them good."""
    things = itertools.cycle(itertools.product(THINGS, range(1, 9)))
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("text", "label"))
        for number in range(rows):
            label = ("good", "bad")[number % 2]
            thing, hour = next(things)
            word = OPINIONS[label][number // 2 % 6]
            table.writerow((f"the {thing} was {word} at {hour} in the evening of day {number}", label))
    return path


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.csv")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, reviews: Path, tiny_bert: Path) -> Path:
    """A finished run; tests must not change it."""
    out = tmp_path_factory.mktemp("runs") / "reviews"
    assert main(["run", str(reviews), "--model", str(tiny_bert), "--out", str(out), "--quiet", *FAST]) == 0
    return out


@pytest.fixture
def graft(tmp_path: Path) -> Graft:
    """Call the program in a process of its own, in `tmp_path`."""

    def call(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "graft", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "error::UserWarning", **more},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return call
