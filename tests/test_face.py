"""The Python face: light to import, one sorted list of names, and the journey in one call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graft
from graft.face import as_settings

ROWS = [
    (f"the {thing} was {word} at {hour}", label)
    for hour in range(1, 6)
    for thing in ("soup", "bread", "fish", "cake")
    for word, label in (("lovely", "good"), ("awful", "bad"))
]


def test_importing_is_light() -> None:
    lines = "import graft, sys; graft.GraftError; graft.__version__; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    loaded = set(said.stdout.split())
    assert "graft.errors" in loaded
    assert not loaded & {"torch", "numpy", "transformers", "msgspec", "rich", "graft.records", "graft.face"}


def test_every_name_is_there_and_the_list_is_sorted() -> None:
    assert graft.__all__ == sorted(graft.__all__)
    for name in graft.__all__:
        assert getattr(graft, name) is not None
    assert set(graft.__all__) <= set(dir(graft))
    assert set(graft.__all__) == {*graft._HOME, "__version__"}


def test_choosing_gives_a_ranking(tiny_bert: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = graft.choose(ROWS, [f"{tiny_bert}@1", str(tiny_bert)], budget=30, quiet=True, settings={"epochs": 1})
    assert isinstance(found, graft.Ranking)
    assert found.pick in {one.candidate.name for one in found.forecasts}
    assert len(found.forecasts) == 2
    assert capfd.readouterr() == ("", "")
    with pytest.raises(graft.RecipeError, match="budget"):
        graft.choose(ROWS, budget=0)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        graft.fitt  # noqa: B018


def test_functions_are_not_hidden_by_rooms_of_the_same_name() -> None:
    lines = (
        "import graft.run, graft.evaluate, graft.report, graft.choose.candidates, graft",
        "from graft.run import Given",
        "from graft import assess",
        "assert all(map(callable, (graft.run, graft.evaluate, graft.report, graft.choose)))",
        "assert graft.evaluate is assess.evaluate",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


def test_run_trains_measures_and_predicts(
    tiny_bert: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = graft.run(ROWS, model=str(tiny_bert), settings={"epochs": np.int64(2), "lr": 1e-3}, quiet=True)
    assert capfd.readouterr() == ("", "")
    assert result.folder == Path("runs/data")
    assert result.manifest.recipe.stages[0].epochs == 2
    assert result.manifest.outcome.status == "evaluated"
    assert result.report.is_file()
    assert result.metrics == result.evaluation.metrics
    answers = result.predict(["the tea was lovely", "awful rice"])
    assert [answer.text for answer in answers] == ["the tea was lovely", "awful rice"]
    assert answers == graft.load(result.folder).predict(["the tea was lovely", "awful rice"])


def test_run_shows_what_it_does_on_standard_error(
    tiny_bert: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = graft.Given(ROWS, shares=(0.2, 0.4), seed=1)
    result = graft.run(given, tmp_path / "run", model=str(tiny_bert), recipe="probe")
    out, err = capfd.readouterr()
    assert out == ""
    assert "Head: pooled" in err
    assert result.evaluation.n == 16


def test_the_steps_on_their_own(tiny_bert: Path, tmp_path: Path) -> None:
    splits = graft.split(graft.read(ROWS))
    options = graft.FitOptions(model=str(tiny_bert), settings={"epochs": "1"})
    epochs = [event for event in graft.fit(splits, tmp_path / "run", options) if isinstance(event, graft.Epoch)]
    assert [epoch.number for epoch in epochs] == [0, 1]
    *_, evaluation = graft.evaluate(tmp_path / "run", splits)
    assert isinstance(evaluation, graft.Evaluation)
    assert graft.report(tmp_path / "run").is_file()


def test_errors_are_the_tree_of_graft(tmp_path: Path) -> None:
    with pytest.raises(graft.DataError):
        graft.run(tmp_path / "nowhere.csv", tmp_path / "run", quiet=True)


def test_settings_are_written_as_toml_reads_them() -> None:
    named = {"a": 1, "b": 2e-5, "c": True, "d": "pooled", "e": (1e-5, 3), "f": np.float32(0.5)}
    assert as_settings(named) == {
        "a": "1",
        "b": "2e-05",
        "c": "true",
        "d": "pooled",
        "e": "[1e-05, 3]",
        "f": "0.5",
    }
    with pytest.raises(TypeError, match="not dict"):
        as_settings({"a": {}})
