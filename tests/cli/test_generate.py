"""`graft generate`: streamed, reproducible, and sensible with odd prompts."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from graft.cli.main import main


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["generate", *arguments])
    found = capsys.readouterr()
    return code, found.out, found.err


def test_the_same_seed_gives_the_same_text(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = (str(written), "--prompt", "The cat", "--tokens", "20", "--n", "2", "--temperature", "1.2")
    first = said(capsys, *asked, "--seed", "4")
    assert first == said(capsys, *asked, "--seed", "4")
    assert first != said(capsys, *asked, "--seed", "5")
    one, other = first[1].split("\n---\n")
    assert one.startswith("The cat")
    assert other.startswith("The cat")
    assert one != other.removesuffix("\n")


def test_all_settings_are_taken(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = ("--top-k", "50", "--top-p", "0.9", "--min-p", "0.01", "--repetition-penalty", "1.2", "--stop", ".")
    code, out, _ = said(capsys, str(written), "--tokens", "8", *drawn)
    assert code == 0
    assert "." not in out


def test_prompts_come_from_standard_input(
    written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = "\N{BYTE ORDER MARK}The cat\nThe moon\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    code, out, _ = said(capsys, str(written), "-", "--tokens", "5", "--json")
    assert code == 0
    assert [text["prompt"] for text in json.loads(out)["texts"]] == ["The cat", "The moon"]


def test_a_prompt_that_is_not_utf_8_is_refused_with_its_line(
    written: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"The cat\ncaf\xe9\n")))
    code, out, err = said(capsys, str(written), "-", "--tokens", "5")
    assert (code, out) == (2, "")
    assert "byte 4 of the line is not UTF-8" in err
    assert "iconv" in err
    assert "--file" not in err


def test_both_models_write_side_by_side(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, str(written), "--prompt", "The cat", "--tokens", "5", "--beside")
    assert "=== before fine-tuning ===" in out
    assert "=== after fine-tuning ===" in out


@pytest.mark.parametrize("prompt", ["", "月が川を見た", "\N{SKULL} \u05d0\u05d1"])
def test_odd_prompts_are_gone_on_from(written: Path, capsys: pytest.CaptureFixture[str], prompt: str) -> None:
    code, out, err = said(capsys, str(written), "--prompt", prompt, "--tokens", "6")
    assert (code, err) == (0, "")
    assert out.startswith(prompt)
    assert "\N{REPLACEMENT CHARACTER}" not in out


def test_a_prompt_longer_than_the_window_is_said(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, str(written), "--prompt", "the cat saw " * 60, "--tokens", "6")
    assert code == 0
    assert "its last 48 of" in err
    assert out.startswith("the cat saw the cat")
    code, out, err = said(capsys, str(written), "--prompt", "the cat saw " * 60, "--tokens", "6", "--json")
    assert "its last 48 of" in err
    assert len(json.loads(out)["texts"]) == 1


def test_equal_texts_are_said(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = said(capsys, str(written), "--prompt", "The cat", "--n", "2", "--temperature", "0", "--tokens", "4")
    assert "are the same" in err
    one, other = out.split("\n---\n")
    assert one == other.removesuffix("\n")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--temperature", "-1"), "temperature cannot be"),
        (("--n", "0"), "at least one text"),
        (("--stop", ""), "stop string"),
    ],
)
def test_a_setting_out_of_range_is_said(
    written: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], found: str
) -> None:
    code, out, err = said(capsys, str(written), *arguments)
    assert (code, out) == (2, "")
    assert found in err


def test_a_run_that_labels_is_refused(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, str(trained), "--prompt", "a")
    assert code == 2
    assert "graft predict" in err


def test_ctrl_c_ends_a_text_cleanly(written: Path) -> None:
    command = [sys.executable, "-m", "graft", "generate", str(written), "--prompt", "The", "--tokens", "100000"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.read(8)  # it writes
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert out.endswith(b"\n")
