"""Ten epochs of a head over a frozen backbone: graft, a bare extraction, and a tuned Trainer, in turn in one run.

    python benchmarks/frozen_head.py [data set] [rounds]

graft's figure is all in: extraction, writing the cache, the head's ten epochs and a validation after each. The bare
extraction is the same forward passes over the same rows with nothing kept. The Trainer trains the same head over the
same frozen backbone for ten epochs at the same batch size and rate, in bf16, with rows of like length together.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from common import header, median, seconds, splits

from graft.backbone import hub
from graft.backbone.batch import Collator, by_length
from graft.backbone.features import BATCH_TOKENS, Extractor
from graft.backbone.model import Backbone, load
from graft.backbone.store import Store
from graft.data.table import Splits
from graft.data.tokens import tokenize
from graft.records import Epoch, MachineRecord, Optimiser, Recipe, Stage
from graft.train.fit import fit
from graft.train.material import Labelled, Material

EPOCHS, ROWS, RATE = 10, 32, 1e-3


def material(parts: Splits, machine: MachineRecord, cache: Path) -> Material:
    backbone = load(hub.locate(), parts.classes)
    tokenizer = backbone.tokenizer.backend_tokenizer
    tokens = [tokenize(rows.texts, tokenizer, 256)[0] for rows in (parts.train, parts.validation)]
    labelled = (Labelled(tokens[0], parts.train.labels), Labelled(tokens[1], parts.validation.labels))
    return Material(backbone, *labelled, parts.classes, machine, Extractor(backbone, machine, Store(cache)))


def bare(work: Material) -> None:
    """The forward passes of one extraction, with nothing kept."""
    trunk = work.extractor.trunk
    for part in (work.train, work.validation):
        collate = Collator(part.tokens, 0, work.machine.device)
        with torch.inference_mode():
            for rows in by_length(part.tokens.lengths, BATCH_TOKENS):
                trunk.states(*collate(rows), (len(trunk),))


def ours(work: Material) -> float:
    """Validation accuracy after ten epochs of the native head."""
    stage = Stage("head", 0, EPOCHS, Optimiser(lr=RATE))
    epochs = [event for event in fit(work, Recipe("head", (stage,), start="random")) if isinstance(event, Epoch)]
    return epochs[-1].validation["accuracy"]


def theirs(parts: Splits, backbone: Backbone, folder: str) -> float:
    """The same with transformers' Trainer; returns its validation accuracy."""
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    model = backbone.model
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("classifier") or ".pooler." in name)
    model.config._attn_implementation = "sdpa"

    def rows(part: object) -> list[dict[str, object]]:
        texts = backbone.tokenizer(list(part.texts), truncation=True, max_length=256)["input_ids"]
        return [{"input_ids": ids, "labels": int(code)} for ids, code in zip(texts, part.labels, strict=True)]

    settings = TrainingArguments(
        folder,
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=ROWS,
        per_device_eval_batch_size=128,
        learning_rate=RATE,
        bf16=True,
        use_cpu=True,
        train_sampling_strategy="group_by_length",
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
    )
    trainer = Trainer(
        model,
        settings,
        train_dataset=rows(parts.train),
        eval_dataset=rows(parts.validation),
        data_collator=DataCollatorWithPadding(backbone.tokenizer),
        compute_metrics=lambda found: {"accuracy": float(np.mean(found.predictions.argmax(1) == found.label_ids))},
    )
    trainer.train()
    return float(trainer.evaluate()["eval_accuracy"])


def main(name: str = "sst2", rounds: str = "3") -> None:
    machine = header(f"Ten epochs over a frozen backbone: {name}")
    parts = splits(name)
    times: dict[str, list[float]] = {"bare": [], "graft": [], "trainer": []}
    reached: dict[str, float] = {}
    for number in range(int(rounds)):
        with tempfile.TemporaryDirectory() as folder:
            work = material(parts, machine, Path(folder) / "cache")
            _ = work.extractor.trunk
            bare(work)  # warm-up
            times["bare"].append(seconds(partial(bare, work))[0])
            spent, reached["graft"] = seconds(partial(ours, work))
            times["graft"].append(spent)
            if number == 0:  # it takes minutes, and its ratio is not close
                fresh = load(hub.locate(), parts.classes)
                spent, reached["trainer"] = seconds(partial(theirs, parts, fresh, folder))
                times["trainer"].append(spent)
    print(f"  bare extraction  {median(times['bare'])}")
    print(f"  graft, all in    {median(times['graft'])}, validation accuracy {reached['graft']:.4f}")
    print(f"  Trainer, tuned   {median(times['trainer'])}, validation accuracy {reached['trainer']:.4f}")
    graft = float(np.median(times["graft"]))
    ratios = (graft / float(np.median(times["bare"])), times["trainer"][0] / graft)
    print(f"  graft / bare extraction: {ratios[0]:.2f}   Trainer / graft: {ratios[1]:.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
