"""The Python face: light to import, one sorted list of names, and the journey in one call."""

from __future__ import annotations

import shutil
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
    for budget in (0, "5m"):
        with pytest.raises(graft.RecipeError, match="budget"):
            graft.choose(ROWS, budget=budget)  # type: ignore[arg-type]


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


def test_paths_name_models_recipes_and_candidates(tiny_bert: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('base = "probe"\nseed = 3', encoding="utf-8")
    precise = graft.FitOptions(recipe=mine, precision="fp32")
    result = graft.run(ROWS, tmp_path / "run", model=tiny_bert, recipe=precise, quiet=True)
    assert result.manifest.backbone.name == str(tiny_bert)
    assert result.manifest.recipe.seed == 3
    assert result.manifest.machine.precision == "fp32"
    alone = graft.choose(ROWS, tiny_bert, budget=30, recipe=graft.FitOptions(recipe=mine, device="cpu"), quiet=True)
    assert alone.pick.startswith(str(tiny_bert))


def test_a_run_that_goes_on_needs_no_names(tiny_bert: Path, tmp_path: Path) -> None:
    first = graft.run(ROWS, tmp_path / "run", model=tiny_bert, recipe="probe", quiet=True)
    again = graft.run(ROWS, tmp_path / "run", resume=True, quiet=True)
    assert again.manifest.recipe == first.manifest.recipe
    assert again.metrics == first.metrics
    with pytest.raises(graft.RunError, match="other recipe"):
        graft.run(ROWS, tmp_path / "run", recipe="fast", resume=True, quiet=True)


def test_what_writes_is_the_usual_model_where_none_is_named(
    stories: Path, tiny_gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    documents = graft.Given(stories, reading=graft.ReadOptions(task="write"))
    shutil.copytree(tiny_gpt2, tmp_path / "gpt2")  # a folder goes before a hub model of the same name
    result = graft.run(documents, "runs/style", settings={"epochs": 1}, quiet=True)
    assert result.manifest.backbone.name == str(tmp_path / "gpt2")
    rows = [{"text": f"a text of {n} words", "label": f"{n} words"} for n in range(20)]
    rewriting = graft.Given(rows, reading=graft.ReadOptions(task="rewrite"))
    with pytest.raises(graft.ModelError, match="t5-small"):
        graft.run(rewriting, "runs/rewritten", quiet=True)


def test_a_dataset_is_no_splits(tmp_path: Path) -> None:
    dataset = graft.read(ROWS)
    with pytest.raises(TypeError, match=r"graft\.split"):
        list(graft.fit(dataset, tmp_path / "run"))  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_errors_are_the_tree_of_graft(tmp_path: Path) -> None:
    with pytest.raises(graft.DataError):
        graft.run(tmp_path / "nowhere.csv", tmp_path / "run", quiet=True)


def test_settings_are_written_as_toml_reads_them() -> None:
    named = {"a": 1, "b": 2e-5, "c": True, "d": "pooled", "e": (1e-5, 3), "f": np.float32(0.5)}
    named |= {"g": np.array([1e-4, 2e-4]), "h": None}
    assert as_settings(named) == {
        "a": "1",
        "b": "2e-05",
        "c": "true",
        "d": "pooled",
        "e": "[1e-05, 3]",
        "f": "0.5",
        "g": "[0.0001, 0.0002]",
        "h": "none",
    }
    with pytest.raises(TypeError, match="not dict"):
        as_settings({"a": {}})


def test_what_goes_on_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(graft.RunError, match="none is named"):
        graft.run(ROWS, resume=True, quiet=True)
    assert list(tmp_path.iterdir()) == []
