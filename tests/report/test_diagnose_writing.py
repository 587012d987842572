"""Each finding on a model that writes appears where its numbers say so, names the setting, and is silent otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from graft.records.evidence import Bits, Copied, Novelty, Repetition, StyleScore, WritingDetails
from graft.report.blocks import Callout
from graft.report.diagnose_writing import diagnose_writing
from report import samples

MANIFEST = samples.two()[0]
HEALTHY = WritingDetails(
    bits=(
        Bits("held out", "before", 2.4, (2.3, 2.5), 30.0, 9000),
        Bits("held out", "after", 2.1, (2.0, 2.2), 22.0, 9000),
        Bits("held out", "scratch", 2.6, (2.5, 2.7), 40.0, 9000),
        Bits("neutral", "before", 2.0, (1.9, 2.1), 20.0, 9000),
        Bits("neutral", "after", 2.1, (2.0, 2.2), 22.0, 9000),
    ),
    gain=(0.25, 0.35),
    style=(
        StyleScore("contrast", "after", 0.6, (0.5, 0.7), 80),
        StyleScore("contrast", "before", 0.2, (0.1, 0.3), 80),
    ),
    novelty=(Novelty("after", 0.01, 11, 4000, 8), Novelty("held out", 0.01, 12, 4000, 8)),
    repetition=(
        Repetition("after", (0.6, 0.9, 0.98), 0.0),
        Repetition("held out", (0.7, 0.95, 0.99), 0.0),
    ),
    characters=900_000,
)


def titles(**changed: Any) -> dict[str, Callout]:
    found = diagnose_writing(MANIFEST, msgspec.structs.replace(HEALTHY, **changed))
    return {callout.title: callout for callout in found if callout}


def bits(text: str, model: str, value: float) -> tuple[Bits, ...]:
    return tuple(replace(one, bits=value) if (one.text, one.model) == (text, model) else one for one in HEALTHY.bits)


def test_a_healthy_model_gets_no_finding() -> None:
    assert titles() == {}
    assert not any(diagnose_writing(MANIFEST, WritingDetails()))


@pytest.mark.parametrize(
    ("changed", "title", "setting"),
    [
        ({"gain": (-0.1, 0.2)}, "No better than before on unseen text", "--lr"),
        ({"bits": bits("held out", "scratch", 2.0)}, "A random start does as well", "--model"),
        ({"bits": bits("neutral", "after", 2.5)}, "It forgets other language", "--lr"),
        (
            {"bits": tuple(replace(one, text="own") for one in bits("neutral", "after", 2.5) if one.text == "neutral")},
            "It forgets other language",
            "--recipe thorough",
        ),
        (
            {"repetition": (Repetition("after", (0.1, 0.1, 0.1), 0.3, "on and on (× 9)"),)},
            "It falls into loops",
            "penalty",
        ),
        ({"characters": 20_000}, "Little text to learn from", "--recipe book"),
        ({"lost": 0.04}, "The tokenizer loses characters", "--model"),
        (
            {"style": (*HEALTHY.style[:1], StyleScore("contrast", "before", 0.5, (0.4, 0.6), 80))},
            "The judge sees no clear gain in style",
            "--epochs",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_finding_names_its_setting(changed: dict[str, Any], title: str, setting: str) -> None:
    found = titles(**changed)
    assert list(found) == [title]
    assert setting in found[title].setting


def test_held_out_text_that_stands_in_the_training_text_hides_no_reciting() -> None:
    found = titles(novelty=(Novelty("after", 1.0, 150, 4000, 8), Novelty("held out", 1.0, 150, 4000, 8)))
    assert list(found) == ["It recites the training text", "Held-out text stands in the training text"]


def test_advice_asks_for_less_than_what_was_trained_and_for_another_recipe() -> None:
    stages = tuple(replace(one, epochs=8) for one in MANIFEST.recipe.stages)
    trained = tuple(replace(one, epochs=1) for one in MANIFEST.outcome.stages)
    assert trained
    recipe = replace(MANIFEST.recipe, name="book", stages=stages)
    manifest = replace(MANIFEST, recipe=recipe, outcome=replace(MANIFEST.outcome, stages=trained))
    details = msgspec.structs.replace(
        HEALTHY, novelty=(Novelty("after", 0.4, 70, 4000, 8), HEALTHY.novelty[1]), characters=20_000
    )
    found = {one.title: one.setting for one in diagnose_writing(manifest, details) if one}
    assert "--epochs" not in found["It recites the training text"]
    assert "--lr" in found["It recites the training text"]
    assert found["Little text to learn from"] == "more text of the style."


@pytest.mark.parametrize(("share", "longest"), [(0.4, 20), (0.01, 70)])
def test_reciting_names_the_passage_and_its_document(share: float, longest: int) -> None:
    found = titles(
        novelty=(Novelty("after", share, longest, 4000, 8), HEALTHY.novelty[1]),
        copied=(Copied("the planted passage", longest, "Chapter 3"),),
    )
    callout = found["It recites the training text"]
    assert callout.severity == "problem"
    assert "the planted passage" in callout.text
    assert "Chapter 3" in callout.text
