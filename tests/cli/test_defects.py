"""Law 10 at the command line: each defective input gives one message, exit 2, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from data.defects import DEFECTS, Defect

from graft.cli.main import main

REACHABLE = [
    defect for defect in DEFECTS if not defect.name.endswith(" bomb")
]  # its limit is an option of the Python face only


@pytest.mark.parametrize("defect", REACHABLE, ids=lambda defect: defect.name)
def test_a_defect_is_one_message(defect: Defect, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = defect.writer(tmp_path)
    data = arguments.pop("data")
    options = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
    assert main(["run", data, "--out", str(tmp_path / "run"), *options]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert defect.found in err
    assert err.count("→ ") == 1
    assert "Traceback" not in err
    assert defect.line is None or f":{defect.line}: " in err
    assert not (tmp_path / "run").exists()
