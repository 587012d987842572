"""The peer in training: transformers' Trainer over the same model and the same token rows, default or tuned.

Tuned: bf16, rows of like length together, the fused optimiser, nothing saved or logged on the way. Default: what a
`TrainingArguments` does when only the batch size is named, but for saving and progress bars, which are off here too.
The model is loaded as its makers say, so attention and dropout are the library's defaults.

    python benchmarks/peers.py MODEL FOLDER SPLIT EPOCHS RATE SEED ROWS

is a whole job in a process of its own, in which nothing of graft takes part: it reads train.csv, trains, and answers
the texts of SPLIT.csv; it prints a JSON object.

    python benchmarks/peers.py pace MODEL JOB

is the pace of its training loop alone, in such a process, too: JOB is a JSON file with `rows` (token rows and labels),
`classes`, `setting` (the fields of Setting) and `warm_up` (steps); it prints what `paced` returns.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from transformers import EvalPrediction, PreTrainedModel, Trainer

Row = dict[str, Any]  # input_ids and labels
LIMIT = 256  # tokens; graft's default
LEAN: dict[str, Any] = {"attn_implementation": "eager", "attention_probs_dropout_prob": 0.0}


@dataclass(frozen=True, slots=True)
class Setting:
    """How a Trainer trains."""

    tuned: bool
    rows: int = 32  # per step
    epochs: float = 1
    rate: float = 5e-5
    steps: int = -1  # -1: all of the epochs
    seed: int = 0
    on_cpu: bool = True
    bf16: bool = False  # by autocast, and nothing else that is tuned
    lean: bool = False  # attention as graft has it: plain products, and no dropout of its weights


def model(folder: str | Path, classes: int, lean: bool = False) -> PreTrainedModel:
    """The backbone with a fresh head. What the library would say about it, and its bars, are switched off."""
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()

    made: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=classes, dtype="float32", **(LEAN if lean else {})
    )
    return made


def trainer(
    learner: PreTrainedModel,
    folder: str | Path,
    rows: list[Row],
    setting: Setting,
    out: str,
    held: list[Row] | None = None,
    *,
    each_epoch: bool = True,
) -> Trainer:
    """A Trainer that is ready to train; `folder` holds the tokenizer. `held` are the rows that it evaluates, after
    `each_epoch` or only when asked."""
    from transformers import AutoTokenizer, DataCollatorWithPadding, PrinterCallback, Trainer, TrainingArguments

    tuned: dict[str, Any] = {
        "bf16": True,
        "train_sampling_strategy": "group_by_length",
        "optim": "adamw_torch_fused",
        "per_device_eval_batch_size": 128,
        "logging_strategy": "no",
    }
    arguments = TrainingArguments(
        out,
        per_device_train_batch_size=setting.rows,
        num_train_epochs=setting.epochs,
        max_steps=setting.steps,
        learning_rate=setting.rate,
        seed=setting.seed,
        use_cpu=setting.on_cpu,
        save_strategy="no",
        eval_strategy="epoch" if held and each_epoch else "no",
        report_to=[],
        disable_tqdm=True,
        **(tuned if setting.tuned else {"bf16": setting.bf16}),
    )
    collate = DataCollatorWithPadding(AutoTokenizer.from_pretrained(folder))
    made = Trainer(
        learner, arguments, collate, train_dataset=rows, eval_dataset=held, compute_metrics=_accuracy if held else None
    )
    made.remove_callback(PrinterCallback)
    return made


def _accuracy(found: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float(np.mean(np.argmax(found.predictions, 1) == found.label_ids))}


def paced(made: Trainer, warm_up: int) -> tuple[int, float, int]:
    """Train; (real tokens, seconds, steps) of all steps but the first `warm_up`."""
    import torch
    from transformers import TrainerCallback

    tokens: list[int] = []
    ends: list[float] = []
    collate = made.data_collator

    def counting(rows: list[Row]) -> Any:
        tokens.append(sum(len(row["input_ids"]) for row in rows))
        return collate(rows)

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
            if torch.cuda.is_available() and state.global_step in (warm_up, state.max_steps):
                torch.cuda.synchronize()
            ends.append(time.perf_counter())

    made.data_collator = counting
    made.add_callback(Clock())
    made.train()
    if len(ends) <= warm_up:
        sys.exit(f"{len(ends)} steps are too few for {warm_up} steps of warm-up: give more texts.")
    return sum(tokens[warm_up : len(ends)]), ends[-1] - ends[warm_up - 1], len(ends) - warm_up


def pace_job(folder: str, job: Path) -> tuple[int, float, int]:
    """`paced` as a job's file describes it."""
    import tempfile

    asked = json.loads(job.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as out:
        setting = Setting(**asked["setting"])
        made = trainer(model(folder, asked["classes"], setting.lean), folder, asked["rows"], setting, out)
        return paced(made, asked["warm_up"])


def read(file: Path) -> tuple[list[str], list[str]]:
    """Texts and labels of a CSV file with these two columns."""
    with open(file, encoding="utf-8", newline="") as source:
        rows = list(csv.reader(source))[1:]
    return [row[0] for row in rows], [row[1] for row in rows]


def tokenised(texts: Sequence[str], codes: Sequence[int], folder: str | Path) -> list[Row]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(list(texts), truncation=True, max_length=LIMIT)["input_ids"]
    return [{"input_ids": row, "labels": code} for row, code in zip(ids, codes, strict=True)]


def whole_job(folder: str, data: Path, split: str, setting: Setting, out: str) -> dict[str, float]:
    """Read, train, answer; the accuracy on the split, whose rows are answered in order of length to spare padding."""
    from transformers import set_seed

    set_seed(setting.seed)  # the head's random weights follow it
    (texts, labels), (held, truth) = read(data / "train.csv"), read(data / f"{split}.csv")
    classes = sorted(set(labels))
    codes = {name: code for code, name in enumerate(classes)}
    learnt = tokenised(texts, [codes[name] for name in labels], folder)
    asked = tokenised(held, [codes[name] for name in truth], folder)
    asked.sort(key=lambda row: len(row["input_ids"]))
    made = trainer(model(folder, len(classes)), folder, learnt, setting, out, asked, each_epoch=False)
    made.train()
    return {"accuracy": made.evaluate()["eval_accuracy"], "rows": len(asked)}


def main(*asked: str) -> None:
    import tempfile
    import warnings

    warnings.simplefilter("ignore")
    if asked[0] == "pace":
        print(json.dumps(pace_job(asked[1], Path(asked[2]))))
        return
    folder, data, split, epochs, rate, seed, rows = asked
    import torch

    on_cpu = not torch.cuda.is_available()
    setting = Setting(True, int(rows), float(epochs), float(rate), seed=int(seed), on_cpu=on_cpu)
    with tempfile.TemporaryDirectory() as out:
        print(json.dumps(whole_job(folder, Path(data), split, setting, out)))


if __name__ == "__main__":
    main(*sys.argv[1:])
