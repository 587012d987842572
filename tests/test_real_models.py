"""Small real models of other families through the journey, where they are at hand (GRAFT_MODELS, GRAFT_DATA)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from graft import quiet
from graft.predict import load
from graft.records import Evaluation
from graft.run import FitOptions, Given, RunOptions, run

SHARED = Path(__file__).parents[2] / "shared"
TREC = Path(os.environ.get("GRAFT_DATA", SHARED / "data")) / "trec"
MODELS = Path(os.environ.get("GRAFT_MODELS", SHARED / "models"))
TEXTS = ["Who wrote The Raven ?", "", "What is [SEP] </s> <pad> <|endoftext|> here ?", "How many dogs " * 90, "Where ?"]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth of TREC's questions."""
    if not TREC.is_dir():
        pytest.skip(f"there is no {TREC}; set GRAFT_DATA")
    path = tmp_path_factory.mktemp("data") / "few.csv"
    header, *lines = (TREC / "train.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text(header + "".join(lines[::10]), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["gpt2-gothic", "roberta-gothic", "t5-gothic"])
def test_a_run_ends_in_an_ordinary_model_that_learnt(name: str, few: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    if not (MODELS / name).is_dir():
        pytest.skip(f"there is no {MODELS / name}; set GRAFT_MODELS")
    options = FitOptions(str(MODELS / name), settings={"epochs": "2", "max_tokens": "32"})
    *_, evaluation = run(Given(few, label="label"), options, RunOptions(out=tmp_path / "run"))
    assert isinstance(evaluation, Evaluation)
    chance = evaluation.baselines["majority"].metrics["accuracy"]
    if name != "t5-gothic":  # the least trained of the three hardly moves in so little
        assert evaluation.metrics["accuracy"] > chance + 0.05
    assert (tmp_path / "run" / "report.html").is_file()
    with quiet.MODELS, torch.inference_mode():
        model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run" / "model")
        tokenizer = AutoTokenizer.from_pretrained(tmp_path / "run" / "model")
        theirs = model(**tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")).logits
    np.testing.assert_allclose(load(tmp_path / "run").logits(TEXTS), theirs.numpy(), atol=1e-4)
