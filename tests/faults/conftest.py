"""What the fault tests share: a warm worker, a tiny run, and what a finished run must look like."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import tiny

WORDS = {"good": ("good", "lovely", "tasty", "kind"), "bad": ("bad", "awful", "stale", "rude")}
SETTINGS = ("--recipe", "thorough", "--epochs", "2", "--batch", "64", "--save-every", "0", "--precision", "fp32")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What strikes at every write takes minutes, so it is slow, too, and may take longer than any other test."""
    for item in items:
        if item.get_closest_marker("faults"):
            item.add_marker("slow")
            item.add_marker(pytest.mark.timeout(1800))


@dataclass(frozen=True)
class Ended:
    """How a run of the command line ended."""

    code: int
    out: str
    err: str
    points: tuple[str, ...]


class Worker:
    """The warm process; every call is a run of `graft` in a child of it."""

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, str(Path(__file__).with_name("worker.py"))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )

    def __call__(self, *arguments: object, **asked: Any) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps({"arguments": [str(argument) for argument in arguments], **asked})
        print(line, file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        ended = Ended(answer["code"], answer["out"], answer["err"], tuple(answer["points"]))
        assert "Traceback" not in ended.err, ended.err
        return ended

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a place: these tests flush thousands of files."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="graft-") as folder:
        yield Path(folder)


def begun(cache: Path) -> Worker:
    quiet = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "0"}
    return Worker({**os.environ, **quiet, "GRAFT_CACHE": str(cache)})


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    found = begun(tmp_path_factory.mktemp("cache"))
    yield found
    found.close()


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """Another one, with a cache of its own, for tests that strike hundreds of times."""
    found = begun(tmp_path_factory.mktemp("cache"))
    yield found
    found.close()


def shared_out(workers: tuple[Worker, ...], points: Iterable[int], strike: Callable[[Worker, int], None]) -> None:
    """Strike at every point, the workers side by side; the first failure is raised."""
    free: SimpleQueue[Worker] = SimpleQueue()
    for each in workers:
        free.put(each)

    def one(at: int) -> None:
        taken = free.get()
        try:
            strike(taken, at)
        finally:
            free.put(taken)

    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(one, points))


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """What to run, but for where: a tiny model on a hundred texts."""
    root = tmp_path_factory.mktemp("job")
    model = tiny.bert(root / "model", layers=2, width=16)
    lines = ["text,label"]
    for number in range(120):
        label = ("good", "bad")[number % 2]
        lines.append(f"the {tiny.WORDS[number % 60]} was {WORDS[label][number % 4]} number {number},{label}")
    (root / "data.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return (str(root / "data.csv"), "--model", str(model), *SETTINGS)


def signature(run: Path) -> dict[str, Any]:
    """All that a finished fit must have in common with any other of the same job: everything but times."""
    manifest = json.loads((run / "run.json").read_text())
    epochs = [json.loads(line) for line in (run / "epochs.jsonl").read_text().splitlines()]
    for epoch in epochs:
        del epoch["seconds"], epoch["tokens_per_second"]
    outcome = manifest["outcome"]
    for stage in outcome["stages"]:
        del stage["seconds"]
    kept = {name: outcome[name] for name in ("status", "stages", "best_stage", "best_epoch", "best_value", "skipped")}
    model = run / "model"
    found = ((path, path.relative_to(model).as_posix()) for path in model.rglob("*") if path.is_file())
    files = {name: hashlib.sha256(path.read_bytes()).hexdigest() for path, name in found}
    assert files == outcome["artefact"]
    return {"epochs": epochs, "files": files, "recipe": (run / "recipe.toml").read_text(), **kept}


@pytest.fixture(scope="session")
def whole(worker: Worker, job: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the job comes to when nothing goes wrong."""
    out = tmp_path_factory.mktemp("whole") / "run"
    ended = worker("fit", *job, "--out", out)
    assert ended.code == 0, ended.err
    return signature(out)
