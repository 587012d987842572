"""The yardstick of the untrained cosine: a line over few rows of train, those that a head for pairs starts from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny

import graft
from graft import untrained
from graft.fit_options import FitOptions
from graft.records import Baseline, Manifest
from graft.train import start


@pytest.mark.parametrize("seed", [0, 3])
def test_the_line_reads_the_rows_that_the_head_started_from(
    seed: int, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    words = [" ".join(rng.choice(tiny.WORDS, 4)) for _ in range(240)]
    rows = [{"a": words[at], "b": words[at + 1], "score": at / 240} for at in range(0, 240, 2)]
    splits = graft.split(graft.read(rows, text=("a", "b"), label="score"))
    read, original, started = [], untrained.fit_probe, start.start_rows

    def watched(task, learnt, *others):  # type: ignore[no-untyped-def]
        read.append(learnt.targets)
        return original(task, learnt, *others)

    def kept(material, recipe):  # type: ignore[no-untyped-def]
        found = started(material, recipe)
        read.append(material.train.targets.take(found))
        return found

    monkeypatch.setattr(start, "START_PAIRS", 20)
    monkeypatch.setattr(untrained, "fit_probe", watched)
    monkeypatch.setattr(start, "start_rows", kept)
    options = FitOptions(str(tiny_bert), settings={"pairs": "apart", "epochs": "1", "seed": str(seed)})
    *_, manifest = graft.fit(splits, tmp_path / "r", options)
    assert isinstance(manifest, Manifest)
    *_, baseline = untrained.cosine(splits, manifest)
    assert isinstance(baseline, Baseline)
    *_, of_the_head, of_the_line = read
    assert len(of_the_line) == 20
    np.testing.assert_array_equal(of_the_line.values, of_the_head.values)


def test_several_labels_have_their_thresholds_as_the_model_has(tiny_bert: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = [" ".join(rng.choice(tiny.WORDS, 4)) for _ in range(240)]
    rows = [  # of every fourth pair, which are the same text twice, two in five are called so
        {"a": words[at], "b": words[at + (at % 4 > 0)], "labels": ["any", *["same"] * (at % 4 == 0 and at % 5 < 2)]}
        for at in range(239)
    ]
    read = graft.ReadOptions(task="multi-label")
    splits = graft.split(graft.read(rows, text=("a", "b"), label="labels", options=read))
    options = FitOptions(str(tiny_bert), settings={"pairs": "apart", "epochs": "1"})
    *_, manifest = graft.fit(splits, tmp_path / "r", options)
    *_, baseline = untrained.cosine(splits, manifest)
    assert baseline.metrics["macro_f1"] > 0.6  # no share reaches one in two, at which it would be 0.5
