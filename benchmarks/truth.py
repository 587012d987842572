"""The truth that forecasts are held against: every candidate really fine-tuned on every data set.

    python benchmarks/truth.py [--rows 2000] [--data trec,sst2,…] [--candidates embedded@1,…] [--seeds 0] [--kept FILE]

Of train at most 2,000 rows are learnt from (--rows; the first ones of the order in which a ranking draws them, so that
scores.py scores the same rows), 500 of validation judge the epochs and 2,000 of test give the accuracy: this way all
candidates can be run in about an hour of one core. The recipe is `fast` with its own settings.

One line of JSON per run is appended to benchmarks/results/truth.jsonl; what stands there is not run again, so it can be
stopped at any time. Data sets are finished one after the other, each with the cheapest candidates first. A candidate
that graft refuses gets a line with the reason, and is tried again only with --again. --close then runs seeds 1 and 2 of
the candidates within a point of a data set's best.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import command_line
from given import DATA, NAMES, candidates

from graft.choose.sample import stratified_order
from graft.data.asked import in_chunks
from graft.data.table import Rows, Splits
from graft.errors import GraftError
from graft.evaluate import evaluate
from graft.fit_options import FitOptions
from graft.fitting import fit
from graft.predict import load
from graft.records import Progress

HERE = Path(__file__).parent
KEPT = HERE / "results" / "truth.jsonl"
ROWS, JUDGES, TESTED = 2000, 500, 2000  # of train, validation and test, at most
CLOSE = 0.01  # of accuracy

Line = dict[str, Any]


def lines(path: Path = KEPT) -> list[Line]:
    """Every run so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def capped(splits: Splits, rows: int) -> Splits:
    """At most so many rows of train, and few enough of the others."""
    return Splits(
        _first(splits.train, rows), _first(splits.validation, JUDGES), _first(splits.test, TESTED), splits.summary
    )


def _first(rows: Rows, most: int) -> Rows:
    return rows.take(stratified_order(rows.codes)[:most]) if len(rows) > most else rows


def runs(asked: Any, data: str, rows: int, kept: list[Line]) -> Iterator[tuple[str, int]]:
    """(candidate, seed) that are still to run on a data set, cheapest first."""
    mine = [line for line in kept if line["data"] == data and line.get("rows", {"train": rows})["train"] == rows]
    done = {(line["candidate"], line["seed"]) for line in mine if "error" not in line or not asked.again}
    names = asked.candidates.split(",") if asked.candidates else NAMES
    wanted = [(name, seed) for name in names for seed in map(int, asked.seeds.split(","))]
    if asked.close:
        wanted += [(name, seed) for name in close(mine) for seed in (1, 2)]
    cost = {name: place.cost for name, place in candidates().items()}
    yield from (run for run in sorted(set(wanted), key=lambda run: (run[1], cost[run[0]])) if run not in done)


def close(kept: list[Line]) -> list[str]:
    """The candidates within a point of the best by seed 0, where there are several."""
    found = {line["candidate"]: line["metrics"]["accuracy"] for line in kept if line["seed"] == 0 and "metrics" in line}
    near = [name for name, value in found.items() if value >= max(found.values()) - CLOSE]
    return near if len(near) > 1 else []


def measured(name: str, splits: Splits, seed: int) -> Line:
    """Fine-tune it and open the test rows. Seconds are those of the processor, all threads together."""
    options = FitOptions(candidates()[name].model, settings={"seed": str(seed)})
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GRAFT_CACHE"] = str(Path(folder) / "cache")
        out, began = Path(folder) / "run", time.process_time()
        try:
            for _ in fit(splits, out, options):
                pass
        except GraftError as error:
            return {"error": error.found.replace(candidates()[name].model, name)}
        trained = time.process_time()
        predictor = load(out)
        found = [event for event in predictor.stream(in_chunks(splits.test)) if not isinstance(event, Progress)]
        logits = np.concatenate([part for _, part in found])
        evaluation = evaluate(predictor.task, logits, splits.test, predictor.outputs)
        manifest = predictor.manifest
        stage, backbone = manifest.recipe.stages[-1], manifest.backbone
        return {
            "cpu_seconds": {"train": round(trained - began, 1), "test": round(time.process_time() - trained, 1)},
            "metrics": {key: round(evaluation.metrics[key], 5) for key in ("accuracy", "macro_f1", "log_loss")},
            "interval": [round(end, 4) for end in evaluation.intervals["accuracy"]],
            "validation": manifest.outcome.best_value,
            "rows": {part: len(getattr(splits, part)) for part in ("train", "validation", "test")},
            "classes": len(splits.classes),
            "blocks": backbone.blocks,
            "width": backbone.width,
            "parameters": backbone.parameters,
            "stage": {"epochs": stage.epochs, "rows": stage.batches.rows, "lr": stage.optimiser.lr},
        }


def commit() -> str:
    """The commit of the sources that run."""
    return subprocess.check_output(["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"], text=True).strip()


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of train, at most ({ROWS})")
    parser.add_argument("--candidates", default="", help="names with commas between them (all)")
    parser.add_argument("--data", default=",".join(DATA), help="data sets with commas between them (all)")
    parser.add_argument("--seeds", default="0", help="with commas between them (0)")
    parser.add_argument("--close", action="store_true", help="also seeds 1 and 2 where the best are within a point")
    parser.add_argument("--again", action="store_true", help="try again what was refused")
    parser.add_argument("--kept", type=Path, default=KEPT, help=f"the file of results ({KEPT})")
    asked = parser.parse_args()
    asked.kept.parent.mkdir(exist_ok=True)
    for data in asked.data.split(","):
        splits = capped(DATA[data].splits(), asked.rows)
        for name, seed in runs(asked, data, len(splits.train), lines(asked.kept)):
            head = {"candidate": name, "data": data, "seed": seed, "commit": commit(), "when": round(time.time())}
            line = head | measured(name, splits, seed)
            with open(asked.kept, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(name, data, seed, line.get("metrics", line.get("error")), flush=True)


if __name__ == "__main__":
    main()
