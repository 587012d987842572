"""The truth that forecasts are held against: every candidate really fine-tuned on every data set.

    python benchmarks/truth.py [--data trec,sst2,…] [--candidates embedded@1,…] [--seeds 0] [--kept FILE]

One line of JSON per run is appended to benchmarks/results/truth.jsonl; what stands there is not run again, so it can be
stopped at any time. The cheapest runs come first. A run is `graft run` with the recipe `fast` and its own settings, in
a process of its own; a candidate that graft refuses gets a line with the reason, and is tried again only with --again.
Once every run of seed 0 is there, --close runs seeds 1 and 2 of the candidates within a point of a data set's best.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import command, command_line
from given import DATA, NAMES, candidates

HERE = Path(__file__).parent
KEPT = HERE / "results" / "truth.jsonl"
CLOSE = 0.01  # of accuracy

Line = dict[str, Any]


def lines(path: Path = KEPT) -> list[Line]:
    """Every run so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def runs(asked: Any, kept: list[Line]) -> Iterator[tuple[str, str, int]]:
    """(candidate, data, seed) that are still to run, cheapest first."""
    done = {(line["candidate"], line["data"], line["seed"]) for line in kept if "error" not in line or not asked.again}
    places = candidates()
    wanted = [
        (name, data, seed)
        for seed in map(int, asked.seeds.split(","))
        for name in (asked.candidates.split(",") if asked.candidates else NAMES)
        for data in (asked.data.split(",") if asked.data else DATA)
    ]
    if asked.close:
        wanted += [(name, data, seed) for name, data in close(kept) for seed in (1, 2)]
    cost = {name: places[name].cost for name in NAMES}
    for name, data, seed in sorted(set(wanted), key=lambda run: (run[2], cost[run[0]] * DATA[run[1]].tokens)):
        if (name, data, seed) not in done:
            yield name, data, seed


def close(kept: list[Line]) -> Iterator[tuple[str, str]]:
    """(candidate, data) within a point of the data set's best by seed 0."""
    for data in DATA:
        found = {
            line["candidate"]: line["metrics"]["accuracy"]
            for line in kept
            if line["data"] == data and line["seed"] == 0 and "metrics" in line
        }
        near = [name for name, value in found.items() if value >= max(found.values()) - CLOSE]
        yield from ((name, data) for name in near if len(near) > 1)


def measured(name: str, data: str, seed: int) -> Line:
    """Run it and gather what came of it."""
    began, before = time.time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        rows: tuple[str | Path, ...] = (DATA[data].path(Path(folder)), *DATA[data].options())
        line = command("run", *rows, "--model", candidates()[name].model, "--seed", str(seed), "--out", out)
        line += ["--json", "--quiet"]
        environment = os.environ | {"GRAFT_CACHE": str(Path(folder) / "cache")}
        done = subprocess.run(
            [*line, "--json", "--quiet"], env=environment, capture_output=True, text=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        head = {"candidate": name, "data": data, "seed": seed, "commit": commit(), "when": round(began)}
        if done.returncode:
            said = done.stdout.strip().splitlines()
            return head | {"error": said[-1] if said else done.stderr.strip()[-300:]}
        return head | {"cpu_seconds": round(cpu, 1)} | outcome(out)


def outcome(out: Path) -> Line:
    """What the run's folder tells."""
    manifest = json.loads((out / "run.json").read_text())
    evaluation = json.loads((out / "evaluation.json").read_text())
    stage = manifest["recipe"]["stages"][-1]
    cost = manifest["outcome"]["cost"]
    kept = ("accuracy", "macro_f1", "mcc", "log_loss")
    return {
        "metrics": {key: round(evaluation["metrics"][key], 5) for key in kept},
        "interval": [round(end, 4) for end in evaluation["intervals"]["accuracy"]],
        "validation": manifest["outcome"]["best_value"],
        "rows": {split["name"]: split["rows"] for split in manifest["data"]["splits"]},
        "classes": len(manifest["data"]["classes"]),
        "blocks": manifest["backbone"]["blocks"],
        "width": manifest["backbone"]["width"],
        "parameters": manifest["backbone"]["parameters"],
        "tokens": sum(json.loads(line)["tokens"] for line in (out / "epochs.jsonl").read_text().splitlines()),
        "tfidf": round(evaluation["baselines"]["tfidf"]["metrics"]["accuracy"], 5),
        "recipe": manifest["recipe"]["name"],
        "stage": {"epochs": stage["epochs"], "rows": stage["batches"]["rows"], "lr": stage["optimiser"]["lr"]},
        "seconds": {phase["name"]: round(phase["seconds"], 1) for phase in cost["phases"]},
        "peak_memory": cost["peak_memory"],
        "disk": sum(path.stat().st_size for path in (out / "model").iterdir()),
    }


def commit() -> str:
    """The commit of the sources that run."""
    named = os.environ.get("GRAFT_COMMIT")
    return named or subprocess.check_output(["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"], text=True).strip()


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--candidates", default="", help="names with commas between them (all)")
    parser.add_argument("--data", default="", help="data sets with commas between them (all)")
    parser.add_argument("--seeds", default="0", help="with commas between them (0)")
    parser.add_argument("--close", action="store_true", help="also seeds 1 and 2 where the best are within a point")
    parser.add_argument("--again", action="store_true", help="try again what was refused")
    parser.add_argument("--kept", type=Path, default=KEPT, help=f"the file of results ({KEPT})")
    asked = parser.parse_args()
    asked.kept.parent.mkdir(exist_ok=True)
    while todo := next(runs(asked, lines(asked.kept)), None):
        line = measured(*todo)
        with open(asked.kept, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(*todo, line.get("metrics", line.get("error")), flush=True)
        if "error" in line:
            asked.again = False


if __name__ == "__main__":
    main()
