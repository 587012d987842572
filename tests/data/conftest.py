"""Shared by this room's tests: the cache lies in a temporary folder, and a few labelled rows to write into files."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GRAFT_CACHE", str(folder))
    return folder


@pytest.fixture
def pairs() -> list[tuple[str, str]]:
    """Forty different texts of two classes."""
    kinds = [("the soup was warm and the bread fresh", "good"), ("we waited an hour for cold rice", "bad")]
    return [(f"visit {number}: {text}", label) for number in range(20) for text, label in kinds]
