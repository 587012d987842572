"""The journey with the real embedded model: read, split, fit, evaluate, report, predict, take away."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from graft.assess import evaluate, report
from graft.data.table import Splits
from graft.data.targets import Codes
from graft.errors import RecipeError, RunError
from graft.fit_options import FitOptions
from graft.fitting import fit
from graft.folder import RunFolder
from graft.machine import choose
from graft.predict import load
from graft.records import Epoch, Evaluation, Manifest, Said, StageRecord, Trial
from graft.run import Given, RunOptions, run

EXAMPLE = Path(__file__).parent.parent / "examples" / "townhall.csv"
BF16 = {"auto": "bf16", "bf16": "bf16", "fp32": "fp32"}  # a machine that is faster in it
SHORT = {"epochs": "1", "max_tokens": "32"}
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first rows of the example data."""
    path = tmp_path_factory.mktemp("data") / "few.csv"
    path.write_text("".join(EXAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)[:241]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def splits(few: Path) -> Splits:
    return Given(few).splits()


@pytest.fixture(scope="module")
def finished(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the default recipe, cut short."""
    out = tmp_path_factory.mktemp("runs") / "few"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_CACHE", str(out.parent / "cache"))
        events = list(run(Given(few), FitOptions(settings=SHORT), RunOptions(out=out, scratch=True)))
    assert isinstance(events[-1], Evaluation)
    return out


def test_a_test_split_answered_in_bf16_has_the_labels_of_fp32_and_says_so(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graft.backbone.mixed.FEWEST", 16)
    monkeypatch.setattr("graft.answering.choose", lambda device, precision: choose(device, BF16[precision]))
    out, given = tmp_path / "run", Given(few, shares=(None, 0.5))
    *_, mixed = run(given, FitOptions(recipe="probe", precision="bf16"), RunOptions(out=out))
    assert isinstance(mixed, Evaluation)
    quick, shown = labels(out), (out / "report.html").read_text(encoding="utf-8")
    *on_the_way, exact = evaluate(out, precision="fp32")
    said = [event.text for event in on_the_way if isinstance(event, Said)]
    assert said[-2] == "The yardsticks answer the same rows now."  # which may take a minute
    assert said[-1].startswith("Compared with the yardsticks: ")
    assert (mixed.precision, exact.precision) == ("mixed", "fp32")
    assert "bf16, and in fp32 where it could change the label" in shown
    assert quick == labels(out)
    assert mixed.metrics["accuracy"] == exact.metrics["accuracy"]
    assert mixed.details.confusion == exact.details.confusion
    assert mixed.metrics["log_loss"] != exact.metrics["log_loss"]
    assert mixed.metrics["log_loss"] == pytest.approx(exact.metrics["log_loss"], rel=0.02)


def test_a_run_in_fp32_is_evaluated_in_fp32_whoever_asks(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graft.backbone.mixed.FEWEST", 16)
    monkeypatch.setattr("graft.answering.choose", lambda device, precision: choose(device, BF16[precision]))
    list(fit(Given(few).splits(), tmp_path, FitOptions(recipe="probe", precision="fp32"), Given(few).request("test")))
    *_, first = run(Given(few), FitOptions(recipe="probe"), RunOptions(out=tmp_path, resume=True))
    *_, second = evaluate(tmp_path)
    assert (first.precision, second.precision) == ("fp32", "fp32")
    assert first.metrics == second.metrics


def labels(out: Path) -> list[str]:
    with open(out / "predictions.csv", encoding="utf-8", newline="") as file:
        return [row["predicted"] for row in csv.DictReader(file)]


def test_the_run_folder_holds_what_it_promises(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    promised = {"run.json", "splits.json", "recipe.toml", "epochs.jsonl", "checkpoints", "model", "evaluation.json"}
    assert promised | {"predictions.csv", "report.html"} <= names


def test_evaluation_has_numbers_intervals_and_yardsticks(finished: Path) -> None:
    found = json.loads((finished / "evaluation.json").read_text())
    assert found["split"] == "test"
    assert found["n"] == 48
    assert set(found["metrics"]) == set(found["intervals"])
    assert {"majority", "tfidf", "scratch"} <= set(found["baselines"])
    assert found["metrics"]["accuracy"] > found["baselines"]["majority"]["metrics"]["accuracy"]
    low, high = found["intervals"]["accuracy"]
    assert low <= found["metrics"]["accuracy"] <= high


def test_the_artefact_is_ordinary(finished: Path) -> None:
    """Law 7: plain transformers gives the same logits, special tokens within a text included."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    texts = ["Who empties the bins?", "a [SEP] b [CLS] c", "", "word " * 300]
    model = AutoModelForSequenceClassification.from_pretrained(finished / "model")
    tokenizer = AutoTokenizer.from_pretrained(finished / "model")
    with torch.inference_mode():
        theirs = model(**tokenizer(texts, padding=True, truncation=True, return_tensors="pt")).logits
    np.testing.assert_allclose(load(finished).logits(texts), theirs.numpy(), atol=1e-5)
    assert model.config.id2label[0] == "neighbours"


def test_predictions_repeat_the_evaluation(finished: Path, splits: Splits) -> None:
    answers = load(finished).predict(splits.test.texts)
    truth = [splits.classes[code] for code in splits.test.codes]
    accuracy = np.mean([answer.label == label for answer, label in zip(answers, truth, strict=True)])
    evaluation = RunFolder(finished).evaluation()
    assert evaluation is not None
    assert accuracy == pytest.approx(evaluation.metrics["accuracy"])
    assert all(abs(sum(answer.probabilities.values()) - 1) < 1e-9 for answer in answers)


def test_every_opening_of_the_test_split_is_counted(finished: Path) -> None:
    before = RunFolder(finished).manifest().outcome.evaluations
    first = RunFolder(finished).evaluation()
    *_, again = evaluate(finished)
    assert isinstance(again, Evaluation)
    assert first is not None
    assert again.metrics == first.metrics
    assert RunFolder(finished).manifest().outcome.evaluations == before + 1


def test_test_labels_are_not_read_before_evaluation(splits: Splits, tmp_path: Path) -> None:
    """Law 4: with every test label wrong, the fit ends with the same weights."""
    wrong = dataclasses.replace(splits.test, targets=Codes((splits.test.codes + 1) % len(splits.classes)))
    weights = []
    for name, parts in (("right", splits), ("wrong", dataclasses.replace(splits, test=wrong))):
        list(fit(parts, tmp_path / name, FitOptions(settings=SHORT)))
        weights.append((tmp_path / name / "model" / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_book_runs_both_phases(splits: Splits, tmp_path: Path) -> None:
    settings = {"stages.0.epochs": "3", "stages.1.epochs": "1", "max_tokens": "32"}
    events = list(fit(splits, tmp_path / "book", FitOptions(recipe="book", settings=settings)))
    stages = [event.stage for event in events if isinstance(event, Epoch)]
    assert stages == ["head"] * 4 + ["all"] * 2
    report(tmp_path / "book")
    assert "head" in (tmp_path / "book" / "report.html").read_text(encoding="utf-8")


def test_probe_leaves_the_backbone_as_it_was(splits: Splits, tmp_path: Path) -> None:
    from graft.backbone.models import hub

    list(fit(splits, tmp_path / "probe", FitOptions(recipe="probe")))
    ours = load_file(tmp_path / "probe" / "model" / "model.safetensors")
    theirs = load_file(hub.locate().folder / "model.safetensors")
    assert all(torch.equal(ours[name], theirs[name]) for name in ours if name in theirs)
    head = RunFolder(tmp_path / "probe").manifest().head
    assert head is not None
    assert len(head.probe_validation) == 13
    *_, evaluation = evaluate(tmp_path / "probe", splits)
    assert isinstance(evaluation, Evaluation)
    assert evaluation.metrics["accuracy"] > 0.5


def test_a_sweep_tries_each_rate_and_says_so(splits: Splits, tmp_path: Path) -> None:
    options = FitOptions(settings=SHORT | {"sweep": "[1e-5, 3e-4]"})
    events = list(fit(splits, tmp_path / "sweep", options))
    trials = [event for event in events if isinstance(event, Trial)]
    assert [trial.lr for trial in trials] == [1e-5, 3e-4]
    manifest = events[-1]
    assert isinstance(manifest, Manifest)
    assert "sweep" in manifest.outcome.stages[-1].why
    page = report(tmp_path / "sweep").read_text(encoding="utf-8")
    assert "The sweep before stage “all”" in page
    assert "mean of the weights" in page  # of the four snapshots of its one epoch


def test_a_stopped_run_goes_on_to_the_same_weights(splits: Splits, tmp_path: Path) -> None:
    """Law 6, through the door: stopped after the first epoch, resumed, compared with the uninterrupted run."""
    precision = choose().precision  # measured anew it may be another on a busy machine
    options = FitOptions(settings=SHORT | {"epochs": "2"}, precision=precision, save_every=0)
    list(fit(splits, tmp_path / "whole", options))
    under_way = fit(splits, tmp_path / "stopped", options)
    for event in under_way:
        if isinstance(event, Epoch) and event.number == 1:
            next(under_way)  # the checkpoint is written before the next event
            break
    under_way.close()
    assert RunFolder(tmp_path / "stopped").manifest().outcome.status == "interrupted"
    list(fit(splits, tmp_path / "stopped", options, resume=True))
    ends = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "stopped")]
    assert ends[0] == ends[1]


def test_resuming_with_other_data_is_refused_by_name(finished: Path, splits: Splits, tmp_path: Path) -> None:
    options = FitOptions(settings=SHORT)
    under_way = fit(splits, tmp_path / "run", options)
    for event in under_way:
        if isinstance(event, Epoch):
            break
    under_way.close()
    other = dataclasses.replace(splits.train, targets=Codes(splits.train.codes[::-1].copy()))
    summaries = tuple(dataclasses.replace(part, digest="0" * 64) for part in splits.summary.splits)
    changed = Splits(other, splits.validation, splits.test, dataclasses.replace(splits.summary, splits=summaries))
    with pytest.raises(RunError, match="other data"):
        list(fit(changed, tmp_path / "run", options, resume=True))
    with pytest.raises(RunError, match="other recipe"):
        list(fit(splits, tmp_path / "run", FitOptions(settings=SHORT | {"lr": "1e-3"}), resume=True))
    with pytest.raises(RunError, match="already holds a run"):
        list(fit(splits, finished, options))


@pytest.mark.parametrize("recipe", ["fast", "thorough"])
def test_a_pooled_head_goes_with_every_recipe_that_starts_from_a_probe(
    recipe: str, splits: Splits, tmp_path: Path
) -> None:
    """Also where the head reads a block below a stage's cut."""
    settings = SHORT | {"head": "pooled", "epochs": "2"}
    list(fit(splits, tmp_path / "run", FitOptions(recipe=recipe, settings=settings)))
    answers = load(tmp_path / "run").logits(splits.validation.texts)
    best = RunFolder(tmp_path / "run").manifest().outcome.best_value
    assert np.mean(answers.argmax(1) == splits.validation.codes) == pytest.approx(best, abs=0.05)


@pytest.mark.parametrize(
    ("recipe", "settings", "found"),
    [
        ("probe", {"class_weights": "balanced"}, "takes no steps"),
        ("probe", {"sweep": "[1e-4, 1e-3]"}, "sweep needs"),
        ("book", {"head": "pooled"}, "starts from a probe"),
        ("fast", {"seed": "abc"}, "seed"),
        ("fast", {"metric": "foo"}, "foo"),
    ],
)
def test_settings_that_change_nothing_are_refused(
    recipe: str, settings: dict[str, str], found: str, splits: Splits, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=found):
        list(fit(splits, tmp_path / "run", FitOptions(recipe=recipe, settings=settings)))


def test_a_folder_with_other_files_is_left_alone(splits: Splits, tmp_path: Path) -> None:
    (tmp_path / "mine" / "model").mkdir(parents=True)
    (tmp_path / "mine" / "model" / "weights.bin").write_text("mine")
    with pytest.raises(RunError, match="not a run's"):
        list(fit(splits, tmp_path / "mine", FitOptions(settings=SHORT)))
    assert (tmp_path / "mine" / "model" / "weights.bin").read_text() == "mine"


def test_a_lost_model_is_made_again_from_the_checkpoint(finished: Path, splits: Splits, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    shutil.rmtree(copy / "model")
    list(fit(splits, copy, FitOptions(settings=SHORT), resume=True))
    ours, theirs = (path / "model" / "model.safetensors" for path in (copy, finished))
    assert ours.read_bytes() == theirs.read_bytes()


def test_an_architecture_without_an_entry_trains_uncached_and_says_so(
    splits: Splits, tiny_roberta: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_roberta, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "camembert"}))
    stage = {"stages.0.epochs": "2", "stages.1.epochs": "1", "max_tokens": "16"}
    events = list(fit(splits, tmp_path / "run", FitOptions(str(folder), recipe="thorough", settings=stage)))
    said = [event.text for event in events if isinstance(event, Said)]
    assert any(text.startswith("'camembert' is not among the families that graft is tested with") for text in said)
    whys = [event.why for event in events if isinstance(event, StageRecord)]
    assert "every epoch runs the whole model" in whys[0]
    assert load(tmp_path / "run").logits(["Where is the library?", ""]).shape == (2, len(splits.classes))
