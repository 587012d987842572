"""The candidates and the data sets of the benchmarks about choosing a model: truth.py, ranking.py, choice.py."""

from __future__ import annotations

import csv
import gzip
import io
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common import data

from graft.data.read import read
from graft.data.splitting.split import split
from graft.data.table import Splits


@dataclass(frozen=True, slots=True)
class Data:
    """A data set: what `graft run` is given, and roughly how many tokens it trains on in an epoch."""

    folder: str
    tokens: int
    joined: tuple[str, ...] = ()  # files that are put together first, because none of them is a test split
    test: float | None = None  # the share that is cut for test, where it is not graft's own choice

    def options(self) -> list[str]:
        """For the command line, behind DATA."""
        return ["--test-share", str(self.test)] if self.test else []

    def splits(self) -> Splits:
        """Read and split, as the command line does."""
        with tempfile.TemporaryDirectory() as folder:
            return split(read(self.path(Path(folder))), test=self.test)

    def path(self, temporary: Path) -> Path:
        """DATA; a file that must be made is put into `temporary`."""
        if not self.joined:
            return data(self.folder)
        rows = [row for name in self.joined for row in _rows(data(self.folder) / name)]
        path = temporary / f"{self.folder}.csv"
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path


def _rows(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


DATA = {
    "trec": Data("trec", 62_000),
    "emotion": Data("tweet_eval_emotion", 75_000),
    "sms_spam": Data("sms_spam", 95_000),
    "banking77": Data("banking77", 130_000),
    "sst2": Data("sst2", 170_000),
    # 1,700 and 300 rows, none of them a test split: 600 of all are tested on, which tells more than 300
    "electronics": Data(
        "amazon_reviews_domains",
        180_000,
        ("electronics.train.csv.gz", "electronics.validation.csv"),
        0.3,
    ),
    "spooky": Data("spooky_author", 480_000),
}


@dataclass(frozen=True, slots=True)
class Model:
    """A candidate: what --model takes, and its arithmetic per token in millions of multiplications."""

    model: str
    cost: float


COSTS = {f"embedded@{depth}": 1.8 * depth for depth in range(1, 7)} | {
    "roberta-gothic": 3.2,
    "gpt2-gothic": 3.2,
    "t5-gothic": 5.5,
    "stories260K": 0.2,
}
NAMES = tuple(COSTS)


def candidates() -> dict[str, Model]:
    """All candidates by name. Models outside the package are found through GRAFT_MODELS."""
    root = Path(os.environ.get("GRAFT_MODELS", "../shared/models"))
    if not root.is_dir():
        sys.exit(f"{root} is missing: set GRAFT_MODELS to the folder of models.")
    return {
        name: Model(name if name.startswith("embedded") else str(root / name), cost) for name, cost in COSTS.items()
    }
