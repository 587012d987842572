"""What is recorded of outputs besides their numbers."""

from __future__ import annotations

from pathlib import Path

from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.splitting.split import split
from graft.tasks.rewriting_evidence import details


def test_loops_of_outputs_are_recorded_beside_those_of_references(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    lines = [f"the {number} small cats slept on a mat all day,cats slept {number}" for number in range(40)]
    path.write_text("\n".join(["document,summary", *lines]), encoding="utf-8")
    rows = split(read(path, options=ReadOptions(task="rewrite"))).test
    found = details(["#" + "P" * 39] * len(rows), rows)
    assert (found.looped, found.looped_references, found.loop) == (0.975, 0.0, "P (× 39)")
    assert (details(["cats slept"] * len(rows), rows).looped, details([""] * len(rows), rows).loop) == (0.0, "")
