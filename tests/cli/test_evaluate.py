"""`graft evaluate`: the test split is opened, and that is said and counted."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from graft.cli.main import main
from graft.folder import RunFolder
from graft.records import Baseline


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def test_opening_again_is_said_and_counted(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = RunFolder(run).evaluation()
    assert known is not None
    assert main(["evaluate", str(run), "--json"]) == 0
    out, err = capsys.readouterr()
    assert "The test split was opened once before." in err
    found = json.loads(out)
    assert found["evaluations"] == 2
    assert found["metrics"] == pytest.approx(known.metrics, abs=1e-9)
    assert main(["evaluate", str(run)]) == 0
    assert "opened 2 times before" in capsys.readouterr().err


def test_a_yardstick_that_took_training_is_kept(run: Path) -> None:
    folder = RunFolder(run)
    known = folder.evaluation()
    assert known is not None
    scratch = Baseline("scratch", "from random weights", {"accuracy": 0.5}, {}, 1.0)
    folder.write_evaluation(dataclasses.replace(known, baselines=known.baselines | {"scratch": scratch}))
    assert main(["evaluate", str(run), "--quiet"]) == 0
    again = folder.evaluation()
    assert again is not None
    assert again.baselines["scratch"] == scratch


@pytest.mark.parametrize("content", [b"", b'{"split": "test", "n": 16, "metr', b"\xff\xfe\x00"])
def test_a_damaged_evaluation_is_said_and_made_again(
    content: bytes, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = run / "evaluation.json"
    known = RunFolder(run).evaluation()
    damaged.write_bytes(content)
    assert main(["report", str(run)]) == 2
    err = capsys.readouterr().err
    assert f"{damaged} is damaged" in err
    assert f"→ graft evaluate {run} makes it again." in err
    assert main(["evaluate", str(run)]) == 0
    assert f"{damaged} is damaged" in capsys.readouterr().err
    again = RunFolder(run).evaluation()
    assert again is not None
    assert known is not None
    assert again.metrics == pytest.approx(known.metrics, abs=1e-9)


def test_a_folder_that_is_no_run_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path / "none")]) == 2
    assert "run.json is missing" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
