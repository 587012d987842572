"""What is fixed after the last stage: numbers that lie off are brought onto validation's line, by the head itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from tiny import WORDS

from graft.backbone import heads
from graft.backbone.features import Extractor
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.backbone.paths import ModelPath, predict_logits
from graft.cache.store import Store
from graft.data.targets import Flags, Numbers
from graft.data.tokens.tokens import tokenize
from graft.records import MachineRecord, Progress, Recipe, Said, Stage
from graft.tasks.multilabel import MULTI_LABEL
from graft.tasks.regression import REGRESSION
from graft.train.material import NOTHING, Labelled, Material
from graft.train.settle import settled
from graft.train.start import start_head

MACHINE = MachineRecord("cpu", "test", 2, "fp32", "test")


def answers(material: Material) -> np.ndarray:
    *_, found = predict_logits(ModelPath(material.backbone, MACHINE), material.validation.feed(), 1, "")
    assert not isinstance(found, Progress)
    return found[:, 0].astype(np.float64)


def returned(work: Generator[Progress | Said, None, dict[str, float]]) -> dict[str, float]:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return dict(end.value)


@pytest.fixture(params=["bert", "gpt2"])
def material(request: pytest.FixtureRequest, tmp_path: Path) -> Material:
    """A model whose answers order the rows well, and lie 7 too low and three times too close together."""
    folder = tiny.make(request.param, tmp_path / "model", layers=2)
    backbone = load(hub.locate(str(folder)), ("score",), head=REGRESSION.head)
    random = np.random.default_rng(2)
    texts = [" ".join(random.choice(WORDS, random.integers(1, 12))) for _ in range(40)]
    tokens = tokenize(texts, backbone.tokenizer.backend_tokenizer, 64)[0]
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


@pytest.mark.parametrize("material", ["bert"], indirect=True)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_large_numbers_that_are_right_are_left(material: Material, precision: str) -> None:
    """In bf16 a number near 2,000 is known to 8 only: what is compared with validation must not be rounded so."""
    raw = answers(material)
    noisy = raw + np.random.default_rng(1).normal(0, raw.std() / 2, 40)
    truth = Numbers(1998 + 10 * (noisy - noisy.mean()) / noisy.std())
    (targets, _) = REGRESSION.prepared(truth, truth, True)
    assert isinstance(targets, Numbers)
    slope, shift = np.polyfit(raw, targets.standard, 1)
    heads.rescale(material.backbone, slope, shift)  # the head that is best in the units of training
    part = dataclasses.replace(material.validation, targets=targets)
    machine = dataclasses.replace(MACHINE, precision=precision)
    told = list(settled(dataclasses.replace(material, train=part, validation=part, machine=machine)))
    assert not [event for event in told if isinstance(event, Said)]
    np.testing.assert_allclose(answers(material), 1998 + 10 * (slope * raw + shift), atol=0.2)


def test_a_head_that_answers_in_the_persons_units_goes_on_in_those_of_training(tmp_path: Path) -> None:
    """What a fit starts from may be a fit's own model: its head was scaled, and numbers are learnt standardised."""
    folder = tiny.make("modernbert", tmp_path / "model", layers=2)  # whose head no probe starts
    backbone = load(hub.locate(str(folder)), ("score",), head=REGRESSION.head)
    heads.rescale(backbone, 10.0, 1998.0)
    backbone = dataclasses.replace(backbone, knows=True)
    tokens = tokenize(["good bread", "a bad soup", "fresh fish"], backbone.tokenizer.backend_tokenizer, 64)[0]
    truth = Numbers(np.array([1990.0, 2000.0, 2010.0]))
    part = Labelled(tokens, REGRESSION.prepared(truth, truth, True)[0])
    made = Material(backbone, part, part, ("score",), MACHINE, Extractor(backbone, MACHINE, Store()), REGRESSION)
    before = answers(made)
    head = start_head(made, Recipe("r", (Stage("all", "all", 1),)), NOTHING)
    assert head.start == "pretrained"
    np.testing.assert_allclose(answers(made), (before - 2000) / truth.values.std(), atol=1e-3)


def test_labels_may_be_called_as_a_line_is(tmp_path: Path) -> None:
    names = ("factor", "plan", "shift")
    backbone = load(hub.locate(str(tiny.make("bert", tmp_path / "model", layers=2))), names, head=MULTI_LABEL.head)
    before = {name: value.clone() for name, value in backbone.model.state_dict().items()}
    random = np.random.default_rng(3)
    texts = [" ".join(random.choice(WORDS, random.integers(1, 12))) for _ in range(40)]
    tokens = tokenize(texts, backbone.tokenizer.backend_tokenizer, 64)[0]
    part = Labelled(tokens, Flags(random.random((40, 3)) < 0.4))
    made = Material(backbone, part, part, names, MACHINE, Extractor(backbone, MACHINE, Store()), MULTI_LABEL)
    assert set(returned(settled(made))) == set(names)
    assert all(torch.equal(value, before[name]) for name, value in backbone.model.state_dict().items())
