"""The default run on public corpora, where they are at hand: accuracy only, since a test is no place for a clock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graft.records import Evaluation
from graft.run import Given, RunOptions, run

DATA = Path(os.environ.get("GRAFT_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("trec", 0.955), ("sst2", 0.875)])
def test_the_default_run_reaches(name: str, least: float, tmp_path: Path) -> None:
    if not (DATA / name).is_dir():
        pytest.skip(f"there is no {DATA / name}; set GRAFT_DATA")
    *_, evaluation = run(Given(DATA / name), options=RunOptions(out=tmp_path / "run"))
    assert isinstance(evaluation, Evaluation)
    assert evaluation.metrics["accuracy"] >= least
    assert evaluation.metrics["accuracy"] > evaluation.baselines["tfidf"].metrics["accuracy"]
