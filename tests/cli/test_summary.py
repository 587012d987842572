"""The end of a run that learned a style says whether it has it, what it copied, and what should be looked at."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import msgspec
import pytest

from graft.cli.summary import table
from graft.folder import RunFolder
from graft.records.evidence import Novelty, StyleScore, WritingDetails
from graft.report.words import number


def lines(run: Path, **changed: object) -> list[str]:
    folder = RunFolder(run)
    evaluation = folder.evaluation()
    assert evaluation is not None
    assert isinstance(evaluation.details, WritingDetails)
    details = msgspec.structs.replace(evaluation.details, **changed)
    return table(run, folder.manifest(), dataclasses.replace(evaluation, details=details)).splitlines()


def scores(judge: str, *shares: float) -> tuple[StyleScore, ...]:
    bodies = ("after", "before", "held out")
    return tuple(StyleScore(judge, body, share, (0.0, 1.0), 40) for body, share in zip(bodies, shares, strict=True))


def test_style_is_against_text_of_the_genre_where_there_is_some(written: Path) -> None:
    said = lines(written, style=(*scores("neutral", 0.9, 0.8, 0.99), *scores("contrast", 0.77, 0.19, 0.86)))
    assert "Style:   77.0% of its passages pass for it (before 19.0%, held-out text 86.0%)" in said
    assert all(len(line) <= 80 or line.startswith("Report:") for line in said if "graft generate" not in line)


def test_a_small_terminal_gets_fewer_metrics(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = next(line for line in lines(written) if line.startswith("This model"))
    monkeypatch.setenv("COLUMNS", "50")
    assert next(line for line in lines(written) if line.startswith("This model")) == whole  # as it is no terminal
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    few = next(line for line in lines(written) if line.startswith("This model"))
    assert whole.startswith(few.rstrip())
    assert len(few) <= 50


def test_what_stands_out_is_said_on_the_screen_too(written: Path) -> None:
    own = (
        Novelty("after", 0.4, 60, 4000, 8),
        Novelty("before", 0.0, 3, 4000, 8),
        Novelty("held out", 0.01, 9, 4000, 8),
    )
    said = lines(written, novelty=own)
    assert "Copied:  40.0% of its words (before 0.0%, held-out text 1.0%)" in said
    assert "Warning: It recites the training text; see the report." in said


def test_nothing_is_said_of_what_was_not_judged(written: Path) -> None:
    assert not [line for line in lines(written, style=(), novelty=()) if line.startswith(("Style:", "Copied:"))]


def test_numbers_of_any_size_have_columns_of_their_own(written: Path) -> None:
    folder = RunFolder(written)
    evaluation = folder.evaluation()
    assert evaluation is not None
    for size in (5e-5, 2e4, 3e11):
        numbers = {"bits_per_character": 1.5, "perplexity": 1.2345 * size}
        spans = {"bits_per_character": (-0.0001, 0.2), "perplexity": (1.1 * size, 1.3 * size)}
        said = table(written, folder.manifest(), dataclasses.replace(evaluation, metrics=numbers, intervals=spans))
        ours, ends = (line.split() for line in said.splitlines()[3:5])
        assert ours == ["This", "model", "1.500", number(1.2345 * size)]
        assert ends == ["0.00", "to", "0.20", f"{number(1.1 * size)}-{number(1.3 * size)}"]
