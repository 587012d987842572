"""The peer for several labels per text: transformers' Trainer, tuned as in peers_tasks.py, with a threshold per label.

    python benchmarks/peers_labels.py labels MODEL FOLDER SPLIT EPOCHS RATE SEED ROWS

is a whole job in a process of its own, in which nothing of graft takes part: it reads train.jsonl, trains, answers
validation.jsonl, from which each label's threshold is chosen for the best F1, and SPLIT.jsonl (a {"text", "labels"} per
line); it prints a JSON object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers_tasks import LIMIT, Record, outputs, read, trainer

Flags = NDArray[np.bool_]


def flagged(rows: list[Record], known: list[str]) -> Flags:
    return np.array([[label in row["labels"] for label in known] for row in rows])


def tokenised(rows: list[Record], flags: Flags, tokenizer: Any) -> list[Record]:
    ids = tokenizer([row["text"] for row in rows], truncation=True, max_length=LIMIT)["input_ids"]
    return [
        {"input_ids": row, "labels": truth.astype(np.float32).tolist()} for row, truth in zip(ids, flags, strict=True)
    ]


def thresholds(logits: Any, truth: Flags) -> Any:
    """Per label, the logit from which giving it has the best F1 on these rows: halfway to the next lower one."""
    from sklearn.metrics import precision_recall_curve

    found = []
    for scores, right in zip(logits.T, truth.T, strict=True):
        if not right.any():
            found.append(0.0)
            continue
        precision, recall, limits = precision_recall_curve(right, scores)
        best = int(np.argmax((2 * precision * recall / np.maximum(precision + recall, 1e-12))[:-1]))
        found.append((limits[best] + (limits[best - 1] if best else limits[best])) / 2)
    return np.array(found)


def labels(folder: str, data: Path, split: str, numbers: tuple[int, float, int, int], out: str) -> dict[str, float]:
    """Macro and micro F1 on the split."""
    from sklearn.metrics import f1_score
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding

    tokenizer = AutoTokenizer.from_pretrained(folder)
    parts = {name: read(data / f"{name}.jsonl") for name in ("train", "validation", split)}
    known = sorted({label for row in parts["train"] for label in row["labels"]})
    truth = {name: flagged(rows, known) for name, rows in parts.items()}
    made_rows = {name: tokenised(rows, truth[name], tokenizer) for name, rows in parts.items()}
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(known), problem_type="multi_label_classification", dtype="float32"
    )
    made: Any = trainer(model, DataCollatorWithPadding(tokenizer), made_rows["train"], numbers, out)
    made.train()
    said = {}
    for name in ("validation", split):
        order = np.argsort([len(row["input_ids"]) for row in made_rows[name]], kind="stable")
        logits = outputs(made, [made_rows[name][index] for index in order]).predictions
        said[name] = logits[np.argsort(order)]
    given = said[split] >= thresholds(said["validation"], truth["validation"])
    macro, micro = (f1_score(truth[split], given, average=kind, zero_division=0.0) for kind in ("macro", "micro"))
    return {"macro_f1": float(macro), "micro_f1": float(micro), "rows": len(truth[split])}


def main(task: str, folder: str, data: str, split: str, *given: str) -> None:
    import tempfile
    import warnings

    from transformers import set_seed
    from transformers.utils import logging

    assert task == "labels"
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    epochs, rate, seed, size = given
    set_seed(int(seed))
    with tempfile.TemporaryDirectory() as out:
        print(json.dumps(labels(folder, Path(data), split, (int(epochs), float(rate), int(seed), int(size)), out)))


if __name__ == "__main__":
    main(*sys.argv[1:])
