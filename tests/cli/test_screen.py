"""Lines and progress, on a terminal and in a plain log."""

from __future__ import annotations

import io
import os
import re
import time
from pathlib import Path

import pytest

from graft.cli.main import main
from graft.cli.screen import Log, Silent, Terminal, screen, spoken
from graft.cli.show import Story
from graft.records import Epoch, HeadRecord, Progress, Said, StageRecord, Trial


def test_durations_in_words() -> None:
    assert [spoken(seconds) for seconds in (0.04, 9.94, 9.96, 59.4, 59.6, 200, 7500)] == [
        "0.0 s",
        "9.9 s",
        "10 s",
        "59 s",
        "1 min 0 s",
        "3 min 20 s",
        "2 h 5 min",
    ]


def test_a_log_shows_progress_only_now_and_then() -> None:
    file = io.StringIO()
    log = Log(file, every=0.05)
    for step in range(1, 101):
        log.advance("train", step / 100)
    assert file.getvalue() == ""
    time.sleep(0.06)
    log.advance("train", 0.5)
    log.advance("train", 0.6)
    assert re.fullmatch(r"train: 50%, \d\.\d s left\n", file.getvalue())


def test_without_a_terminal_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert isinstance(screen(), Log)
    assert isinstance(screen(quiet=True), Silent)


TRAP = "a\x1b]0;owned\x07\x1b[2Jb\u202ec\nd"  # sets a terminal's title, clears it, turns the direction round


def test_what_a_terminal_would_obey_is_shown_instead(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A stranger's file, class or model may have such a name."""
    file = io.StringIO()
    Log(file).line(TRAP)
    (tmp_path / TRAP).write_text("x")
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "no-such-file.csv", "--out", "run"]) == 2
    said = capsys.readouterr().err
    assert "owned" in said
    assert not {"\x1b", "\x07", "\u202e"} & set(said + file.getvalue())
    assert file.getvalue().startswith("a⟨U+001B⟩]0;owned")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_narrow_terminal_holds_every_line(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    raw = io.BytesIO()
    terminal = Terminal(io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace", write_through=True))
    story = Story(terminal)
    story.show(Said("Classes: [bold]one[/], naïve, 日本, " + "a long name of a class, " * 5))
    for done in (1, 5, 9):
        time.sleep(0.11)
        story.show(Progress("extract validation of a stage with a long name", done, 10))
    terminal.close()
    shown = raw.getvalue().decode(encoding)
    assert "[bold]one[/]" in shown
    assert "90%" in shown
    assert re.search(r"\x1b\[\d*;?3\dm", shown) is None, "NO_COLOR is set"
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", shown).replace("\r", "\n")
    assert max(len(line) for line in drawn.splitlines()) <= 60 + 20 * (encoding == "ascii")


def test_events_become_lines() -> None:
    file = io.StringIO()
    story = Story(Log(file, every=0.0))
    story.show(Trial(1e-4, {"accuracy": 0.5}))
    story.show(Epoch("blocks", 0, None, {"accuracy": 0.25}, 1.0, 0, 0.0, True))
    story.show(Epoch("blocks", 1, 0.5, {"accuracy": 0.75}, 12.0, 100, 10.0, False))
    story.show(StageRecord("blocks", 6, 0, False, 12.0, 1, 3, 0.1, "every block trains"))
    assert file.getvalue().splitlines() == [
        "Tried a rate of 0.0001: accuracy 0.5000.",
        "blocks 0      at start    accuracy 0.2500  1.0 s  best",
        "blocks 1      loss 0.500  accuracy 0.7500  12 s",
        "Stage blocks: 1 epoch in 12 s; every block trains.",
    ]


def test_a_random_head_s_start_is_no_best() -> None:
    file = io.StringIO()
    story = Story(Log(file, every=0.0))
    story.show(HeadRecord("native", "mean", 2, "random", "random start"))
    for stage, number, loss in (("head", 0, None), ("head", 1, 0.5), ("all", 0, None)):
        story.show(Epoch(stage, number, loss, {"accuracy": 0.25}, 1.0, 0, 0.0, True))
    marks = [line.endswith("best") for line in file.getvalue().splitlines()[1:]]
    assert marks == [False, True, True]
