"""`graft predict`: texts from arguments, files and standard input; CSV, JSON Lines or one object out."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graft.cli.main import main
from graft.predict import load

TEXTS = ["the soup was lovely", "awful, stale bread", ""]


def give(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Standard input holds these bytes."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_arguments_become_a_table(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(trained), *TEXTS]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == ["text", "label", "probability", "p_bad", "p_good"]
    assert [row["text"] for row in rows] == TEXTS
    for row, truth in zip(rows, load(trained).predict(TEXTS), strict=True):
        assert row["label"] == truth.label
        assert float(row["probability"]) == pytest.approx(truth.probability, abs=1e-5)
        assert float(row["p_bad"]) + float(row["p_good"]) == pytest.approx(1, abs=1e-5)


def test_what_stands_behind_two_dashes_is_a_text(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--json", "--", str(trained), "--great"], [str(trained), "--json", "--", "--great"]):
        assert main(["predict", *arguments]) == 0
        assert "--great" in capsys.readouterr().out


def test_texts_may_follow_options(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They were unrecognised as soon as an option stood between them and the run."""
    for line in (["--format", "jsonl", *TEXTS], [TEXTS[0], "--format", "jsonl", "--", *TEXTS[1:]]):
        assert main(["predict", str(trained), *line]) == 0
        assert [json.loads(answer)["text"] for answer in capsys.readouterr().out.splitlines()] == TEXTS


def alone(*line: str, status: int = 0) -> tuple[str, bool]:
    """What `graft` prints in a process of its own (what it says of an error), and whether that imported torch."""
    code = (
        "import sys; from graft.cli.main import main\n"
        "status = main(sys.argv[1:])\n"
        "print('torch' in sys.modules, file=sys.stderr); sys.exit(status)"
    )
    ended = subprocess.run([sys.executable, "-c", code, *line], capture_output=True, text=True, check=False)
    assert ended.returncode == status, ended.stderr
    return ended.stderr if status else ended.stdout, ended.stderr.splitlines()[-1] == "True"


def test_the_first_texts_are_answered_without_torch(trained: Path) -> None:
    out, imported = alone("predict", str(trained), *TEXTS)
    assert not imported
    for row, truth in zip(csv.DictReader(io.StringIO(out)), load(trained).predict(TEXTS), strict=True):
        assert row["label"] == truth.label
        assert float(row["probability"]) == pytest.approx(truth.probability, abs=1e-5)


def test_what_is_wrong_with_a_model_is_said_without_torch(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    weights = run / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    said, imported = alone("predict", str(run), "a text", status=2)
    assert "is not the one that this run saved" in said
    assert not imported
    weights.unlink()
    said, _ = alone("predict", str(run), "a text", status=2)
    assert "model.safetensors is missing" in said
    said, imported = alone("predict", str(trained), "--file", str(tmp_path / "no.csv"), status=2)
    assert "no.csv" in said
    assert not imported


def test_a_model_that_is_held_is_found_from_elsewhere(trained: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; from graft.backbone import instant; from graft.predict import load\n"
        "instant.WORK = 1e5; os.chdir(sys.argv[1]); predictor = load(sys.argv[2]); os.chdir(sys.argv[3])\n"
        "print(predictor.predict(['the soup was lovely'] * 50)[0].label, 'torch' in sys.modules)"
    )
    line = [sys.executable, "-c", code, str(trained.parent), trained.name, str(tmp_path)]
    ended = subprocess.run(line, capture_output=True, text=True, check=True)
    assert ended.stdout.split()[1] == "True"


def test_a_model_that_is_loaded_whole_loads_nothing_later(trained: Path, tmp_path: Path) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    code = (
        "import shutil, sys; import graft; model = graft.load(sys.argv[1], whole=True); shutil.rmtree(sys.argv[1])\n"
        "before = set(sys.modules); print(model.predict(['the soup was lovely'] * 300)[0].label)\n"
        "print([name for name in set(sys.modules) - before if name.split('.')[0] in ('torch', 'transformers')])"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(run)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [load(trained).predict(["the soup was lovely"])[0].label, "[]"]


def test_whoever_names_a_precision_is_answered_in_it(trained: Path) -> None:
    out, imported = alone("predict", str(trained), TEXTS[0], "--precision", "bf16")
    assert imported
    assert out.splitlines()[1].startswith(TEXTS[0])


def test_many_texts_are_answered_by_torch_once_it_is_worth_its_import(trained: Path) -> None:
    code = (
        "import sys; from graft.backbone import instant; from graft.predict import load\n"
        "instant.WORK = 1e7; predictor = load(sys.argv[1])\n"
        "for _ in range(30): print(predictor.predict(sys.argv[2:])[0].probability, 'torch' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(trained), *TEXTS], capture_output=True, text=True, check=True
    )
    said = [line.split() for line in ended.stdout.splitlines()]
    assert [first for _, first in said] == sorted(first for _, first in said), "once imported, it answers"
    assert {first for _, first in said} == {"False", "True"}
    assert max(float(share) for share, _ in said) - min(float(share) for share, _ in said) < 1e-5


def test_standard_input_keeps_every_line_in_its_place(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, "\ufeffthe soup\n\ngood\tfish\r\n__label__x café".encode())
    assert main(["predict", str(trained), "--format", "jsonl"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in rows] == ["the soup", "", "good\tfish", "__label__x café"]
    assert all(set(row["probabilities"]) == {"good", "bad"} for row in rows)


def test_standard_input_that_is_not_utf8_names_its_line(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, b"the soup\ncaf\xe9\n")
    assert main(["predict", str(trained)]) == 2
    assert "<standard input>:2: byte 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG image"), (random.Random(0).randbytes(3000), "a binary file")],
)
def test_standard_input_that_is_no_text_is_not_told_to_convert(
    content: bytes, kind: str, trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, content)
    assert main(["predict", str(trained)]) == 2
    err = capsys.readouterr().err
    assert f"<standard input>: this is {kind}" in err
    assert "iconv" not in err


@pytest.mark.parametrize("name", ["folder", "file.txt/answers.csv"])
def test_a_place_where_no_file_can_lie_is_named(
    name: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.txt").write_text("")
    assert main(["predict", str(trained), "a text", "--out", str(tmp_path / name)]) == 2
    err = capsys.readouterr().err
    assert err.startswith(str(tmp_path / name.partition("/")[0]) + ": ")
    assert "→ " in err


def test_a_file_is_not_taken_for_a_run(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(trained / "run.json"), "a text"]) == 2
    err = capsys.readouterr().err
    assert "is a file, not the folder of a run" in err
    assert f"did you mean {trained}?" in err


def test_a_file_in_and_a_file_out(trained: Path, reviews: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    assert main(["predict", str(trained), "--file", str(reviews), "--text", "text", "--out", str(out), "--quiet"]) == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    with open(reviews, encoding="utf-8", newline="") as file:
        assert [row["text"] for row in rows] == [row["text"] for row in csv.DictReader(file)]


def test_a_file_is_read_by_the_columns_that_the_run_learnt_from(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = load(trained).manifest.data.columns.text
    path = tmp_path / "new.csv"
    rows = [f"the waiter was kind to us on day {number},{TEXTS[0]} {number}" for number in range(6)]
    path.write_text("\n".join([f"description,{own}", *rows]), encoding="utf-8")
    assert main(["predict", str(trained), "--file", str(path)]) == 0
    told = capsys.readouterr()
    assert [row["text"] for row in csv.DictReader(io.StringIO(told.out))] == [row.split(",", 1)[1] for row in rows]
    assert "was inferred" not in told.err
    path.write_text("\n".join(["description", *(row.split(",")[0] for row in rows)]), encoding="utf-8")
    assert main(["predict", str(trained), "--file", str(path)]) == 0
    assert f"has no column {own!r}, which the run learnt from" in capsys.readouterr().err


def test_a_learnt_column_that_cannot_be_read_is_not_swapped_for_another(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = load(trained).manifest.data.columns.text
    path = tmp_path / "new.csv"
    path.write_text(f"{own},body\n1,the soup was lovely\n2,the bread was awful\n", encoding="utf-8")
    assert main(["predict", str(trained), "--file", str(path)]) == 2
    assert f"the column {own!r} holds numbers, not texts" in capsys.readouterr().err


def test_a_file_that_is_standard_input_is_read_once(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, "\n".join(TEXTS[:2]).encode())
    assert main(["predict", str(trained), "--file", "-"]) == 0
    assert [row["text"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == TEXTS[:2]


def test_a_dash_is_standard_input(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, "\n".join(TEXTS[:2]).encode())
    assert main(["predict", str(trained), "-"]) == 0
    assert [row["text"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == TEXTS[:2]


def test_a_failed_answer_leaves_the_old_file(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "answers.csv"
    out.write_text("old", encoding="utf-8")
    give(monkeypatch, b"good\n" * 3000 + b"\xff\n")
    assert main(["predict", str(trained), "--out", str(out), "--quiet"]) == 2
    assert "<standard input>:3001" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".answers")] == []


def test_json_is_one_object(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(trained), "fine tea", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 1
    assert found["predictions"][0]["text"] == "fine tea"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["nowhere", "a text"], "nowhere/run.json is missing"),
        (["RUN", "a text", "--file", "x.csv"], "not both"),
        (["RUN", "a text", "--encoding", "latin-1"], "--encoding is of a file"),
        (["RUN", "a text", "--text", "body"], "--text is of a file"),
        (["RUN", "--text-pair", "body"], "--text-pair is of a file"),
        (["RUN", "--file", "nowhere.csv"], "nowhere.csv"),
        (["RUN", "a text", "--out", "/dev/null/x.csv"], "/dev/null"),
        (["RUN", "a text", "--out", "answers.csv.gz"], "not as .gz"),
        (["RUN", "a text", "--out", "answers.parquet"], "not as .parquet"),
    ],
)
def test_mistakes_are_one_message(
    arguments: list[str], found: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(trained) if argument == "RUN" else argument for argument in arguments]
    assert main(["predict", *given]) == 2
    err = capsys.readouterr().err
    assert found in err
    assert "→ " in err
    assert "Traceback" not in err


def test_a_reader_that_goes_away_and_a_poor_terminal(trained: Path, tmp_path: Path) -> None:
    """In one process of its own: the output's encoding is ASCII, the reader takes one line and leaves."""
    texts = tmp_path / "texts.txt"
    texts.write_text("naïve soup\n" * 20_000, encoding="utf-8")
    command = f"{sys.executable} -m graft predict {trained} < {texts} | head -2; exit ${{PIPESTATUS[0]}}"
    said = subprocess.run(
        ["bash", "-c", command], capture_output=True, check=False, env={"PYTHONIOENCODING": "ascii"}, timeout=120
    )
    assert said.returncode == 141
    assert said.stderr == b""
    assert said.stdout.splitlines()[1].startswith(rb"na\xefve soup,")
