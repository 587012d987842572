"""The example data in five folds: TF-IDF with logistic regression against the default run, on the same rows.

    python benchmarks/demo_folds.py [--recipe fast] [--rounds 5]

Five folds, so that the small size of one test split does not decide. Each fold is cut from the whole file, the rest
is split into train and validation as ever.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from common import command_line, header, result

from graft.data.read import read
from graft.data.splitting.split import split
from graft.data.table import Dataset, Rows, Texts
from graft.fit_options import FitOptions
from graft.fitting import fit
from graft.predict import load
from graft.records import SplitName
from graft.tasks.classification_yardsticks import word_counts

EXAMPLE = Path(__file__).parent.parent / "examples" / "townhall.csv"


def part(rows: Rows, chosen: np.ndarray) -> Rows:
    texts = Texts(pa.chunked_array([[rows.texts[int(i)] for i in chosen]]))
    return Rows(texts, rows.targets.take(chosen), rows.lines[chosen], rows.file)


def main() -> None:
    parser = command_line(__doc__, rounds=5)
    parser.add_argument("--recipe", default="fast")
    asked = parser.parse_args()
    header(f"{EXAMPLE.name} in five folds, recipe {asked.recipe}")
    whole = read(EXAMPLE)
    rows = whole.parts["train"]
    order = np.random.default_rng(0).permutation(len(rows))
    folds = [order[number::5] for number in range(5)]
    scores: dict[str, list[float]] = {"tfidf": [], "graft": []}
    for test in folds[: asked.rounds]:
        kept = np.setdiff1d(order, test)
        given: dict[SplitName, Rows] = {"train": part(rows, kept), "test": part(rows, test)}
        parts = split(Dataset("townhall", whole.task, whole.classes, whole.columns, given, whole.sources, ()))
        counted = word_counts(part(rows, kept), parts.test, parts.classes)
        scores["tfidf"].append(float((counted.logits.argmax(1) == parts.test.codes).mean()))
        with tempfile.TemporaryDirectory() as folder:
            for _ in fit(parts, folder, FitOptions(recipe=asked.recipe)):
                pass
            answers = load(folder).logits(parts.test.texts).argmax(1)
        scores["graft"].append(float((answers == parts.test.codes).mean()))
        print("  fold: " + ", ".join(f"{name} {values[-1]:.3f}" for name, values in scores.items()), flush=True)
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    difference = 100 * (means["graft"] - means["tfidf"])
    result(f"example data: graft {means['graft']:.3f}, tfidf {means['tfidf']:.3f}, difference {difference:.1f} points")


if __name__ == "__main__":
    main()
