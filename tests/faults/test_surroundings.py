"""No network, little memory, a wrong clock, another process in the same folder: correct results, or one message."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import tiny
import tiny_causal

from graft.folder import RunFolder

from .conftest import signature

YEARS = 20 * 365 * 86_400.0


@pytest.fixture(scope="module")
def finished(worker, job, tmp_path_factory):
    """A finished run, made without a socket."""
    out = tmp_path_factory.mktemp("offline") / "run"
    ended = worker("run", *job, "--out", out, deny=True)
    assert ended.code == 0, ended.err
    assert ended.points == ()
    return out


VERBS = {
    "predict": lambda run: ("predict", run, "a good cake"),
    "predict json": lambda run: ("predict", run, "a good cake", "--json", "--out", run.parent / "answers.jsonl"),
    "evaluate": lambda run: ("evaluate", run),
    "report": lambda run: ("report", run),
    "resume": lambda run: ("run", "--resume", "--out", run),
    "models": lambda _: ("models",),
    "cache": lambda _: ("cache",),
}


def test_writing_and_comparing_open_no_socket_either(worker, job, tmp_path):
    data, _, model = job[:3]
    assert worker("choose", data, "--candidates", model, "--budget", "60s", deny=True).points == ()
    stories = tmp_path / "stories"
    stories.mkdir()
    for number in range(8):
        told = " ".join(f"The {tiny.WORDS[(number * word) % 60]} was there." for word in range(1, 60))
        (stories / f"{number}.txt").write_text(told, encoding="utf-8")
    causal = tiny_causal.make("gpt2", tmp_path / "gpt2")
    settings = ("--task", "write", "--model", causal, "--epochs", "1", "--precision", "fp32")
    ended = worker("fit", stories, *settings, "--out", tmp_path / "run", deny=True)
    assert (ended.code, ended.points) == (0, ()), ended.err
    ended = worker("generate", tmp_path / "run", "--prompt", "The", "--tokens", "5", deny=True)
    assert (ended.code, ended.points) == (0, ()), ended.err


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_opens_a_socket_for_a_local_model(worker, finished, tmp_path, verb):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    ended = worker(*VERBS[verb](run), deny=True)
    assert ended.code == 0, ended.err
    assert ended.points == ()


def test_a_hub_model_without_a_network_is_one_message(worker, job, tmp_path):
    data = job[0]
    ended = worker("fit", data, "--model", "nobody/no-such-model", "--out", tmp_path / "run", deny=True)
    assert ended.code == 2
    assert ended.points  # it was asked for
    assert ended.err.count("→") == 1
    assert "could not be downloaded" in ended.err


@pytest.mark.parametrize("years", [-YEARS, YEARS])
def test_a_wrong_clock_changes_nothing(worker, job, whole, tmp_path, years):
    """Stopped by one clock, resumed by another, over files from the past and the future."""
    out = tmp_path / "run"
    assert worker("fit", *job, "--out", out, folders=[str(out)], at=150, clock=years).code == -9
    for path in out.rglob("*"):
        os.utime(path, (0, 0) if years > 0 else (4e9, 4e9))
    ended = worker("fit", *job, "--out", out, "--resume", clock=-years)
    assert ended.code == 0, ended.err
    assert signature(out) == whole
    assert worker("predict", out, "a good cake").code == 0


def test_a_folder_that_another_process_writes_to_is_refused(worker, job, whole, tmp_path):
    out = tmp_path / "run"
    with RunFolder(out).locked():
        ended = worker("fit", *job, "--out", out)
        assert ended.code == 2
        assert "in use by another graft process" in ended.err
    assert worker("fit", *job, "--out", out).code == 0
    assert signature(out) == whole


@pytest.mark.faults
def test_a_limit_of_address_space_makes_smaller_parts_with_the_same_result(worker, tmp_path):
    """Steps of many long texts: too much for the limit at once, and done in parts."""
    model = tiny.bert(tmp_path / "model", layers=2, width=64)
    lines = [f"{' '.join(tiny.WORDS[row % 40 : row % 40 + 60])},{'ab'[row % 2]}" for row in range(1500)]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    settings = ("--epochs", 1, "--batch", 1000, "--set", "tokens=100000", "--precision", "fp32", "--set", "sweep=[]")
    settings += ("--set", "dropout=0.0", "--set", "attention_dropout=0.0")  # other parts draw other masks
    losses = {}
    for name, limit in (("free", {}), ("tight", {"headroom": 300 << 20})):
        out = tmp_path / name
        ended = worker("fit", data, "--model", model, "--out", out, *settings, **limit)
        assert ended.code == 0, ended.err
        assert ("Memory was short" in ended.out + ended.err) == (name == "tight")
        epochs = [json.loads(line) for line in (out / "epochs.jsonl").read_text().splitlines()]
        losses[name] = [epoch["loss"] for epoch in epochs if epoch["loss"] is not None]
    assert losses["tight"] == pytest.approx(losses["free"], rel=1e-4)


@pytest.mark.faults
def test_too_little_memory_for_anything_is_one_message(worker, job, tmp_path):
    ended = worker("fit", *job, "--out", tmp_path / "run", headroom=4 << 20)
    assert ended.code == 2, ended.err
    assert "memory" in ended.err
    assert ended.err.count("→") == 1
