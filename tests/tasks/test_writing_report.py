"""The sections of a model that writes: what is there is shown, what is not there leaves no empty section."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from report import samples

from graft.records import Evaluation
from graft.records.evidence import Bits, Copied, Novelty, Repetition, Sample, StyleScore, WritingDetails
from graft.report.blocks import Intervals, Table
from graft.report.compose import compose
from graft.report.page import render
from graft.tasks.writing_report import sections

MANIFEST, EPOCHS, _ = samples.two()
FULL = WritingDetails(
    bits=(
        Bits("own", "after", 1.1, (1.0, 1.2), 5.0, 900),
        Bits("held out", "after", 2.1, (2.0, 2.2), 22.0, 9000),
        Bits("held out", "before", 2.3, (2.2, 2.4), 28.0, 9000),
    ),
    gain=(0.25, 0.35),
    style=tuple(StyleScore("contrast", body, 0.5, (0.4, 0.6), 40) for body in ("before", "held out", "after")),
    judges=("Learned from 80 passages.",),
    novelty=(Novelty("after", 0.01, 11, 4000, 8),),
    copied=(Copied(samples.HOSTILE, 11, "Chapter 3"),),
    repetition=(Repetition("after", (0.6, 0.9, 0.98), 0.0),),
    samples=(Sample("The cat", 0.8, " sat.", samples.HOSTILE),),
)


def evaluation(details: WritingDetails) -> Evaluation:
    return Evaluation("test", 5, {"bits_per_character": 2.1}, {"bits_per_character": (2.0, 2.2)}, {}, 1.0, details)


def test_every_piece_of_evidence_has_its_section() -> None:
    found = {section.id: section for section in sections(evaluation(FULL), MANIFEST)}
    assert list(found) == ["numbers", "gain", "style", "novelty", "repetition", "samples"]
    chart = next(block for block in found["style"].blocks if isinstance(block, Intervals))
    assert [row.name for row in chart.rows if row.ours] == ["Written by this model"]
    table = next(block for block in found["samples"].blocks if isinstance(block, Table))
    assert table.rows[0][1] == "The cat sat."


def test_before_and_after_stand_together_text_by_text() -> None:
    gain = next(section for section in sections(evaluation(FULL), MANIFEST) if section.id == "gain")
    chart = next(block for block in gain.blocks if isinstance(block, Intervals))
    assert [(row.name, row.ours) for row in chart.rows] == [
        ("Held-out text, before", False),
        ("Held-out text, after", True),
        ("Untuned model's, after", True),
    ]


def test_what_is_not_there_leaves_no_section() -> None:
    assert [section.id for section in sections(evaluation(WritingDetails()), MANIFEST)] == ["numbers"]


def test_too_little_text_for_a_judge_is_said() -> None:
    found = {section.id: section for section in sections(evaluation(msgspec.structs.replace(FULL, style=())), MANIFEST)}
    assert "too little text to teach a judge" in found["style"].lead


def test_text_that_was_written_is_made_harmless() -> None:
    written = evaluation(FULL)
    data = replace(MANIFEST.data, task="write", classes=())
    manifest = replace(MANIFEST, data=data)
    page = render(compose(manifest, EPOCHS, written, sections(written, manifest)))
    assert "<script>alert" not in page
    assert "0 classes" not in page
