"""What is said of a model that gives several labels."""

from __future__ import annotations

import pytest

from graft.records import Baseline, Evaluation, Manifest, MultiLabelDetails
from graft.report.blocks import Callout
from graft.report.diagnose import diagnose
from report import samples, settings_samples

SURE = MultiLabelDetails(given=(5, 140, 15), true=(0, 137, 23))
NAMES = ("macro_f1", "micro_f1", "subset_accuracy")


def evaluated(own: tuple[float, float, float], common: tuple[float, float, float], half: float = 0.05) -> Evaluation:
    """Numbers by macro-F1, micro-F1 and subset accuracy beside the commonest labels."""
    ours, theirs = (dict(zip(NAMES, values, strict=True)) for values in (own, common))
    around = [{name: (value - half, value + half) for name, value in one.items()} for one in (ours, theirs)]
    rival = Baseline("common", "always “neutral”", theirs, around[1], 0.0)
    return Evaluation("test", 160, ours, around[0], {"common": rival}, 1.0, SURE)


def titles(evaluation: Evaluation, manifest: Manifest | None = None) -> dict[str, Callout]:
    return {one.title: one for one in diagnose(manifest or samples.two()[0], (), evaluation)}


GOOD = evaluated((0.5, 0.6, 0.5), (0.02, 0.31, 0.32))
COMMONEST = "No better than the commonest labels over all texts"


def test_a_good_model_is_no_finding() -> None:
    assert not {COMMONEST, "Too many labels are given"} & titles(GOOD).keys()


def test_too_many_labels() -> None:
    many = samples.with_details(GOOD, given=(8, 56, 20, 27, 15, 9, 5, 7, 8, 5))
    found = titles(many)["Too many labels are given"]
    assert found.severity == "warning"
    assert "2.94 labels on average, and have 1.14" in found.text
    assert found.setting.startswith("more epochs (`--epochs`)")
    assert "`--recipe fast`" in titles(many, settings_samples.probe())["Too many labels are given"].setting
    few = samples.with_details(GOOD, given=(0, 4, 6), true=(0, 10))  # too few labels to tell
    assert "Too many labels are given" not in titles(few)


@pytest.mark.parametrize(("micro", "severity"), [(0.15, "problem"), (0.26, "warning"), (0.315, "warning")])
def test_fewer_right_labels_than_a_constant(micro: float, severity: str) -> None:
    found = titles(evaluated((0.24, micro, 0.138), (0.02, 0.315, 0.319)))[COMMONEST]
    assert found.severity == severity
    assert "Subset accuracy is 13.8% against 31.9%." in found.text
    assert ("31.5% for both" in found.text) == (micro == 0.315)


def test_a_constant_is_said_once() -> None:
    found = titles(evaluated((0.02, 0.26, 0.138), (0.02, 0.315, 0.319)))
    assert "Not better than the commonest labels" in found
    assert COMMONEST not in found
