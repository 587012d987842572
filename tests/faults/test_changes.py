"""A run that goes on with something else than it was begun with is refused, and what differs is named."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from graft.folder import RunFolder

from .conftest import signature


@pytest.fixture(scope="module")
def stopped(worker, job, tmp_path_factory):
    out = tmp_path_factory.mktemp("stopped") / "run"
    assert worker("fit", *job, "--out", out, folders=[str(out)], at=60).code == -9
    return out


def other_vocabulary(content: bytes) -> bytes:
    """Two words' tokens exchanged: the same model by its weights, and other texts to it."""
    tokenizer = json.loads(content)
    words = tokenizer["model"]["vocab"]
    one, other = [word for word in words if not word.startswith("[")][10:12]
    words[one], words[other] = words[other], words[one]
    return json.dumps(tokenizer).encode()


CHANGED: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "tokenizer": ("model/tokenizer.json", other_vocabulary, "tokenizer.json of .* was changed"),
    "configuration": ("model/config.json", lambda old: old.replace(b'"gelu"', b'"relu"'), "config.json of .* changed"),
    "weights": ("model/model.safetensors", lambda old: old[:-1] + bytes([old[-1] ^ 1]), "the weights of .* changed"),
    "a text": ("data.csv", lambda old: old.replace(b"number 7,", b"number seven,"), r"data\.csv was changed since"),
    "a label": ("data.csv", lambda old: old.replace(b"number 7,bad", b"number 7,good"), r"data\.csv was changed since"),
    "a row": ("data.csv", lambda old: old + b"one more,good\n", r"data\.csv was changed since"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_changed_file_is_refused_by_name(worker, job, whole, stopped, tmp_path, what):
    name, change, said = CHANGED[what]
    run, path = tmp_path / "run", Path(job[0]).parent / name
    shutil.copytree(stopped, run)
    before = path.read_bytes()
    assert change(before) != before
    try:
        path.write_bytes(change(before))
        ended = worker("fit", *job, "--out", run, "--resume")
    finally:
        path.write_bytes(before)
    assert ended.code == 2, ended.err
    assert re.search(said, ended.err), ended.err
    assert worker("fit", *job, "--out", run, "--resume").code == 0  # with what it was begun with it goes on
    assert signature(run) == whole


ASKED = {
    ("--lr", "1e-3"): r"other recipe .*optimiser\.lr 0\.001, where it was",
    ("--seed", "3"): "other recipe .*: seed 3, where it was 0",
    ("--epochs", "9"): r"other recipe .*stages\.0\.epochs 9",
    ("--split-seed", "3"): "other data .*train holds other rows",
    ("--test-share", "0.4"): "other data .*train holds other rows",
    ("--precision", "bf16"): "--precision fp32, and --precision bf16 is given now",
    ("--device", "cuda"): "--device cpu, and --device cuda is given now",
}


@pytest.mark.parametrize("asked", ASKED, ids=" ".join)
def test_another_setting_is_refused_by_name(worker, job, stopped, tmp_path, asked):
    shutil.copytree(stopped, tmp_path / "run")
    ended = worker("fit", *job, *asked, "--out", tmp_path / "run", "--resume")
    assert ended.code == 2, ended.err
    assert re.search(ASKED[asked], ended.err), ended.err
    assert ended.err.count("→") == 1


def test_a_yardstick_that_was_not_asked_for_at_first_is_refused(worker, stopped, tmp_path):
    shutil.copytree(stopped, tmp_path / "run")
    ended = worker("run", "--resume", "--out", tmp_path / "run", "--from-scratch")
    assert ended.code == 2
    assert "was started without --from-scratch" in ended.err


def test_other_releases_and_threads_are_said(worker, stopped, tmp_path):
    """They move last bits, so the run goes on."""
    run = tmp_path / "run"
    shutil.copytree(stopped, run)
    folder = RunFolder(run)
    manifest = folder.manifest()
    assert manifest.machine.threads == 1
    machine = dataclasses.replace(manifest.machine, threads=64)
    versions = manifest.versions | {"torch": "2.8.0"}
    folder.write_manifest(dataclasses.replace(manifest, machine=machine, versions=versions))
    ended = worker("fit", "--resume", "--out", run)
    assert ended.code == 0, ended.err
    assert "threads 1, where it was 64" in ended.err
    assert re.search(r"torch 2\.\d+\.\d+\S*, where it was 2\.8\.0", ended.err)
