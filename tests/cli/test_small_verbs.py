"""`graft cache` and `graft report`."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from graft.cache.shelf import Layout
from graft.cache.store import Store
from graft.cli.main import main


def test_the_cache_is_measured_and_cleared(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = cache / "shards"
    store = Store(folder)
    filling = store.filling(store.shelf({"kind": "pooled states"}, Layout("float32", 1), "a model"), 4000)
    filling.add(np.ones((3, 2), np.uint64), np.full(3, 300), np.zeros(900, np.float32), (1.0, 900))
    filling.commit()
    assert main(["cache"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{folder}: 3.8 KiB of at most 20.0 GiB")
    assert second.strip().startswith("a model, pooled states: 3 rows, 3.8 KiB, last used 20")
    assert main(["cache", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["entries"]
    assert (entry["model"], entry["rows"]) == ("a model", 3)
    assert main(["cache", "clear", "--older-than", "1h", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cleared"] == 0
    assert main(["cache", "clear", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"folder": str(folder), "cleared": entry["bytes"], "bytes": 0}
    assert main(["cache", "--older-than", "30d"]) == 2
    assert "add clear" in capsys.readouterr().err
    assert main(["cache", "clear", "--older-than", "soon"]) == 2
    assert "30d" in capsys.readouterr().err


def test_what_the_cache_may_not_look_into_is_said(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(folder: Path) -> list[Path]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    monkeypatch.setattr("graft.cache.store.listed", refused)
    for verb in (["cache"], ["cache", "clear"]):
        assert main(verb) == 0
        said = capsys.readouterr().out.splitlines()[1]
        assert said == f"Not looked into: {cache / 'shards'}: the permission is missing."


def test_a_report_is_written_again(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert "<html" in (run / "report.html").read_text(encoding="utf-8")
    assert main(["report", str(tmp_path)]) == 2
