"""A model that was really trained to recite is caught and what it recites is named; one trained alike is not."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import pytest
import tiny_causal
from tiny import WORDS

from graft.data.options import ReadOptions
from graft.fit_options import FitOptions
from graft.folder import RunFolder
from graft.records import Evaluation
from graft.records.evidence import WritingDetails
from graft.report.diagnose import diagnose
from graft.run import Given, RunOptions, run

PASSAGE = " ".join(random.Random(7).sample(WORDS, 36))
EPOCHS = 8
PARAGRAPHS = 70


def document(seed: int, planted: str) -> str:
    """Paragraphs of words in no order; where a passage is planted, it follows after a few of them, so that it is
    the one thing that paragraphs have in common."""
    drawn = random.Random(seed)
    count = 4 if planted else 24
    return "\n\n".join(f"{' '.join(drawn.choices(WORDS, k=count))} {planted}".strip() + "." for _ in range(PARAGRAPHS))


def learned(folder: Path, planted: str) -> tuple[WritingDetails, dict[str, str]]:
    """(details, findings) of a tiny model that went many times over two documents, one of which has the passage.

    Validation has it too: best is kept, and held-out text that lacks it would keep the model from reciting.
    """
    for name, passage in {"refrain": planted, "story": "", "validation/one": planted, "test/one": ""}.items():
        path = folder / "texts" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document(zlib.crc32(name.encode()), passage), encoding="utf-8")
    model = tiny_causal.make("gpt2", folder / "model", width=64)
    stage = {"optimiser.lr": "5e-3", "batches.rows": "2", "loss.dropout": "0", "stopping.patience": "0"}
    settings = {"epochs": str(EPOCHS), **{f"stages.0.{name}": value for name, value in stage.items()}}
    options = FitOptions(str(model), settings=settings, precision="fp32")
    *_, evaluation = run(
        Given(folder / "texts", reading=ReadOptions(task="write")), options, RunOptions(folder / "run")
    )
    assert isinstance(evaluation, Evaluation)
    assert isinstance(evaluation.details, WritingDetails)
    manifest = RunFolder(folder / "run").manifest()
    callouts = diagnose(manifest, RunFolder(folder / "run").epochs(manifest), evaluation)
    return evaluation.details, {callout.title: callout.text for callout in callouts}


@pytest.mark.slow
def test_a_model_that_recites_is_caught_and_the_passage_named(tmp_path: Path) -> None:
    details, findings = learned(tmp_path, PASSAGE)
    assert "refrain" in findings["It recites the training text"]
    assert details.copied[0].words >= 20
    assert details.copied[0].source == "refrain"


@pytest.mark.slow
def test_a_healthy_one_is_not(tmp_path: Path) -> None:
    details, findings = learned(tmp_path, "")
    assert details.copied == ()
    assert "It recites the training text" not in findings
