"""Does transfer help? Small pretrained models of several families against the same architecture from random weights.

    python benchmarks/transfer.py [--data trec,sst2] [--models gpt2-gothic,…] [--seeds 0] [--recipe fast] [--rows 0]

Both are folders given to the same door with the same recipe, rows and seed: the pretrained one as it is, and one whose
weights were drawn anew, with the same tokenizer. The test split is answered by the saved models; the difference of
their accuracies has a 95% interval from resampling its rows (`graft.evaluate.difference`). --rows keeps that many rows
of train, drawn at random, the same for both; 0 keeps all. Models are found through GRAFT_MODELS.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import command_line, header, result, seconds, splits
from given import candidates

from graft import predict, quiet
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.data.table import Splits
from graft.evaluate import difference
from graft.fit_options import FitOptions
from graft.fitting import fit
from graft.tasks.registry import task_named
from graft.tasks.task import Logits, Outputs, Scorer

MODELS = "gpt2-gothic,roberta-gothic,t5-gothic"


def drawn_anew(model: str, folder: Path, seed: int) -> Path:
    """The architecture and tokenizer of a model in a folder, with random weights."""
    located = hub.locate(model)
    shutil.copytree(located.folder, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    backbone = load(located, ("a", "b"), seed, pretrained=False)
    with quiet.MODELS:
        bare: Any = backbone.model.base_model
        bare.save_pretrained(folder)
    return folder


def fewer(parts: Splits, rows: int, seed: int) -> Splits:
    """`rows` rows of train at random."""
    if not 0 < rows < len(parts.train):
        return parts
    kept = np.sort(np.random.default_rng(seed).permutation(len(parts.train))[:rows])
    return dataclasses.replace(parts, train=parts.train.take(kept))


def answered(model: str, parts: Splits, out: Path, settings: dict[str, str], recipe: str) -> Logits:
    """logits of the test split by a model that was trained on the others."""
    for _ in fit(parts, out, FitOptions(model, recipe=recipe, settings=settings)):
        pass
    return predict.load(out).logits(list(parts.test.texts))


def scorer(logits: Logits, parts: Splits) -> Scorer:
    task = task_named(parts.summary.task)
    return task.scorer(logits, parts.test.targets, Outputs(parts.classes))


def compare(name: str, model: str, parts: Splits, seed: int, recipe: str) -> None:
    """One model on one data set."""
    settings = {"seed": str(seed)}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        spent, own = seconds(lambda: answered(model, parts, folder / "own", settings, recipe))
        random = str(drawn_anew(model, folder / "random", seed))
        other = answered(random, parts, folder / "other", settings, recipe)
    both = [scorer(logits, parts) for logits in (own, other)]
    reached = [float(each.score().metrics["accuracy"][0]) for each in both]
    gain, (low, high) = difference("accuracy", *both)
    result(
        f"{name}, {Path(model).name}, {len(parts.train):,} rows, seed {seed}: {reached[0]:.3f} against "
        f"{reached[1]:.3f} from random weights; {gain:+.3f} (95%: {low:+.3f} to {high:+.3f}); {spent:.0f} s"
    )


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--data", default="trec,sst2", help="data sets with commas between them (trec,sst2)")
    parser.add_argument("--models", default=MODELS, help=f"models with commas between them ({MODELS})")
    parser.add_argument("--seeds", default="0", help="seeds with commas between them (0)")
    parser.add_argument("--recipe", default="fast", help="the recipe of both (fast)")
    parser.add_argument("--rows", type=int, default=0, help="rows of train that are kept; 0: all (0)")
    asked = parser.parse_args()
    header("Pretrained against random weights")
    known = candidates()
    for name in asked.data.split(","):
        for seed in map(int, asked.seeds.split(",")):
            parts = fewer(splits(name), asked.rows, seed)
            for model in asked.models.split(","):
                compare(name, known[model].model, parts, seed, asked.recipe)


if __name__ == "__main__":
    main()
