"""The peer for how alike two texts are, each read by itself: sentence-transformers' own trainer with its cosine loss.

As in that library's example of STS-B (training_stsbenchmark_continue_training.py): a model that is a sentence embedder
goes on, the cosine of a pair is drawn to its score brought to 0 to 1, warm-up over a tenth of the steps. Tuned as in
peers.py: bf16 and the fused optimiser; the test texts are encoded as `encode` does by itself.

    python benchmarks/peers_apart.py MODEL FOLDER SPLIT EPOCHS RATE SEED ROWS

is a whole job in a process of its own, in which nothing of graft takes part: it reads train.jsonl ({"first", "second",
"target"} per line), trains, and scores SPLIT.jsonl; it prints a JSON object.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

Record = dict[str, Any]


def read(file: Path) -> list[Record]:
    with open(file, encoding="utf-8") as source:
        return [json.loads(line) for line in source]


def train(model: Any, rows: list[Record], numbers: tuple[int, float, int, int], out: str) -> None:
    """In place."""
    import torch
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.losses import CosineSimilarityLoss

    epochs, rate, seed, size = numbers
    targets = np.array([row["target"] for row in rows])
    low, high = targets.min(), targets.max()
    learnt = {name: [row[name] for row in rows] for name in ("first", "second")}
    arguments = SentenceTransformerTrainingArguments(
        out,
        per_device_train_batch_size=size,
        num_train_epochs=epochs,
        learning_rate=rate,
        warmup_steps=round(0.1 * epochs * -(-len(rows) // size)),
        seed=seed,
        use_cpu=not torch.cuda.is_available(),
        bf16=True,
        optim="adamw_torch_fused",
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    dataset = Dataset.from_dict(learnt | {"label": ((targets - low) / (high - low)).tolist()})
    SentenceTransformerTrainer(model, arguments, train_dataset=dataset, loss=CosineSimilarityLoss(model)).train()


def similarity(folder: str, data: Path, split: str, numbers: tuple[int, float, int, int], out: str) -> dict[str, float]:
    """Spearman's correlation of cosine and score on the split."""
    from scipy.stats import spearmanr
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder)
    train(model, read(data / "train.jsonl"), numbers, out)
    asked = read(data / f"{split}.jsonl")
    one, other = (model.encode([row[name] for row in asked], normalize_embeddings=True) for name in ("first", "second"))
    found = spearmanr((one * other).sum(axis=1), [row["target"] for row in asked])
    return {"spearman": float(found.statistic)}


def main(folder: str, data: str, split: str, epochs: str, rate: str, seed: str, rows: str) -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as out:
        numbers = (int(epochs), float(rate), int(seed), int(rows))
        print(json.dumps(similarity(folder, Path(data), split, numbers, out)))


if __name__ == "__main__":
    main(*sys.argv[1:])
