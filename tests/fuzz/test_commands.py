"""Whatever is typed, and whatever a run's folder holds: an exit code of ours, and never a traceback."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from graft.cli.main import VERBS, main

from .conftest import bounded
from .mutations import CSV, spoiled

WORDS = st.sampled_from(
    [
        *VERBS,
        *("--help", "--json", "--out", "--resume", "--set", "lr=1", "--epochs", "0", "-1", "--lr", "nan", "1e999", ""),
        *("--recipe", "fast", "--model", "/dev/null", "--text", "--label", "--file", "-", "--sweep", "hub:", "hub:a/b"),
        *("/dev/null", ".", "no-such-file.csv", "--save-every", "--on-nonfinite", "skip", "--", "\ud800", "\0", "–out"),
    ]
)


def silent(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> int:
    code = main(arguments)
    err = capfd.readouterr().err
    assert "Traceback" not in err, (arguments, err)
    assert code in (0, 2), (arguments, err)
    return code


@pytest.fixture
def nothing_on_stdin(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with open("/dev/null", encoding="utf-8") as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield
        monkeypatch.undo()


@pytest.mark.usefixtures("nothing_on_stdin")
@bounded
@given(words=st.lists(WORDS | st.text(max_size=6), max_size=6))
def test_any_words(words, capfd):
    silent(words, capfd)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuzzed")
    model = tiny.bert(root / "model", layers=1, width=16)
    (root / "data.csv").write_bytes(CSV)
    settings = ["--epochs", "1", "--precision", "fp32", "--quiet"]
    assert main(["run", str(root / "data.csv"), "--model", str(model), "--out", str(root / "run"), *settings]) == 0
    return root / "run"


@bounded
@given(st.data(), st.sampled_from(["predict", "evaluate", "report", "resume"]))
def test_a_spoiled_run(finished, tmp_path_factory, capfd, data, verb):
    run = tmp_path_factory.mktemp("spoiled") / "run"
    shutil.copytree(finished, run)
    files = sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file() and path.name != ".lock")
    for name in data.draw(st.lists(st.sampled_from(files), min_size=1, max_size=3, unique=True)):
        if data.draw(st.booleans()):
            (run / name).unlink()
        else:
            (run / name).write_bytes(data.draw(spoiled((run / name).read_bytes())))
    given_ = {"predict": ["predict", str(run), "a text"], "resume": ["run", "--resume", "--out", str(run)]}
    silent([*given_.get(verb, [verb, str(run)]), "--quiet"], capfd)
    shutil.rmtree(run.parent)
