"""Which language model to start from: bits per character of the same text for all, whatever their tokenizers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import tiny
import tiny_causal

from graft.choosing import ChooseOptions, choose
from graft.cli.main import main
from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.splitting.split import split
from graft.data.table import Splits
from graft.errors import ModelError
from graft.fit_options import FitOptions
from graft.records import Ranking
from graft.writers import first, picked, pieces

FP32 = FitOptions(precision="fp32")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("writers")
    for name in ("gpt2", "llama"):
        tiny_causal.make(name, root / name)
    tiny.bert(root / "bert", layers=1)
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve short documents."""
    place = tmp_path_factory.mktemp("documents")
    for number in range(12):
        words = [tiny.WORDS[(number * 31 + step * 7) % 90] for step in range(400)]
        paragraphs = [" ".join(words[start : start + 40]) + "." for start in range(0, 400, 40)]
        (place / f"{number:02}.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def splits(folder: Path) -> Splits:
    return split(read(folder, options=ReadOptions(task="write")))


@pytest.fixture(scope="module")
def found(splits: Splits, models: Path) -> Ranking:
    *_, last = choose(splits, FP32, ChooseOptions((str(models),), 20.0))
    assert isinstance(last, Ranking)
    return last


def test_every_model_that_writes_is_priced_on_the_same_text_and_the_lowest_is_advised(found: Ranking, models: Path):
    assert found.metric == "bits_per_character"
    assert {one.candidate.name for one in found.forecasts} == {str(models / name) for name in ("gpt2", "llama")}
    prices = [one.expected for one in found.forecasts]
    assert prices == sorted(prices)
    assert all(one.interval[0] <= one.expected <= one.interval[1] for one in found.forecasts)
    assert found.pick == found.forecasts[0].candidate.name
    assert len({one.why[0].split("over ")[1] for one in found.forecasts}) == 1  # so many characters for all
    assert found.sampled.rows <= found.sampled.train


def test_an_encoder_is_left_out_with_its_reason(found: Ranking, models: Path) -> None:
    assert [one.name for one in found.unranked] == [str(models / "bert")]


def test_only_train_is_read(splits: Splits, models: Path) -> None:
    closed = dataclasses.replace(splits, validation=None, test=None)  # type: ignore[arg-type]
    *_, last = choose(closed, FP32, ChooseOptions((str(models / "gpt2"),), 20.0))
    assert isinstance(last, Ranking)


def test_nothing_that_writes_is_an_error_with_the_reason(splits: Splits, models: Path) -> None:
    with pytest.raises(ModelError, match="None of the candidates"):
        list(choose(splits, FP32, ChooseOptions((str(models / "bert"),), 20.0)))


def test_no_time_is_said(splits: Splits, models: Path) -> None:
    with pytest.raises(ModelError, match="the time was up"):
        list(choose(splits, FP32, ChooseOptions((str(models / "gpt2"),), 0.0)))


def test_pieces_take_turns_among_documents_and_are_cut_to_a_length(splits: Splits) -> None:
    texts = pieces(splits)
    assert texts[: len(splits.train)] == [text[:2000] for text in splits.train.texts]
    assert sum(map(len, first(texts, 4321))) == 4321
    assert "".join(texts).startswith("".join(first(texts, 2100)))
    assert first(["ab", "cd"], 9) == ["ab", "cd"]


def test_the_cheapest_within_a_share_of_the_best_is_taken(found: Ranking) -> None:
    assert picked(found.forecasts, 0.0)[0] is found.forecasts[0]
    pick, why = picked(found.forecasts, 99.0)
    assert pick.costs.minutes == min(one.costs.minutes for one in found.forecasts)
    assert why
    assert "only candidate" in picked(found.forecasts[:1], 0.0)[1]


def test_the_command_shows_prices_and_writes_a_report(
    folder: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ["--candidates", str(models / "gpt2"), "--budget", "20s", "--out", str(tmp_path), "--quiet"]
    assert main(["choose", str(folder), "--task", "write", *named]) == 0
    said = capsys.readouterr().out
    assert "Bits per character before any training" in said
    assert "characters of train were read" in said
    assert "--task write" in said.splitlines()[-1]
    assert "Bits per character" in (tmp_path / "report.html").read_text(encoding="utf-8")
