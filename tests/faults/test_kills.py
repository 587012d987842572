"""A run killed at any write, or at any moment, goes on to the same end: weights, epochs and records, bit for bit."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from .conftest import Ended, Worker, shared_out, signature

KILLS = int(os.environ.get("GRAFT_FAULTS", "200"))  # of those at random
FEW = 10  # points of the normal suite


def points_of(worker: Worker, job: tuple[str, ...], out: Path) -> int:
    """How many points a whole fit meets."""
    ended = worker("fit", *job, "--out", out, folders=[str(out)])
    assert ended.code == 0, ended.err
    return len(ended.points)


def gone_on(worker: Worker, job: tuple[str, ...], out: Path) -> Ended:
    """The run after a kill: resumed, or begun where it had written nothing that counts."""
    return worker("fit", *job, "--out", out, *(("--resume",) if (out / "run.json").exists() else ()))


def killed_at(worker: Worker, job: tuple[str, ...], out: Path, at: int) -> None:
    ended = worker("fit", *job, "--out", out, folders=[str(out)], at=at)
    assert ended.code == -9, (at, ended.err)


def check(worker: Worker, job: tuple[str, ...], out: Path, whole: dict, at: int) -> None:
    killed_at(worker, job, out, at)
    ended = gone_on(worker, job, out)
    assert ended.code == 0, (at, ended.err)
    assert signature(out) == whole, at
    left = [path.name for path in out.rglob(".*") if path.name != ".lock"]
    assert left == [], at
    shutil.rmtree(out)


def test_a_run_killed_at_a_write_goes_on_to_the_same_end(worker, job, whole, tmp_path):
    count = points_of(worker, job, tmp_path / "counted")
    for at in random.Random(0).sample(range(1, count + 1), FEW):
        check(worker, job, tmp_path / str(at), whole, at)


@pytest.mark.faults
def test_a_run_killed_at_each_write_goes_on_to_the_same_end(worker, second, job, whole, tmp_path):
    count = points_of(worker, job, tmp_path / "counted")

    def strike(taken: Worker, at: int) -> None:
        check(taken, job, tmp_path / str(at), whole, at)

    shared_out((worker, second), range(1, count + 1), strike)


@pytest.mark.faults
def test_runs_killed_at_random_moments_go_on_to_the_same_end(worker, second, job, whole, tmp_path):
    """Real kills by another process: again and again, each later than the last, until each run has ended after all."""
    kills: list[float] = []

    def strike(taken: Worker, number: int) -> None:
        if len(kills) >= KILLS:
            return
        out, longest, moments = tmp_path / str(number), 0.8, random.Random(number)
        while True:
            after = moments.uniform(0.05, longest)
            resume = ("--resume",) if (out / "run.json").exists() else ()
            ended = taken("fit", *job, "--out", out, *resume, after=after)
            if ended.code == 0:
                break
            assert ended.code == -9, ended.err
            kills.append(after)
            longest *= 1.2  # a machine under load gets on, too
        assert signature(out) == whole
        shutil.rmtree(out)

    shared_out((worker, second), range(KILLS), strike)
    assert kills


@pytest.mark.faults
def test_a_resumed_run_that_is_killed_goes_on_too(worker, job, whole, tmp_path):
    """Killed at one write, resumed and killed at a later one, and so on to the end.

    A resumed run tidies up and writes its records anew before it can save a step, so the next kill comes later.
    """
    for start in (3, 40, 111):
        out = tmp_path / str(start)
        killed_at(worker, job, out, start)
        for at in range(start + 37, start + 2000, 10):
            resume = ("--resume",) if (out / "run.json").exists() else ()
            ended = worker("fit", *job, "--out", out, *resume, folders=[str(out)], at=at)
            if ended.code == 0:
                break
            assert ended.code == -9, ended.err
        assert signature(out) == whole


def test_sigterm_leaves_a_run_that_goes_on(worker, job, whole, tmp_path):
    for at in (5, 60):
        out = tmp_path / str(at)
        ended = worker("fit", *job, "--out", out, folders=[str(out)], at=at, how="term")
        assert ended.code == 143
        assert "nothing was kept" in ended.err or "--resume" in ended.err
        assert gone_on(worker, job, out).code == 0
        assert signature(out) == whole
