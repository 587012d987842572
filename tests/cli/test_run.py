"""`graft run` and `graft fit`: the journey in one command, its JSON, and stopping and going on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graft.cli.main import main
from graft.folder import RunFolder

from .conftest import FAST, Graft, write_reviews


def test_run_ends_with_a_summary_that_fits_and_says_what_is_next(
    reviews: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", str(reviews), "--model", str(tiny_bert), *FAST]) == 0
    out, err = capsys.readouterr()
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "runs/reviews/report.html" in out
    assert "graft predict runs/reviews" in out
    assert (tmp_path / "runs" / "reviews" / "report.html").is_file()
    assert "\x1b" not in out + err
    assert "\r" not in out + err
    assert " 2/2 " in err
    assert "Traceback" not in err


def test_numbers_on_texts_from_train_come_with_a_warning(
    reviews: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ["run", str(reviews), "--test", str(reviews), "--model", str(tiny_bert), "--out", "run"]
    assert main([*asked, "--epochs", "1", "--precision", "fp32"]) == 0
    out, err = capsys.readouterr()
    assert "WARNING: 80 texts of test (100.0%) also in train" in err
    assert "WARNING: 80 of the 80 test texts (100%) also stand in train." in out
    assert all(len(line) <= 80 for line in out.splitlines())
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "The test texts stand in train" in page
    assert "unseen" not in page
    assert "never saw" not in page


def test_run_json_is_one_object_and_nothing_else_on_standard_output(
    reviews: Path, tiny_bert: Path, graft: Graft
) -> None:
    said = graft("run", str(reviews), "--model", str(tiny_bert), "--json", "--out", "here", "--epochs", "1")
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert said.stdout.count("\n") == 1
    assert found["run"] == "here"
    assert found["model"] == str(tiny_bert)
    assert found["status"] == "evaluated"
    assert found["seconds"] > 0
    assert set(found["baselines"]) == {"majority", "tfidf"}
    assert 0 <= found["baselines"]["tfidf"]["accuracy"] <= 1
    low, high = found["intervals"]["accuracy"]
    assert low <= found["metrics"]["accuracy"] <= high
    assert found["report"] == "here/report.html"
    assert " 1/1 " in said.stderr


def test_quiet_says_nothing_on_standard_error(
    reviews: Path, tiny_bert: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    assert main(["fit", str(reviews), "--model", str(tiny_bert), "--out", out, "--quiet", "--json", *FAST]) == 0
    said, err = capfd.readouterr()
    assert err == ""
    found = json.loads(said)
    assert found["status"] == "fitted"
    assert "metrics" not in found


def test_every_option_of_the_recipe_reaches_the_recipe(reviews: Path, tiny_bert: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = "--epochs 1 --lr 0.002 --batch 7 --max-tokens 24 --seed 5 --metric macro_f1 --class-weights balanced "
    options += "--label-smoothing 0.1 --set stages.0.optimiser.warmup=0.25 --split-seed 3 --test-share 0.3 --quiet"
    assert main(["fit", str(reviews), "--model", str(tiny_bert), "--out", str(out), *options.split()]) == 0
    manifest = RunFolder(out).manifest()
    recipe, stage = manifest.recipe, manifest.recipe.stages[0]
    assert (stage.epochs, stage.optimiser.lr, stage.batches.rows, recipe.max_tokens) == (1, 0.002, 7, 24)
    assert (recipe.seed, recipe.metric, stage.optimiser.warmup) == (5, "macro_f1", 0.25)
    assert (stage.loss.class_weights, stage.loss.label_smoothing) == ("balanced", 0.1)
    assert manifest.request.seed == 3
    assert manifest.request.command.startswith(f"graft fit {reviews} --model")
    assert manifest.data.splits[2].rows == 24


def test_reading_options_and_column_names_reach_the_reader(tiny_bert: Path, tmp_path: Path) -> None:
    data = tmp_path / "latin.csv"
    text = write_reviews(tmp_path / "plain.csv").read_text(encoding="utf-8").replace("text,label", "review,mood")
    data.write_bytes(text.replace("soup", "purée").encode("latin-1"))
    out = tmp_path / "run"
    options = ["--text", "review", "--label", "mood", "--encoding", "latin-1", "--labels", "exact", "--quiet"]
    assert main(["fit", str(data), "--model", str(tiny_bert), "--out", str(out), *options, *FAST]) == 0
    request = RunFolder(out).manifest().request
    assert (request.text, request.label) == ("review", "mood")
    assert request.reading == {"encoding": "latin-1", "labels": "exact"}
    assert main(["evaluate", str(out), "--quiet"]) == 0


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--recipe", "fasst"], "There is no recipe 'fasst'"),
        (["--set", "epoch=3"], "no field 'epoch'"),
        (["--model", "./nowhere"], "There is no folder './nowhere'"),
        (["--out", __file__], "is a file, not a folder for a run"),
        (["--epochs", "-1"], "epochs cannot be -1"),
        (
            ["--neutral", str(Path(__file__).parents[2] / "examples" / "townhall.csv")],
            "Only a style is compared with other texts",
        ),
        (["--encoding", "utf-9"], "There is no encoding"),
        (["--encoding", "base64"], "There is no encoding of text named 'base64'"),
        (["--split-seed", "-1"], "split seed cannot be -1"),
        (["--epochs", "0"], "The recipe as set: stage 'all' takes no steps with 0 epochs"),
        (["--text", "txet"], "did you mean --text text"),
        (["--test", "nowhere.csv"], "nowhere.csv"),
        (["--test-share", "1.5"], "test share"),
        (["--out", "/dev/null/run"], "is a file, not a folder for a run"),
    ],
)
def test_what_a_person_can_mend_is_one_message(
    options: list[str], found: str, reviews: Path, tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["run", str(reviews), "--model", str(tiny_bert), "--out", str(tmp_path / "run"), "--quiet", "--json"]
    assert main([*asked, *options]) == 2
    out, err = capsys.readouterr()
    assert found in err
    assert "→ " in err
    assert "Traceback" not in err
    assert json.loads(out)["error"]["message"] in err
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_is_not_overwritten(trained: Path, reviews: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (trained / "run.json").read_bytes()
    assert main(["run", str(reviews), "--out", str(trained), "--quiet"]) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert (trained / "run.json").read_bytes() == before


def test_what_is_taken_or_cannot_be_read_leaves_no_folder_and_is_told_first(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in ("run", "fit"):
        assert main([verb, "none.csv"]) == 2
        assert list(tmp_path.iterdir()) == []
        assert "none.csv" in capsys.readouterr().err
        (tmp_path / "broken.csv").write_bytes(b"\xff\xfe\x00")  # what stands in it is not looked at any more
        assert main([verb, "broken.csv", "--out", str(trained)]) == 2
        assert "already holds a run" in capsys.readouterr().err
        (tmp_path / "broken.csv").unlink()


def start(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    """A run in a process of its own, once it has validated its second epoch."""
    process = subprocess.Popen(
        [sys.executable, "-m", "graft", *arguments], cwd=folder, stdout=-1, stderr=-1, text=True, env=dict(os.environ)
    )
    epochs = folder / "run" / "epochs.jsonl"
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if epochs.exists() and len(epochs.read_text().splitlines()) >= 3:
            return process
        time.sleep(0.01)
    process.kill()
    raise AssertionError(f"the run did not come to its second epoch: {process.communicate()}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_says_how_to_go_on_and_does(
    number: signal.Signals, code: int, reviews: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    asked = ["run", str(reviews), "--model", str(tiny_bert), "--out", "run", "--batch", "1", "--epochs", "20"]
    process = start([*asked, "--precision", "fp32"], tmp_path)
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert process.returncode == code
    assert out == ""
    assert err.splitlines()[-1] == "Interrupted; go on with: graft run --resume --out run"
    assert "Traceback" not in err
    folder = RunFolder(tmp_path / "run")
    assert folder.manifest().outcome.status == "interrupted"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main(["run", "--resume", "--out", "run", "--quiet"]) == 0
    assert folder.manifest().outcome.status == "evaluated"
    assert [epoch.number for epoch in folder.epochs(folder.manifest())] == list(range(21))


def test_resume_refuses_another_recipe_and_takes_the_recorded_one_by_default(
    reviews: Path, tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    asked = ["fit", str(reviews), "--model", str(tiny_bert), "--out", str(out), "--quiet", "--epochs", "1"]
    assert main([*asked, "--lr", "3e-4", "--seed", "4"]) == 0
    folder = RunFolder(out)
    manifest = folder.manifest()
    stopped = manifest.outcome.__class__("interrupted")
    folder.write_manifest(manifest.__class__(**{**_fields(manifest), "outcome": stopped}))
    assert main(["fit", "--resume", "--out", str(out), "--quiet", "--lr", "2e-4"]) == 2
    assert "other recipe" in capsys.readouterr().err
    assert main(["fit", "--resume", "--out", str(out), "--quiet"]) == 0
    resumed = folder.manifest()
    assert resumed.recipe == manifest.recipe
    assert resumed.outcome.artefact == manifest.outcome.artefact


@pytest.mark.parametrize(
    ("there", "found", "remedy"),
    [
        ((), "no run to go on with", "again, with DATA"),
        ((".lock", ".run.json.x1"), "no run to go on with", "again, with DATA"),
        ((".lock", "epochs.jsonl"), "run.json is missing, though the folder holds files of a run", "backup"),
        (("letter.txt",), "not a run's", "another folder"),
    ],
)
def test_a_run_that_was_stopped_before_it_had_written_anything_is_begun_again(
    there: tuple[str, ...], found: str, remedy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It asked whether this was a run's folder at all."""
    out = tmp_path / "run"
    for name in there:
        out.mkdir(exist_ok=True)
        (out / name).touch()
    assert main(["run", "--resume", "--out", str(out)]) == 2
    err = capsys.readouterr().err
    assert found in err
    assert remedy in err.split("→")[1]


def _fields(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__class__.__slots__}  # type: ignore[attr-defined]
