"""The journey of a model that learns to write, with a tiny random model: run, evidence, report, generate, take away."""

from __future__ import annotations

import csv
import gzip
import itertools
import os
from pathlib import Path

import pytest
import torch

import graft
from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.splitting.split import split
from graft.errors import ModelError, RunError
from graft.fit_options import FitOptions
from graft.fitting import fit
from graft.folder import RunFolder
from graft.generate import load, untuned
from graft.predict import load as load_predictor
from graft.records import Evaluation, Progress
from graft.records.evidence import WritingDetails
from graft.records.writing import Generation
from graft.run import Given, RunOptions, run

DATA = Path(os.environ.get("GRAFT_DATA", Path(__file__).parents[2] / "shared" / "data"))
MODELS = Path(os.environ.get("GRAFT_MODELS", Path(__file__).parents[2] / "shared" / "models"))
WRITE = ReadOptions(task="write")


@pytest.fixture(scope="module")
def details(written: Path) -> WritingDetails:
    evaluation = RunFolder(written).evaluation()
    assert evaluation is not None
    assert isinstance(evaluation.details, WritingDetails)
    return evaluation.details


def test_bits_per_character_stand_beside_before_and_scratch(written: Path) -> None:
    evaluation = RunFolder(written).evaluation()
    assert evaluation is not None
    assert set(evaluation.metrics) == set(evaluation.intervals) == {"bits_per_character", "perplexity"}
    own = evaluation.metrics["bits_per_character"]
    assert own < evaluation.baselines["before"].metrics["bits_per_character"]
    assert "scratch" in evaluation.baselines


def test_the_evidence_is_all_there(details: WritingDetails) -> None:
    models = {body: {one.model for one in details.bits if one.text == body} for body in ("held out", "neutral")}
    assert models == {"held out": {"before", "after", "scratch"}, "neutral": {"before", "after"}}
    assert 0 < details.gain[0] <= details.gain[1]
    assert {one.body for one in details.novelty} == {one.body for one in details.repetition}
    assert {sample.temperature for sample in details.samples} == {0.5, 0.8, 1.1}
    assert details.characters > 0
    assert details.lost == 0


def test_the_report_shows_it(written: Path) -> None:
    page = (written / "report.html").read_text(encoding="utf-8")
    for title in ("The numbers", "Learned and forgotten", "New or copied", "Repetition", "Samples"):
        assert f">{title}</h2>" in page
    assert "graft generate" in page
    assert "0 classes" not in page


def test_every_judged_text_is_kept(written: Path) -> None:
    with open(written / "predictions.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == {"before", "after"}
    assert all(row["prompt"] for row in rows)


def test_a_run_writes_as_an_iterator_that_may_be_left(written: Path) -> None:
    wanted = Generation(tokens=12)
    pieces = list(graft.generate(written, "The cat", wanted))
    assert pieces[-1].ending in ("length", "end")
    first = list(itertools.islice(graft.generate(load(written), "The cat", wanted), 2))
    assert first == pieces[:2]


def test_before_and_after_differ(written: Path) -> None:
    wanted = Generation(tokens=20)
    assert load(written).write("The moon", wanted) != untuned(written).write("The moon", wanted)


def test_the_model_is_an_ordinary_one(written: Path) -> None:
    """Law 7: plain transformers loads it, with the same logits."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(written / "model")
    ids = AutoTokenizer.from_pretrained(written / "model")("The cat", return_tensors="pt").input_ids
    with torch.inference_mode():
        torch.testing.assert_close(model(ids).logits, load(written).model(ids).logits)


def test_predicting_with_it_names_the_verb(written: Path) -> None:
    with pytest.raises(RunError, match=r"(?s)writes texts.*graft generate"):
        load_predictor(written)


def test_an_encoder_is_refused(stories: Path, tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"(?s)writes no text.*gpt2"):
        list(fit(Given(stories, reading=WRITE).splits(), tmp_path / "run", FitOptions(str(tiny_bert))))


@pytest.mark.parametrize(
    ("recipe", "stages"), [("thorough", [("top", True), ("all", False)]), ("book", [("all", False)])]
)
def test_the_other_recipes_learn_too(
    stories: Path, tiny_gpt2: Path, tmp_path: Path, recipe: str, stages: list[tuple[str, bool]]
) -> None:
    """The upper half from cached states, then everything; and Adam at the textbook's small rate."""
    options = FitOptions(str(tiny_gpt2), recipe=recipe, settings={"epochs": "2"}, precision="fp32")
    list(fit(split(read(stories, options=WRITE)), tmp_path / "run", options))
    folder = RunFolder(tmp_path / "run")
    manifest = folder.manifest()
    assert [(stage.name, stage.cached) for stage in manifest.outcome.stages] == stages
    start, *_, last = folder.epochs(manifest)
    assert last.validation["bits_per_character"] < start.validation["bits_per_character"]
    assert load(tmp_path / "run").write("The cat", Generation(tokens=3))[0].text


@pytest.mark.slow
def test_a_small_public_model_learns_lovecraft(tmp_path: Path) -> None:
    """A minute of a few stories takes something off unseen ones."""
    stories, model = DATA / "lovecraft" / "lovecraft.txt.gz", MODELS / "stories260K"
    if not stories.is_file() or not model.is_dir():
        pytest.skip(f"there is no {stories} or no {model}; set GRAFT_DATA and GRAFT_MODELS")
    few = tmp_path / "few.txt"
    few.write_text(gzip.decompress(stories.read_bytes()).decode()[:150_000], encoding="utf-8")
    options = FitOptions(str(model), settings={"epochs": "2"})
    *_, evaluation = run(Given(few, reading=WRITE), options, RunOptions(tmp_path / "run"))
    assert isinstance(evaluation, Evaluation)
    before = evaluation.baselines["before"].metrics["bits_per_character"]
    assert evaluation.metrics["bits_per_character"] < 0.98 * before


def test_a_stopped_run_goes_on_to_the_same_weights_from_every_step(
    stories: Path, tiny_gpt2: Path, tmp_path: Path
) -> None:
    """Law 6 over packed lines: dropped after each step and gone on with, again and again, to the end of the whole."""
    splits = split(read(stories, options=WRITE))
    settings = {"epochs": "2", "stages.0.batches.rows": "4"}
    options = FitOptions(str(tiny_gpt2), settings=settings, precision="fp32", save_every=0)
    steps = sum(is_step(event) for event in fit(splits, tmp_path / "whole", options))
    for _ in range(steps):
        under_way = fit(splits, tmp_path / "stopped", options, resume=(tmp_path / "stopped").exists())
        if not any(map(is_step, under_way)):
            break
        next(under_way, None)  # the checkpoint is written before the next event
        under_way.close()
    list(fit(splits, tmp_path / "stopped", options, resume=True))
    ends = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("whole", "stopped")]
    assert ends[0] == ends[1]
    assert steps >= 4


def is_step(event: object) -> bool:
    return isinstance(event, Progress) and event.phase not in ("extract", "validate")
