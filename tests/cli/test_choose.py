"""`graft choose`: the table, JSON, ranking.json, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from graft.cli.choose_text import WIDTH, short, table
from graft.cli.main import main
from graft.cli.options import duration
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
    lines = table(ranking, "reviews.csv")
    assert all(len(line) <= WIDTH for line in lines[:-1])
    text = " ".join(lines)
    assert "90 fine-tunings" in text
    assert "validation and test were not" in text
    assert lines[-1] == f"Next: graft run reviews.csv --model {ranking.pick}"


def test_folders_are_shown_by_their_last_part_where_that_tells_them_apart() -> None:
    assert short(["/a/bert@2", "/a/bert", "embedded", "org/bert"]) == ["bert@2", "bert", "embedded", "org/bert"]
    assert short(["/a/bert", "/b/bert"]) == ["/a/bert", "/b/bert"]


def test_long_and_short_names_keep_the_columns(found: Path) -> None:
    ranking = read_record(found / "ranking.json", Ranking)
    plain = msgspec.to_builtins(ranking)
    for number, one in enumerate(plain["forecasts"]):
        one["candidate"]["name"] = f"embedded@{number}" if number else "a/very-long-name-of-a-model-on-the-hub"
    plain["pick"] = "a/very-long-name-of-a-model-on-the-hub"
    lines = table(msgspec.convert(plain, Ranking, strict=False), "reviews.csv")
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
