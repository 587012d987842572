"""The door: help at once, mistakes with the nearest word, every error as one message and an exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from graft.cli import main as door
from graft.cli.main import VERBS, main, parser_of

HEAVY = ("torch", "transformers", "sklearn", "pyarrow", "rich", "numpy", "msgspec", "graft.records")


def test_help_loads_nothing_heavy_and_answers_at_once() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "graft", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = re.findall(r"import time:\s+\d+ \|\s+(\d+) \|\s+([\w.]+)", said.stderr)
    assert loaded
    assert not [name for _, name in loaded if name in HEAVY or name.split(".")[0] in HEAVY]
    assert all(verb in said.stdout for verb in VERBS)


def test_a_program_that_ends_does_not_look_for_garbage_first() -> None:
    """Among the objects of all that was imported that takes a second."""
    told = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0)); "
    code = f"{told}import sys; sys.argv = ['graft', '--version']; from graft.cli.main import entry; entry()"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "True"


@pytest.mark.parametrize(
    "line", ["run no.csv", "fit here.csv --test no.csv", "choose no.csv", "run no/stories.txt --task write"]
)
def test_a_path_that_is_not_there_is_refused_before_anything_heavy_is_loaded(line: str, tmp_path: Path) -> None:
    (tmp_path / "here.csv").write_text("text,label\n")
    code = "import sys; from graft.cli.main import main; print(main(sys.argv[1:]), 'torch' in sys.modules)"
    command = [sys.executable, "-c", code, *line.split()]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert said.stdout == "2 False\n"
    assert "there is no such file" in said.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"usage: graft {verb}" in shown
    assert f"examples:\n  graft {verb}" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


@pytest.mark.parametrize(
    ("arguments", "found", "hint"),
    [
        (["rnu", "x.csv"], "no verb 'rnu'", "run"),
        (["--jsom"], "no option '--jsom'", "verbs: run"),
        (["run", "x.csv", "--lables", "fold"], "no option --lables", "--labels"),
        (["run", "--epoch", "3", "x.csv"], "no option --epoch", "--epochs"),
        (["predict", "runs/x", "--verbatim=y"], "no option --verbatim", "--help"),
        (["run", "x.csv", "--epochs", "many"], "--epochs", "--help"),
        (["run", "x.csv", "--recipe"], "--recipe", "--help"),
        (["run", "--sweep", "x.csv"], "'x.csv' is not rates", "--help"),
        (["run", "x.csv", "--sweep", "1,2"], "between 0 and 1", "--help"),
        (["run", "x.csv", "--set", "epochs"], "not FIELD=VALUE", "--help"),
        (["run"], "DATA is missing", "name a file"),
        (["run", "--resume"], "none is named", "--out"),
        (["predict"], "RUN", "--help"),
        (["cache", "celar"], "'celar'", "clear"),
        (["run", "x.csv", "--task", "clasification"], "--task has no choice 'clasification'", "classification?"),
        (["run", "x.csv", "--task", "NER"], "no choice 'NER'", "token-classification"),
        (["run", "x.csv", "--task", "chess"], "no choice 'chess'", "multi-label"),
        (["run", "caf\udce9.csv"], "not valid text", "UTF-8"),
        (["evaluate", "\0"], "not valid text", "without NUL"),
    ],
)
def test_a_mistyped_command_is_one_message_with_a_hint(
    arguments: list[str], found: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert found in err
    assert hint in err.split("→")[1]


def test_without_arguments_the_help_is_shown_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "verbs:" in err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"graft \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


def test_options_are_never_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "--jso"]) == 2
    assert "--json" in capsys.readouterr().err


def test_errors_under_json_are_one_object_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--lable", "x", "--json"]) == 2
    out, err = capsys.readouterr()
    error = json.loads(out)["error"]
    assert error["kind"] == "UsageError"
    assert error["remedy"]
    assert error["message"] in err


def test_a_bug_shows_its_traceback_and_asks_to_be_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise ZeroDivisionError("of no meaning")

    verb = SimpleNamespace(ABOUT="", EXAMPLES=(), add_arguments=lambda _: None, main=fail)
    monkeypatch.setitem(door.VERBS, "broken", verb)  # type: ignore[arg-type]
    assert main(["broken"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("This is a bug in graft. Please report it")
    assert "Traceback" in err
    assert err.endswith("ZeroDivisionError: of no meaning\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_one_message() -> None:
    command = f"{sys.executable} -m graft cache > /dev/full"
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert said.stderr.startswith("The disk is full.\n  → free some space")
    assert "Traceback" not in said.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m graft run --help | head -1; exit ${{PIPESTATUS[0]}}"
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert said.stdout.startswith("usage: graft run")
    assert said.stderr == ""
    assert said.returncode in (0, 141)  # 0 where the pipe took the whole text


def test_the_program_is_installed(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("graft")
    if not program.exists():
        pytest.skip("graft is not installed beside this Python")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert said.stdout.startswith("graft ")


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_about_the_command_line_names_exactly_the_options(verb: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    section = re.search(rf"^## graft {verb}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section is not None, f"docs/cli.md has no section 'graft {verb}'"
    shared = re.search(r"^## What fit and run share\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert shared is not None
    text = section[1] + (shared[1] if verb in ("run", "fit") else "")
    named = set(re.findall(r"`(--[a-z-]+)", text))
    real = {option for option in parser_of(verb)._option_string_actions if option.startswith("--")}
    assert named == real - {"--help"}


STRUCK_AGAIN = """
import atexit, os, signal
from graft.cli import failure, main

def strike(*_):
    os.kill(os.getpid(), signal.{name})

def told(error, described=failure._described):
    strike()
    return described(error)

failure._described, main._obey = told, strike
atexit.register(strike)
main.entry()
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_second_signal_on_the_way_out_changes_nothing(name: str, code: int) -> None:
    """While the error is told, and while Python leaves."""
    said = subprocess.run(
        [sys.executable, "-c", STRUCK_AGAIN.format(name=name)], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout, said.stderr) == (code, "", "Interrupted.\n")
