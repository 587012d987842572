"""Errors and results as JSON, on whatever terminal."""

from __future__ import annotations

import errno
import io
import json
import sys
from pathlib import Path

import pytest

from graft.cli.failure import print_json, system_message


def test_numbers_that_json_lacks_become_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": (2, None)}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": {"d": [2, None]}}


def test_json_stays_whole_on_a_terminal_of_few_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", errors="backslashreplace"))
    print_json({"text": "naïve 日本"})
    assert json.loads(raw.getvalue()) == {"text": "naïve 日本"}


@pytest.mark.parametrize(
    ("number", "found", "remedy"),
    [
        (errno.ENOSPC, "the disk is full", "free some space"),
        (errno.EFBIG, "a file may not grow so large here", "ulimit -f"),
        (errno.EACCES, "the permission is missing", "permissions"),
        (errno.ENOTDIR, "a part of this path is a file, not a folder", "check the path"),
        (errno.EISDIR, "this is a folder, not a file", "name a file"),
        (errno.EIO, "refused", "the disk"),
    ],
)
def test_what_the_system_refused_names_the_place_and_a_remedy(number: int, found: str, remedy: str) -> None:
    message = system_message(OSError(number, "refused", "/some/place"))
    assert message.startswith(f"/some/place: {found}\n  → ")
    assert remedy in message


def test_what_the_system_refused_is_told_without_a_home_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    for name in ("GRAFT_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert system_message(OSError(errno.ENOSPC, "refused", "/some/place")).startswith("/some/place: the disk is full")


def test_a_cache_that_cannot_be_written_names_its_setting(cache: Path) -> None:
    assert "GRAFT_CACHE" in system_message(OSError(errno.ENOTDIR, "refused", str(cache / "features")))
