"""Shared by this room's tests: a small labelled task that tiny models can learn, and fits run to their end."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import tiny

from graft.backbone.features import Extractor
from graft.backbone.model import Backbone, load
from graft.backbone.models import hub
from graft.cache.store import Store
from graft.data.targets import Codes
from graft.data.tokens.tokens import Tokens, tokenize
from graft.records import MachineRecord
from graft.train.material import Labelled, Material

CLASSES = ("bad", "good", "so-so")
FAMILIES = ("bert", "roberta", "distilbert")
TELLING = (("bad", "awful"), ("good", "lovely"), ("dull", "small"))


def texts_of(rows: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts of varied length; one or two words among common ones tell the class, and one label in twenty is wrong."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(CLASSES), rows).astype(np.int32)
    texts = []
    for label in labels:
        words = list(rng.choice(tiny.WORDS[:20], rng.integers(1, 12)))
        words[rng.integers(len(words))] = str(rng.choice(TELLING[label]))
        texts.append(" ".join(words))
    noisy = rng.random(rows) < 0.05
    return texts, np.where(noisy, rng.integers(0, len(CLASSES), rows), labels).astype(np.int32)


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Backbone]:
    root = tmp_path_factory.mktemp("families")
    return {name: load(hub.locate(str(getattr(tiny, name)(root / name))), CLASSES) for name in FAMILIES}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(loaded: dict[str, Backbone]) -> Callable[..., Material]:
    """Fresh material of a family: nothing in it was touched by an earlier fit but the store on disk."""

    def material(family: str = "bert", precision: str = "fp32", rows: int = 144) -> Material:
        original = loaded[family]
        backbone = dataclasses.replace(original, model=copy.deepcopy(original.model))
        machine = MachineRecord("cpu", "test", 2, precision, "test")  # type: ignore[arg-type]
        train, validation = (labelled(backbone, count, seed) for count, seed in ((rows, 1), (48, 2)))
        return Material(backbone, train, validation, CLASSES, machine, Extractor(backbone, machine, Store()))

    return material


def labelled(backbone: Backbone, rows: int, seed: int) -> Labelled:
    texts, labels = texts_of(rows, seed)
    tokens: Tokens = tokenize(texts, backbone.tokenizer.backend_tokenizer, 64)[0]
    return Labelled(tokens, Codes(labels))
