"""Shared by this room's tests: a tiny random model of each family, freshly copied for each test."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest
import tiny
from tiny import AWKWARD

from graft.backbone.model import Backbone, load
from graft.backbone.models import hub
from graft.data.tokens.tokens import Tokens, tokenize
from graft.records import MachineRecord

CLASSES = ("bad", "good", "so-so")
FAMILIES = tuple(tiny.FAMILIES)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("families")
    return {name: tiny.make(name, root / name) for name in FAMILIES}


@pytest.fixture(scope="session")
def loaded(folders: dict[str, Path]) -> dict[str, Backbone]:
    return {name: load(hub.locate(str(folder)), CLASSES) for name, folder in folders.items()}


@pytest.fixture(params=FAMILIES)
def backbone(request: pytest.FixtureRequest, loaded: dict[str, Backbone]) -> Backbone:
    """A tiny model of each family in turn; its weights may be changed by the test."""
    original = loaded[request.param]
    return dataclasses.replace(original, model=copy.deepcopy(original.model))


@pytest.fixture
def tokens(backbone: Backbone) -> Tokens:
    """Eight awkward texts: empty, at the length limit, and with special tokens inside."""
    return tokenize(AWKWARD, backbone.tokenizer.backend_tokenizer, backbone.record.max_tokens)[0]


@pytest.fixture
def machine() -> MachineRecord:
    return MachineRecord("cpu", "test", 2, "fp32", "test")
