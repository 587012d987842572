"""What is fixed after the last stage: numbers that lie off are brought onto validation's line, by the head itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tiny
from conftest import texts_of

from graft.backbone import heads, hub
from graft.backbone.features import Extractor
from graft.backbone.model import load
from graft.backbone.paths import ModelPath, predict_logits
from graft.cache.store import Store
from graft.data.targets import Numbers
from graft.data.tokens import tokenize
from graft.records import MachineRecord, Progress, Said
from graft.tasks.regression import REGRESSION
from graft.train.material import Labelled, Material
from graft.train.settle import settled

MACHINE = MachineRecord("cpu", "test", 2, "fp32", "test")


def answers(material: Material) -> np.ndarray:
    *_, found = predict_logits(ModelPath(material.backbone, MACHINE), material.validation.feed(), 1, "")
    assert not isinstance(found, Progress)
    return found[:, 0].astype(np.float64)


@pytest.fixture(params=["bert", "gpt2"])
def material(request: pytest.FixtureRequest, tmp_path: Path) -> Material:
    """A model whose answers order the rows well, and lie 7 too low and three times too close together."""
    folder = tiny.make(request.param, tmp_path / "model", layers=2)
    backbone = load(hub.locate(str(folder)), ("score",), head=REGRESSION.head)
    tokens = tokenize(texts_of(40, 2)[0], backbone.tokenizer.backend_tokenizer, 64)[0]
    part = Labelled(tokens, Numbers(np.zeros(40)))
    made = Material(backbone, part, part, ("score",), MACHINE, Extractor(backbone, MACHINE, Store()), REGRESSION)
    raw = answers(made)
    truth = Numbers(3 * raw + 7 + np.random.default_rng(0).normal(0, raw.std() / 5, 40))
    (targets, _) = REGRESSION.prepared(truth, truth, heads.is_centred(backbone))
    part = dataclasses.replace(part, targets=targets)
    return dataclasses.replace(made, train=part, validation=part)


def test_numbers_that_lie_off_are_brought_back(material: Material) -> None:
    raw, truth = answers(material), material.validation.targets.values  # type: ignore[attr-defined]
    told = [event for event in settled(material) if isinstance(event, Said)]
    found = answers(material)
    assert (np.argsort(found, kind="stable") == np.argsort(raw, kind="stable")).all()
    if not heads.is_centred(material.backbone):  # without a bias there is only a line through nothing
        assert not told
        return
    assert "changes no order" in told[0].text
    slope, shift = np.polyfit(raw, truth, 1)
    np.testing.assert_allclose(found, slope * raw + shift, rtol=1e-3, atol=1e-3)
