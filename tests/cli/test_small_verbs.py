"""`graft cache` and `graft report`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from graft.cli.main import main


def test_the_cache_is_measured_and_cleared(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = cache / "features"
    folder.mkdir()
    (folder / "pooled-1.npy").write_bytes(b"x" * 1500)
    assert main(["cache"]) == 0
    assert capsys.readouterr().out.startswith(f"{folder}: 1 entry, 1.5 KiB of at most 20.0 GiB")
    assert main(["cache", "clear", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == 1500
    assert main(["cache", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["entries"], found["bytes"], found["cleared"]) == (0, 0, False)


def test_a_report_is_written_again(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert "<html" in (run / "report.html").read_text(encoding="utf-8")
    assert main(["report", str(tmp_path)]) == 2
