"""Shared by all tests: the cache lies in a temporary folder, no network is asked, and tiny models are at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What fixtures of the whole session make leaves the person's own cache alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_CACHE", str(tmp_path_factory.mktemp("session-cache")))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh cache folder for each test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GRAFT_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tiny

    return tiny.bert(tmp_path_factory.mktemp("models") / "tiny-bert", layers=2)


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tiny

    return tiny.roberta(tmp_path_factory.mktemp("models") / "tiny-roberta", layers=2)


@pytest.fixture(scope="session")
def tiny_distilbert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tiny

    return tiny.distilbert(tmp_path_factory.mktemp("models") / "tiny-distilbert", layers=2)
