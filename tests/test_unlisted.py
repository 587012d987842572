"""Architectures without an entry of their own: each goes through the journey whole and uncached, or is one message."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import tiny
from transformers import pipeline

import graft
from graft import machine

UNLISTED = {
    "mra": {},  # bf16 is not for its sampling
    "squeezebert": {"embedding_size": 32} | {f"{part}_groups": 1 for part in ("q", "k", "v", "intermediate", "output")},
    "longformer": {"attention_window": 8},
    "rembert": {"input_embedding_size": 16, "output_embedding_size": 16},
}
REFUSED = {
    "fnet": ({}, "depends on the texts that are read beside it"),  # no mask; its Fourier transform is not for bf16
    "nystromformer": ({"segment_means_seq_len": 64, "num_landmarks": 64}, "depends on the texts"),  # convolves padding
    "pegasus": ({"d_model": 32, "encoder_layers": 2, "decoder_layers": 2}, "cannot train as a classifier"),
}


@pytest.fixture(scope="module")
def splits() -> graft.Splits:
    rng = random.Random(0)
    rows = [(" ".join(rng.choice(tiny.WORDS) for _ in range(6)), "even" if n % 2 else "odd") for n in range(40)]
    return graft.split(graft.read(rows))


def made(kind: str, own: dict[str, object], folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(tiny.FAMILIES, kind, (tiny._wordpiece, own))
    return str(tiny.make(kind, folder, layers=2))


@pytest.mark.parametrize("kind", UNLISTED)
def test_it_trains_whole_and_is_saved_as_its_own_kind(
    kind: str, splits: graft.Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_gain_known", lambda *_: 4.0)  # a machine that is faster in bf16
    model = made(kind, UNLISTED[kind], tmp_path / kind, monkeypatch)
    options = graft.FitOptions(model, settings={"epochs": "1"})
    said = [event.text for event in graft.fit(splits, tmp_path / "run", options) if isinstance(event, graft.Said)]
    assert any("nothing of it is cut off and cached" in text for text in said)
    predictor = graft.load(tmp_path / "run")
    assert predictor.manifest.machine.precision == ("fp32" if kind in ("mra",) else "bf16")
    texts = ["good bread", "a bad day at the market"]
    shares = [answer.probabilities["odd"] for answer in predictor.predict(texts)]
    found = pipeline("text-classification", str(tmp_path / "run" / "model"), device="cpu", top_k=None)(texts)
    theirs = [next(one["score"] for one in answer if one["label"] == "odd") for answer in found]
    np.testing.assert_allclose(shares, theirs, atol=1e-4)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_trained_is_one_message(
    kind: str, splits: graft.Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, found = REFUSED[kind]
    model = made(kind, own, tmp_path / kind, monkeypatch)
    with pytest.raises(graft.ModelError, match=found) as caught:
        list(graft.fit(splits, tmp_path / "run", graft.FitOptions(model)))
    assert caught.value.remedy
