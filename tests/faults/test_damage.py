"""Every file of a run cut, flipped or removed in turn, for every verb that reads it: it is named, never silent."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import signature

VERBS: dict[str, Callable[[Path], tuple[object, ...]]] = {
    "predict": lambda run: ("predict", run, "a good cake"),
    "evaluate": lambda run: ("evaluate", run),
    "report": lambda run: ("report", run),
    "resume": lambda run: ("run", "--resume", "--out", run),
}
RECORDS = {"run.json", "evaluation.json", "splits.json", "recipe.toml", "epochs.jsonl", "predictions.csv"}
READ = {  # the files that a verb must not pass over; report.html is written by all and read by none
    "predict": {"run.json", "model"},
    "evaluate": {*RECORDS, "model"},
    "report": RECORDS,
    "resume": {*RECORDS, "model"},
}
DAMAGES = ("removed", "emptied", "cut", "flipped")


def damage(path: Path, kind: str, chance: random.Random) -> None:
    content = path.read_bytes()
    if kind == "removed":
        path.unlink()
    elif kind == "emptied":
        path.write_bytes(b"")
    elif kind == "cut":
        path.write_bytes(content[: chance.randrange(1, len(content))])
    else:
        place = chance.randrange(len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :])


def files_of(run: Path) -> list[str]:
    return sorted(
        str(path.relative_to(run)) for path in run.rglob("*") if path.is_file() and not path.name.startswith(".")
    )


@pytest.fixture(scope="module")
def finished(worker, job, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "run"
    ended = worker("run", *job, "--out", out)
    assert ended.code == 0, ended.err
    assert set(files_of(out)) >= {*RECORDS, "report.html"}
    return out


@pytest.fixture(scope="module")
def stopped(worker, job, tmp_path_factory):
    """A run killed just after it committed a state with a new best model: the state before has its own."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    points = worker("fit", *job, "--out", out, folders=[str(out)]).points
    best = max(number for number, point in enumerate(points) if "rename" in point and "/.best-" in point)
    at = next(number for number, point in enumerate(points, 1) if number > best and "/last-" in point)
    shutil.rmtree(out)
    assert worker("fit", *job, "--out", out, folders=[str(out)], at=at).code == -9
    assert (out / "checkpoints" / "previous.json").exists()
    return out


def answered(worker, finished: Path, run: Path, name: str, verb: str, kind: str) -> None:
    shutil.copytree(finished, run)
    damage(run / name, kind, random.Random(f"{name} {verb} {kind}"))
    ended = worker(*VERBS[verb](run))
    said = ended.out + ended.err
    case = f"{verb} with {name} {kind}: {said}"
    assert ended.code in (0, 2), case
    if ended.code == 2 or name.partition("/")[0] in READ[verb]:
        assert str(run / name) in said, case
    shutil.rmtree(run)


@pytest.mark.faults
@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("verb", VERBS)
def test_each_damaged_file_of_a_finished_run_is_named(worker, finished, tmp_path, verb, kind):
    for name in files_of(finished):
        if not name.startswith("checkpoints/"):
            answered(worker, finished, tmp_path / "run", name, verb, kind)


def test_a_damaged_record_is_named(worker, finished, tmp_path):
    for number, name in enumerate(sorted(RECORDS)):
        verb = "report" if number % 2 else "resume"
        answered(worker, finished, tmp_path / "run", name, verb, DAMAGES[number % 4])


def test_a_damaged_model_is_made_again_from_the_checkpoint(worker, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    damage(run / "model" / "config.json", "flipped", random.Random(0))
    assert worker(*VERBS["predict"](run)).code == 2
    assert worker(*VERBS["resume"](run)).code == 0
    assert worker(*VERBS["predict"](run)).code == 0
    assert signature(run) == signature(finished)


@pytest.mark.faults
@pytest.mark.parametrize("kind", DAMAGES)
def test_each_damaged_file_of_a_stopped_run_is_named_and_another_checkpoint_serves(
    worker, job, whole, stopped, tmp_path, kind
):
    run = tmp_path / "run"
    for name in files_of(stopped):
        shutil.copytree(stopped, run)
        damage(run / name, kind, random.Random(f"{name} {kind}"))
        ended = worker("fit", "--resume", "--out", run, *job)
        if name == "run.json":
            assert ended.code == 2
            assert str(run / name) in ended.err
        else:
            assert ended.code == 0, ended.err
            assert signature(run) == whole, name
        shutil.rmtree(run)


def test_a_best_model_that_both_states_share_is_named_once(worker, job, tmp_path):
    out = tmp_path / "run"
    points = worker("fit", *job, "--out", out, folders=[str(out)]).points
    at = next(number for number, point in enumerate(points, 1) if "remove" in point and "/last-000003" in point)
    shutil.rmtree(out)
    assert worker("fit", *job, "--out", out, folders=[str(out)], at=at + 1).code == -9
    best = next(iter((out / "checkpoints").glob("best-*")))
    best.unlink()
    ended = worker("fit", "--resume", "--out", out, *job)
    assert ended.code == 2
    assert ended.err.count(f"{best} is missing or damaged.") == 1
