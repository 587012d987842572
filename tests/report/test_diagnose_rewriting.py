"""What is said of a model that rewrites."""

from __future__ import annotations

import dataclasses

import pytest

from graft.records import Baseline, Evaluation, RewriteDetails, Truncation
from graft.report.diagnose_rewriting import diagnose_rewriting
from report import samples

MANIFEST = samples.manifest(samples.data("pairs", ("a", "b"), (400, 100, 100)))
GOOD = RewriteDetails(length_ratio=1.0, unchanged=0.05)


def evaluated(own: float = 0.8, copy: float = 0.5) -> Evaluation:
    baselines = {
        "copy": Baseline("copy", "the source", {"chrf": copy, "exact_match": 0.0}, {"chrf": (copy, copy)}, 0.0)
    }
    return Evaluation("test", 100, {"chrf": own}, {"chrf": (own - 0.02, own + 0.02)}, baselines, 0.0)


def titles(evaluation: Evaluation, details: RewriteDetails, manifest=MANIFEST) -> list[str]:
    return [found.title for found in diagnose_rewriting(manifest, evaluation, details) if found]


def test_a_good_model_gives_no_cause() -> None:
    assert titles(evaluated(), GOOD) == []


@pytest.mark.parametrize(
    ("evaluation", "details", "title"),
    [
        (evaluated(0.595, 0.6), GOOD, "A rule does as well"),
        (evaluated(0.51, 0.5), GOOD, "A rule comes close"),
        (evaluated(), RewriteDetails(length_ratio=1.0, unchanged=0.4), "Many sources come back unchanged"),
        (evaluated(), RewriteDetails(length_ratio=2.0), "Outputs are longer than their references"),
        (evaluated(), RewriteDetails(length_ratio=0.3), "Outputs are shorter than their references"),
        (evaluated(), RewriteDetails(length_ratio=1.0, empty=5), "Some outputs are empty"),
    ],
)
def test_what_stands_out_is_said(evaluation: Evaluation, details: RewriteDetails, title: str) -> None:
    assert titles(evaluation, details) == [title]


def test_a_rule_does_better_where_the_intervals_are_apart() -> None:
    (found,) = [one for one in diagnose_rewriting(MANIFEST, evaluated(0.006, 0.316), GOOD) if one]
    assert (found.severity, found.title) == ("problem", "A rule does better")
    (even,) = [one for one in diagnose_rewriting(MANIFEST, evaluated(0.5001, 0.5002), GOOD) if one]
    assert "reaches a chrF of 50.0%, the model the same." in even.text


def test_what_goes_round_in_loops_leaves_nothing_out() -> None:
    stuck = RewriteDetails(length_ratio=0.05, looped=0.9, loop="P (× 40)")
    loops, short = [one for one in diagnose_rewriting(MANIFEST, evaluated(), stuck) if one]
    assert loops.title == "It falls into loops"
    assert "90.0% of the characters" in loops.text
    assert "“P (× 40)”" in loops.text
    assert short.title == "Outputs are shorter than their references"
    assert "leave something out" not in short.text
    assert titles(evaluated(), RewriteDetails(length_ratio=1.0, looped=0.3, looped_references=0.28)) == []


def test_a_metric_that_is_in_force_is_not_advised() -> None:
    by_chrf = dataclasses.replace(MANIFEST, recipe=dataclasses.replace(MANIFEST.recipe, metric="chrf"))
    for manifest, named in ((MANIFEST, True), (by_chrf, False)):
        (short,) = [one for one in diagnose_rewriting(manifest, evaluated(), RewriteDetails(length_ratio=0.3)) if one]
        assert ("`--metric chrf`" in short.setting) == named


def test_cut_targets_are_said() -> None:
    cut = dataclasses.replace(MANIFEST.truncation, targets=Truncation(64, 100, 30, 9000, 2000, 120))
    manifest = dataclasses.replace(MANIFEST, truncation=cut)
    assert titles(evaluated(), GOOD, manifest) == ["Targets are cut"]
