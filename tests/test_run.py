"""The whole journey stopped, repaired and met by another: one opening of the test split, nothing asked for is lost."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny

from graft import assess, fitting
from graft.assess import evaluate
from graft.choosing import ChooseOptions
from graft.errors import NotFinite, RunError
from graft.fit_options import FitOptions
from graft.folder import RunFolder
from graft.records import Evaluation, Progress, Said
from graft.run import Event, Given, RunOptions, run


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = [f"the {tiny.WORDS[n % 60]} was {('good', 'bad')[n % 2]} number {n},{'ab'[n % 2]}\n" for n in range(80)]
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    path.write_text("text,label\n" + "".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def options(tiny_bert: Path) -> FitOptions:
    return FitOptions(str(tiny_bert), settings={"epochs": "1"}, precision="fp32")


@pytest.fixture(scope="module")
def whole(reviews: Path, options: FitOptions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that was asked for the yardstick of random weights; tests must not change it."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    list(run(Given(reviews), options, RunOptions(out, scratch=True)))
    return out


@pytest.fixture
def finished(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def of_random_weights(event: Event) -> bool:
    return isinstance(event, Progress) and event.phase.startswith("from scratch")


def gone_on(reviews: Path, options: FitOptions, out: Path) -> list[Event]:
    return list(run(Given(reviews), options, RunOptions(out, resume=True)))


@pytest.mark.parametrize("is_noted", [False, True])
def test_a_repair_that_was_interrupted_opens_no_test_split(
    is_noted: bool, finished: Path, reviews: Path, options: FitOptions
) -> None:
    """`is_noted`: the interruption stands in the manifest in place of what the run had come to."""
    folder = RunFolder(finished)
    before = folder.manifest()
    (finished / "model" / "model.safetensors").unlink()
    events = run(Given(reviews), options, RunOptions(finished, resume=True))
    for event in events:
        if isinstance(event, Said) and "made again from the checkpoint" in event.text:
            next(events)
            break
    events.close()  # type: ignore[attr-defined]
    assert folder.manifest() == before
    if is_noted:
        outcome = dataclasses.replace(before.outcome, status="interrupted")
        folder.write_manifest(dataclasses.replace(before, head=None, outcome=outcome))
    *_, last = gone_on(reviews, options, finished)
    assert last == folder.evaluation()
    assert folder.manifest() == before


def test_a_fit_whose_repair_was_interrupted_is_fitted_in_the_end(
    reviews: Path, options: FitOptions, tmp_path: Path
) -> None:
    splits, folder = Given(reviews).splits(), RunFolder(tmp_path)
    list(fitting.fit(splits, tmp_path, options))
    before = folder.manifest()
    outcome = dataclasses.replace(before.outcome, status="interrupted")
    folder.write_manifest(dataclasses.replace(before, outcome=outcome))
    list(fitting.fit(splits, tmp_path, options, resume=True))
    assert folder.manifest() == before


def test_nobody_else_goes_on_with_a_run_until_its_report_is_written(
    reviews: Path, options: FitOptions, tmp_path: Path
) -> None:
    pytest.importorskip("fcntl")
    folder, met = RunFolder(tmp_path / "run"), set()
    for event in run(Given(reviews), options, RunOptions(folder.path, scratch=True)):
        if of_random_weights(event) or isinstance(event, Evaluation):
            met.add(type(event))
            with pytest.raises(RunError, match="in use by another graft process"):
                gone_on(reviews, options, folder.path)
    assert met == {Progress, Evaluation}
    assert folder.manifest().outcome.evaluations == 1
    assert folder.report.exists()


def test_a_random_start_that_was_interrupted_is_made_by_the_evaluation(
    reviews: Path, options: FitOptions, tmp_path: Path
) -> None:
    events = run(Given(reviews), options, RunOptions(tmp_path / "run", scratch=True))
    assert any(map(of_random_weights, events))
    events.close()  # type: ignore[attr-defined]
    assert RunFolder(tmp_path / "run").manifest().outcome.status == "fitted"
    *events, evaluation = evaluate(tmp_path / "run")
    assert isinstance(evaluation, Evaluation)
    assert "scratch" in evaluation.baselines
    opened = events.index(Said("The test split is opened for the first time."))
    assert not any(map(of_random_weights, events[opened:]))  # announced once it takes place
    cost = RunFolder(tmp_path / "run").manifest().outcome.cost
    assert cost is not None
    assert [phase.name for phase in cost.phases[-3:]] == ["from scratch", "evaluate", "yardsticks"]
    assert cost.seconds == pytest.approx(sum(phase.seconds for phase in cost.phases), rel=0.5)


def test_a_random_start_whose_evaluation_is_lost_is_made_again(finished: Path) -> None:
    (finished / "evaluation.json").unlink()
    *events, evaluation = evaluate(finished)
    assert "scratch" in evaluation.baselines
    assert any(isinstance(event, Said) and "was opened once before" in event.text for event in events)
    assert any(map(of_random_weights, events))
    assert not any(map(of_random_weights, evaluate(finished)))  # now it is kept


def test_a_random_start_of_a_model_that_is_gone_is_said(
    reviews: Path, options: FitOptions, tiny_bert: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(tiny_bert, tmp_path / "model"))
    events = run(
        Given(reviews), dataclasses.replace(options, model=str(model)), RunOptions(tmp_path / "run", scratch=True)
    )
    assert any(map(of_random_weights, events))
    events.close()  # type: ignore[attr-defined]
    shutil.rmtree(model)
    *events, evaluation = evaluate(tmp_path / "run")
    assert set(evaluation.baselines) == {"majority", "tfidf"}
    assert any(isinstance(event, Said) and "Not compared with a random start" in event.text for event in events)


def test_a_comparison_is_kept_from_the_moment_on_that_the_run_can_be_gone_on_with(
    reviews: Path,
    options: FitOptions,
    tiny_bert: Path,
    tiny_roberta: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "fit_material", interrupted)
    asked = RunOptions(tmp_path / "run", choose=ChooseOptions((str(tiny_bert), str(tiny_roberta)), budget=5.0))
    with pytest.raises(KeyboardInterrupt):
        list(run(Given(reviews), options, asked))
    found = RunFolder(tmp_path / "run").ranking()
    assert found is not None
    assert RunFolder(tmp_path / "run").manifest().backbone.name == found.pick


def test_two_runs_that_are_named_by_nobody_get_folders_of_their_own(
    reviews: Path, options: FitOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = run(Given(reviews), options)
    assert any(isinstance(event, Said) and event.text.startswith("Model: ") for event in first)
    second = run(Given(reviews), options)
    assert any(isinstance(event, Said) and event.text.startswith("Model: ") for event in second)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["reviews", "reviews-2"]
    for events in (first, second):
        events.close()  # type: ignore[attr-defined]
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("error", [MemoryError(), NotFinite("all")])
def test_a_random_start_that_fails_takes_no_numbers_away(
    error: Exception, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> Iterator[Event]:
        raise error
        yield

    (finished / "evaluation.json").unlink()
    monkeypatch.setattr(assess, "from_scratch", failing)
    *events, evaluation = evaluate(finished)
    assert set(evaluation.baselines) == {"majority", "tfidf"}
    assert any(isinstance(event, Said) and "Not compared with a random start" in event.text for event in events)


def test_a_random_start_on_a_device_that_is_not_here_is_said(finished: Path) -> None:
    (finished / "evaluation.json").unlink()
    folder = RunFolder(finished)
    manifest = folder.manifest()
    folder.write_manifest(dataclasses.replace(manifest, machine=dataclasses.replace(manifest.machine, device="mps")))
    *events, evaluation = evaluate(finished, device="cpu")
    assert "scratch" not in evaluation.baselines
    assert any(isinstance(event, Said) and "Not compared with a random start" in event.text for event in events)


def test_what_was_learnt_from_is_written_once(finished: Path) -> None:
    """Its digest is that of the fit: another version's way to write it would look like a change."""
    folder = RunFolder(finished)
    before = (finished / "splits.json").read_bytes()
    manifest = folder.manifest()
    folder.write_splits(dataclasses.replace(manifest.data, notes=("another",)))
    list(evaluate(finished))
    assert (finished / "splits.json").read_bytes() == before


def test_labels_that_are_read_otherwise_now_are_refused(finished: Path) -> None:
    folder = RunFolder(finished)
    manifest = folder.manifest()
    other = dataclasses.replace(manifest.data, classes=("a", "b", "c"))
    folder.write_manifest(dataclasses.replace(manifest, data=other))
    with pytest.raises(RunError, match="read these labels otherwise"):
        list(evaluate(finished))
