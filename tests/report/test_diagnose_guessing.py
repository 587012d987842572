"""The loss of guessing, task by task."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from graft.records import Loss, Manifest
from graft.report.blocks import Callout
from graft.report.diagnose_guessing import hardly_learns
from report import numbers_samples, samples


def found(manifest: Manifest, loss: float, setting: Loss | None = None) -> Callout | None:
    trained = [replace(epoch, loss=loss) for epoch in numbers_samples.epochs_by("accuracy", 0.5, 0.5)]
    return hardly_learns(manifest, trained, setting or Loss())


def of_task(task: str, counts: dict[str, int], rows: int) -> Manifest:
    manifest = samples.two()[0]
    train, *others = manifest.data.splits
    summary = replace(manifest.data, task=task, classes=tuple(counts) or ("score",))
    splits = (replace(train, per_class=counts, rows=rows), *others)
    return replace(manifest, data=replace(summary, splits=splits))


def test_numbers_are_guessed_by_their_mean() -> None:
    numbers = of_task("regression", {}, 150)
    stuck = found(numbers, 1.02)
    assert stuck is not None
    assert stuck.title == "The numbers are hardly learnt"
    assert "class" not in stuck.text
    assert found(numbers, 0.8) is None  # above the loss of guessing between two classes, and learning well


def test_labels_are_guessed_each_by_its_frequency() -> None:
    labels = of_task("multi-label", {"a": 10, "b": 20}, 100)
    tenth, fifth = (-p * math.log(p) - (1 - p) * math.log(1 - p) for p in (0.1, 0.2))
    assert found(labels, 0.96 * (tenth + fifth) / 2) is not None
    assert found(labels, 0.94 * (tenth + fifth) / 2) is None
    assert found(labels, 0.6, Loss(class_weights="balanced")) is None


@pytest.mark.parametrize("task", ["question-answering", "token-classification", "rewrite", "write"])
def test_where_guessing_has_no_loss_that_is_known_nothing_is_said(task: str) -> None:
    assert found(of_task(task, {"with an answer": 81, "without an answer": 40}, 121), 4.78) is None


def test_weighed_classes_are_guessed_evenly() -> None:
    skewed = of_task("classification", {"negative": 6720, "positive": 200}, 6920)
    assert found(skewed, 0.4) is not None
    assert found(skewed, 0.4, Loss(class_weights="balanced")) is None
    assert found(skewed, 0.69, Loss(class_weights="balanced")) is not None


def test_smoothing_lifts_the_loss_of_guessing() -> None:
    skewed = of_task("classification", {"negative": 6720, "positive": 200}, 6920)
    assert found(skewed, 0.22) is not None
    assert found(skewed, 0.22, Loss(label_smoothing=0.1)) is None  # 0.277, below which a perfect model has 0.2
