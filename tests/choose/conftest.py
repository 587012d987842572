"""Shared by this room's tests: tiny models of a few families, and rows whose label their words tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny

from graft.data.read import read
from graft.data.splitting.split import split
from graft.data.table import Splits
from graft.records import MachineRecord

CLASSES = ("bad", "good")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three models."""
    root = tmp_path_factory.mktemp("models")
    tiny.bert(root / "bert", layers=3)
    tiny.roberta(root / "roberta", layers=2)
    tiny.distilbert(root / "distilbert", layers=2, width=16)
    return root


@pytest.fixture(scope="session")
def splits() -> Splits:
    """Some hundred short texts, a third of whose words tell the class."""
    generator = np.random.default_rng(0)
    words = {"good": ["lovely", "fresh", "kind", "tasty", "happy"], "bad": ["awful", "stale", "rude", "bland", "dirty"]}
    texts, labels = [], []
    for number in range(400):
        label = CLASSES[number % 2]
        texts.append(" ".join([*generator.choice(tiny.WORDS, 5), *generator.choice(words[label], 2)]))
        labels.append(label)
    return split(read({"text": texts, "label": labels}))


@pytest.fixture
def machine() -> MachineRecord:
    return MachineRecord("cpu", "test", 2, "fp32", "test")
