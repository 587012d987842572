"""`graft choose`: the table, JSON, ranking.json, and what it refuses."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
from pathlib import Path

import msgspec
import pytest

from graft.cli import choose
from graft.cli.choose import refuse_closed
from graft.cli.choose_text import MOST, WIDTH, chosen_lines, following, short, table
from graft.cli.main import main
from graft.cli.options import duration
from graft.cli.usage import Parser
from graft.errors import RunError
from graft.files import read_record
from graft.records import Ranking


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, reviews: Path, tiny_bert: Path) -> Path:
    """The folder of a ranking."""
    out = tmp_path_factory.mktemp("choices")
    named = ["--candidates", str(tiny_bert), str(out / "none"), "--precision", "fp32", "--out", str(out), "--quiet"]
    assert main(["choose", str(reviews), *named]) == 0
    return out


def test_ranking_json_holds_all_of_it(found: Path, tiny_bert: Path) -> None:
    ranking = read_record(found / "ranking.json", Ranking)
    assert {one.candidate.name.partition("@")[0] for one in ranking.forecasts} == {str(tiny_bert)}
    assert [one.name for one in ranking.unranked] == [str(found / "none")]
    assert set(ranking.views) == {str(tiny_bert)}
    assert "The choice of the model" in (found / "report.html").read_text(encoding="utf-8")


def test_the_table_fits_a_narrow_terminal_and_says_on_what_it_rests(found: Path) -> None:
    ranking = read_record(found / "ranking.json", Ranking)
    lines = table(ranking, f"graft run reviews.csv --model {ranking.pick}")
    assert all(len(line) <= WIDTH for line in lines[:-1])
    text = " ".join(lines)
    assert "90 fine-tunings" in text
    assert "validation and test were not" in text
    assert lines[-1] == f"Next: graft run reviews.csv --model {ranking.pick}"


def asked(*arguments: str) -> argparse.Namespace:
    parser = Parser("graft choose", "")
    choose.add_arguments(parser)
    return parser.parse_args(arguments)


def test_the_next_command_repeats_what_was_said_of_the_data_and_the_recipe(found: Path) -> None:
    ranking = dataclasses.replace(read_record(found / "ranking.json", Ranking), pick="embedded@2")
    plain = following(asked("my reviews.csv", "--candidates", "embedded", "--budget", "9s", "--out", "x"), ranking)
    assert plain == "graft run 'my reviews.csv' --model embedded@2"
    options = ["--text", "a text", "--text-pair", "b", "--label", "-c", "--task", "classification", "--labels", "fold"]
    options[4:6] = ["--label=-c"]
    options += ["--validation", "v.csv", "--test", "t.csv", "--test-share", "0.2", "--split-seed", "3"]
    options += ["--recipe", "thorough", "--max-tokens", "64", "--precision", "fp32"]
    options += ["--set", "epochs=2", "--set", "stages.0.lr=1e-4"]
    repeated = shlex.split(following(asked("r.csv", *options), ranking))
    assert repeated[:3] == ["graft", "run", "r.csv"]
    assert sorted(repeated[3:]) == sorted([*options, "--model", "embedded@2"])
    loss = dataclasses.replace(ranking, metric="bits_per_character")
    assert following(asked("f"), loss) == "graft run f --task write --model embedded@2"
    assert following(asked("f", "--task", "write"), loss) == "graft run f --task write --model embedded@2"


def test_no_model_is_lost_from_the_table_though_many_are_efficient(found: Path) -> None:
    ranking = read_record(found / "ranking.json", Ranking)
    one = ranking.forecasts[0]

    def made(name: str, depth: int, efficient: bool) -> object:
        kept = dataclasses.replace(one.candidate, name=name, depth=depth, blocks=24)
        return dataclasses.replace(one, candidate=kept, efficient=efficient)

    deep = [made(f"a@{depth}", depth, True) for depth in range(20, 0, -1)]
    others = [made(name, 2, False) for name in ("b", "c", "c@2")]
    many = dataclasses.replace(ranking, forecasts=(*deep, *others), pick="a@1")
    shown = [line.candidate.name for line in chosen_lines(many)]
    assert shown == [*(f"a@{depth}" for depth in range(20, 11, -1)), "a@1", "b", "c"]
    assert len(shown) == MOST
    left = "11 more in --json; 10 of them are efficient: no cheaper one is expected to reach as much."
    assert left in " ".join(table(many, ""))
    models = dataclasses.replace(many, forecasts=tuple(made(f"m{number}", 2, False) for number in range(20)), pick="m3")
    assert len(chosen_lines(models)) == 20


def test_those_that_are_expected_to_do_better_are_told_where_a_cheaper_one_is_advised(found: Path) -> None:
    ranking = read_record(found / "ranking.json", Ranking)
    one = ranking.forecasts[0]
    made = [
        dataclasses.replace(
            one,
            candidate=dataclasses.replace(one.candidate, name=name),
            expected=value,
            interval=(value - 0.1, value + 0.1),
        )
        for name, value in (("a", 0.9), ("b", 0.85), ("c", 0.8), ("d", 0.78), ("e", 0.5))
    ]
    several = dataclasses.replace(ranking, forecasts=tuple(made), pick="c")
    said = " ".join(table(several, ""))
    assert "2 of 4 others are expected to do better, and 1 more might do as well, by their intervals." in said
    best = " ".join(table(dataclasses.replace(several, pick="a"), ""))
    assert "2 of 4 others might reach as much, by their intervals." in best


def test_a_folder_that_cannot_hold_the_ranking_is_refused_before_anything_is_compared(
    reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "taken" / "ranking.json").mkdir(parents=True)
    for place, why in (("file", "is a file"), ("file/deeper", "is a file"), ("taken", "is a folder")):
        assert main(["choose", str(reviews), "--candidates", "embedded@1", "--out", str(tmp_path / place)]) == 2
        said = capsys.readouterr()
        assert why in said.err
        assert "--out" in said.err
        assert "Comparing" not in said.out + said.err
    refuse_closed(tmp_path / "new" / "folder")
    assert not (tmp_path / "new").exists()
    with pytest.raises(RunError, match="too long"):
        refuse_closed(tmp_path / ("x" * 300))


def test_a_ranking_is_told_even_where_it_cannot_be_written(
    reviews: Path, tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "ranking.json")

    monkeypatch.setattr("graft.files.write_record", full)
    named = ["--candidates", f"{tiny_bert}@1", "--precision", "fp32", "--quiet", "--out", str(tmp_path / "out")]
    assert main(["choose", str(reviews), *named]) == 2
    said = capsys.readouterr()
    assert "Next: graft run" in said.out
    assert "disk is full" in said.err


def test_folders_are_shown_by_their_last_part_where_that_tells_them_apart() -> None:
    assert short(["/a/bert@2", "/a/bert", "embedded", "org/bert"]) == ["bert@2", "bert", "embedded", "org/bert"]
    assert short(["/a/bert", "/b/bert"]) == ["/a/bert", "/b/bert"]


def test_long_and_short_names_keep_the_columns(found: Path) -> None:
    ranking = read_record(found / "ranking.json", Ranking)
    plain = msgspec.to_builtins(ranking)
    for number, one in enumerate(plain["forecasts"]):
        one["candidate"]["name"] = f"embedded@{number}" if number else "a/very-long-name-of-a-model-on-the-hub"
    plain["pick"] = "a/very-long-name-of-a-model-on-the-hub"
    lines = table(msgspec.convert(plain, Ranking, strict=False), "graft run reviews.csv")
    assert "* a/very-long-name-of-a-model-on-the-hub" in lines
    assert all(len(line) <= WIDTH for line in lines if not line.startswith("Next"))


def test_json_is_one_object(reviews: Path, tiny_bert: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = ["--candidates", f"{tiny_bert}@1", "--within", "1", "--precision", "fp32", "--json"]
    assert main(["choose", str(reviews), *named]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["pick"] == f"{tiny_bert}@1"
    assert said["forecasts"][0]["candidate"]["depth"] == 1
    assert said["sampled"]["rows"] <= said["sampled"]["train"]


@pytest.mark.parametrize(
    "arguments",
    [["--budget", "soon"], ["--budget", "0"], ["--within", "-1"], ["--candidates", "no/such-folder/here"], []],
    ids=["budget", "no time", "within", "missing", "no data"],
)
def test_what_cannot_be_is_refused_in_one_message(
    arguments: list[str], reviews: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = [str(reviews)] if arguments else []
    assert main(["choose", *data, *arguments]) == 2
    assert "→" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200)])
def test_durations(given: str, seconds: float) -> None:
    assert duration(given) == seconds


def test_files_that_cannot_be_written_make_one_object_of_json(
    reviews: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "ranking.json")

    monkeypatch.setattr("graft.files.write_record", full)
    named = ["--candidates", str(tiny_bert), "--precision", "fp32", "--out", str(tmp_path), "--json", "--quiet"]
    assert main(["choose", str(reviews), *named]) == 2
    found = json.loads(capsys.readouterr().out)
    assert "disk is full" in found["error"]["message"]
