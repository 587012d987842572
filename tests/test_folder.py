"""A run's folder: one writer at a time, and nothing left of a start that failed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from graft.errors import RunError
from graft.folder import LOCK, RunFolder


class Failed(Exception):
    """What ends a start."""


def fail_in(folder: RunFolder, *files: str) -> None:
    with contextlib.suppress(Failed), folder.locked():
        for name in files:
            (folder.path / name).write_text("")
        raise Failed


def test_a_failed_start_leaves_nothing(tmp_path: Path) -> None:
    fail_in(RunFolder(tmp_path / "runs" / "reviews"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays_without_a_lock(tmp_path: Path) -> None:
    (tmp_path / "runs" / "other").mkdir(parents=True)
    fail_in(RunFolder(tmp_path / "runs" / "reviews"))
    fail_in(RunFolder(tmp_path / "runs"))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["other"]
    fail_in(RunFolder(tmp_path / "runs" / "other"))
    assert list((tmp_path / "runs" / "other").iterdir()) == []


def test_what_was_written_stays(tmp_path: Path) -> None:
    fail_in(RunFolder(tmp_path / "run"), "run.json")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [LOCK, "run.json"]


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        with pytest.raises(RunError, match="in use by another graft process"), folder.locked():
            pass
        assert (folder.path / LOCK).exists()  # the one that was refused takes nothing away
        (folder.path / "run.json").write_text("")
    with folder.locked():
        pass
