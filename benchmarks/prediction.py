"""Prediction by a saved run: graft.load(run).predict, and transformers' pipeline over the same model, in turn.

    python benchmarks/prediction.py [--data sst2] [--texts 10000] [--rounds 3]

The texts are drawn with replacement from all of the data's splits. The run is one of `graft fit` with its defaults,
made for the purpose or named with --run. graft answers by its defaults, in fp32 and in bf16; the pipeline by its
defaults (fp32, one text at a time), at its best batch size, and in bf16 at its best batch size. The best sizes are
looked for on a part of the texts before the clock starts. Loading the model is not counted, tokenising is. The
pipeline gives the best label and its share, graft the shares of all classes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import ours
import torch
from common import command_line, header, median, ratio, result, seconds, splits
from roofline import Peak, Work, classifying

from graft import quiet
from graft.backbone.model import load as load_model
from graft.backbone.models import hub
from graft.data.table import Splits
from graft.data.tokens.tokens import tokenize
from graft.machine import Precision
from graft.predict import Predictor, load

SIZES = (8, 16, 32, 64, 128)
KINDS: tuple[Precision, ...] = ("fp32", "bf16")
Answer = Callable[[list[str]], list[str]]


def sample(parts: Splits, number: int) -> list[str]:
    every = [text for rows in (parts.train, parts.validation, parts.test) for text in rows.texts]
    chosen = np.random.default_rng(0).integers(len(every), size=number)
    return [every[index] for index in chosen]


def own(predictor: Predictor, texts: list[str]) -> list[str]:
    return [answer.label for answer in predictor.predict(texts)]


def piped(made: Any, size: int, texts: list[str]) -> list[str]:
    return [str(answer["label"]) for answer in made(texts, batch_size=size)]


def pipeline(run: Path, dtype: torch.dtype, device: str) -> Any:
    from transformers import pipeline as library

    with quiet.MODELS:
        return library("text-classification", model=str(run / "model"), device=device, dtype=dtype)


def best_size(made: Any, texts: list[str], sizes: tuple[int, ...]) -> int:
    """The batch size at which the pipeline answers a part of the texts soonest."""
    piped(made, 8, texts[:32])
    spent = {size: seconds(partial(piped, made, size, texts))[0] for size in sizes}
    print("  pipeline's batch sizes: " + ", ".join(f"{size} {spent[size]:.2f} s" for size in sizes), flush=True)
    return min(spent, key=lambda size: spent[size])


def sides(run: Path, device: str, trial: list[str]) -> dict[str, Answer]:
    """Who answers: name → texts to labels."""
    found: dict[str, Answer] = {"graft, defaults": partial(own, load(run))}
    for kind in KINDS:
        found[f"graft, {kind}"] = partial(own, load(run, precision=kind))
    full = pipeline(run, torch.float32, device)
    found["pipeline, defaults"] = partial(piped, full, 1)
    found["pipeline, best size"] = partial(piped, full, best_size(full, trial, SIZES))
    half = pipeline(run, torch.bfloat16, device)
    found["pipeline, bf16, best size"] = partial(piped, half, best_size(half, trial, SIZES))
    return found


def report(times: dict[str, list[float]], labels: dict[str, list[str]], work: Work, peak: Peak) -> None:
    truth = labels["pipeline, defaults"]
    for name, spent in times.items():
        alike = float(np.mean([one == other for one, other in zip(labels[name], truth, strict=True)]))
        print(f"  {name:<26} {median(spent)}, {alike:.2%} of the labels as the pipeline's defaults")
    peak.show()
    for name, spent in times.items():
        print("  " + peak.line(name, work, spent))
    for own_name in [name for name in times if name.startswith("graft")]:
        against = (ratio(spent, times[own_name]) for name, spent in times.items() if name.startswith("pipeline"))
        values = "{:.1f} with its defaults, {:.2f} at its best size, {:.2f} in bf16 at its best size".format(*against)
        result(f"prediction: pipeline / {own_name}: {values}; seconds")


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--data", default="sst2")
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--run", type=Path, help="a finished run on the data (default: one is made)")
    parser.add_argument("--rows", type=int, default=0, help="of the run that is made: train on the first N (0: all)")
    parser.add_argument("--trial", type=int, default=1_000, help="texts on which batch sizes are tried (1000)")
    asked = parser.parse_args()
    machine = header(f"Prediction of {asked.texts:,} texts: {asked.data}")
    parts, peak = splits(asked.data), Peak(machine)
    texts = sample(parts, asked.texts)
    with tempfile.TemporaryDirectory() as folder:
        run = asked.run or ours.saved_run(parts, Path(folder), asked.rows)
        found = sides(run, machine.device, texts[: asked.trial])
        times: dict[str, list[float]] = {name: [] for name in found}
        labels: dict[str, list[str]] = {}
        for answer in found.values():
            answer(texts[:32])
        for _ in range(asked.rounds):
            peak.measure()
            for name, answer in found.items():
                spent, labels[name] = seconds(partial(answer, texts))
                times[name].append(spent)
        backbone = load_model(hub.locate(str(run / "model")), parts.classes)
    lengths = tokenize(texts, backbone.tokenizer.backend_tokenizer, backbone.record.max_tokens)[0].lengths
    report(times, labels, classifying(backbone, lengths), peak)


if __name__ == "__main__":
    main()
