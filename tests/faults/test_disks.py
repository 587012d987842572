"""A disk that is full, or lets nobody write: one message, nothing lost, and the run goes on when there is room."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import Worker, shared_out, signature
from .test_kills import FEW, gone_on, points_of

SAID = {errno.ENOSPC: "the disk is full", errno.EACCES: "the permission is missing", errno.EROFS: "can only be read"}


def refused_at(worker: Worker, job: tuple[str, ...], out: Path, at: int, number: int) -> None:
    """From its `at`-th write on the disk refuses every one."""
    ended = worker("fit", *job, "--out", out, folders=[str(out)], at=at, how=str(number))
    if ended.code == 0:  # what was refused did not matter, such as a flush of a folder
        return
    assert ended.code == 2, (at, ended.err)
    assert SAID[number] in ended.err, (at, ended.err)
    assert ended.err.count("→") == 1, ended.err


def check(worker: Worker, job: tuple[str, ...], out: Path, whole: dict, at: int, number: int) -> None:
    refused_at(worker, job, out, at, number)
    ended = gone_on(worker, job, out)
    assert ended.code == 0, (at, ended.err)
    assert signature(out) == whole, at
    shutil.rmtree(out)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_run_whose_disk_refuses_a_write_goes_on_later(worker, job, whole, tmp_path, number):
    count = points_of(worker, job, tmp_path / "counted")
    for at in random.Random(number).sample(range(1, count + 1), FEW // 2):
        check(worker, job, tmp_path / str(at), whole, at, number)


@pytest.mark.faults
def test_a_run_whose_disk_is_full_at_each_write_goes_on_later(worker, second, job, whole, tmp_path):
    count = points_of(worker, job, tmp_path / "counted")

    def strike(taken: Worker, at: int) -> None:
        check(taken, job, tmp_path / str(at), whole, at, errno.ENOSPC)

    shared_out((worker, second), range(1, count + 1), strike)


@pytest.mark.faults
@pytest.mark.parametrize("size", [1_000, 20_000, 60_000, 100_000, 150_000])
def test_a_file_that_may_not_grow_is_told(worker, job, whole, tmp_path, size):
    """The system's own limit of a file's size strikes within a write."""
    out = tmp_path / "run"
    ended = worker("fit", *job, "--out", out, limits={"FSIZE": size})
    if ended.code != 0:
        assert ended.code == 2, ended.err
        assert "a file may not grow so large here" in ended.err
        assert gone_on(worker, job, out).code == 0
    assert signature(out) == whole


@pytest.fixture
def small_disk(tmp_path):
    """A function that mounts a disk of some kilobytes; skipped where this user may not."""
    mounted = []

    def mount(kilobytes: int) -> Path:
        place = tmp_path / f"disk{kilobytes}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a small disk is not allowed here")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.faults
@pytest.mark.parametrize("kilobytes", [8, 64, 160, 256, 320, 400, 512])
def test_a_disk_that_is_really_full(worker, job, whole, small_disk, kilobytes):
    disk = small_disk(kilobytes)
    out = disk / "run"
    ended = worker("fit", *job, "--out", out)
    if ended.code == 0:
        assert signature(out) == whole
        return
    assert ended.code == 2, ended.err
    assert "disk is full" in ended.err, ended.err
    subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
    assert gone_on(worker, job, out).code == 0
    assert signature(out) == whole


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(worker, job, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    ended = worker("fit", *job, "--out", tmp_path / "locked" / "run")
    assert ended.code == 2
    assert "permission" in ended.err
