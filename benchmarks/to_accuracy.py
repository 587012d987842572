"""Seconds to the tuned Trainer's own test accuracy, everything included: `graft run` and the Trainer, in turn.

    python benchmarks/to_accuracy.py [--data sst2,trec,banking77,tweet_eval_emotion] [--seeds 0,1,2]
    python benchmarks/to_accuracy.py --rates 5e-5,1e-4,2e-4 --data trec

Each side is a process of its own, timed from its start to its end: imports, reading, tokenising, training and the test
accuracy. graft's also holds choosing on validation, yardsticks, intervals and the report; its cache is empty at first.
The Trainer (peers.py) gets the same split as CSV files, does not look at validation, and answers the test rows in order
of length. graft runs its recipe `fast` as anybody would: graft run FOLDER --seed N.

With --rates, the Trainer alone is tried at each rate, and its accuracy on validation shown: so were the settings of
PEER chosen. The time counts as time to the Trainer's accuracy where graft's mean is no lower; the result says so.
"""

from __future__ import annotations

import csv
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import ours
from common import call, command, command_line, data, header, median, ratio, result, seconds, splits
from roofline import Peak, classifying

from graft.backbone.model import load
from graft.backbone.models import hub
from graft.data.table import Splits


@dataclass(frozen=True, slots=True)
class Peer:
    """How the Trainer trains on a data set."""

    epochs: int
    rate: float
    rows: int = 32


PEER = {
    "sst2": Peer(3, 1e-4),
    "trec": Peer(3, 1e-4),
    "banking77": Peer(4, 1e-4),
    "tweet_eval_emotion": Peer(3, 1e-4),
}


@dataclass(frozen=True, slots=True)
class Reached:
    """What one process came to."""

    seconds: float
    accuracy: float
    tokens: int = 0  # that it trained on, over all epochs; graft's only


def written(parts: Splits, folder: Path) -> Path:
    """The three splits as CSV files."""
    for name, rows in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
        with open(folder / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            writer.writerows(zip(rows.texts, (parts.classes[code] for code in rows.codes), strict=True))
    return folder


def own(name: str, seed: int) -> Reached:
    """`graft run`, with nothing in its cache."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        line = command("run", data(name), "--out", out, "--seed", str(seed), "--json", "--quiet")
        spent, said = seconds(lambda: call(line, Path(folder) / "cache"))
        epochs = [json.loads(entry) for entry in (out / "epochs.jsonl").read_text(encoding="utf-8").splitlines()]
    return Reached(spent, json.loads(said)["metrics"]["accuracy"], sum(epoch["tokens"] for epoch in epochs))


def theirs(folder: Path, peer: Peer, seed: int, split: str = "test") -> Reached:
    """The tuned Trainer over the files in `folder`."""
    numbers = map(str, (peer.epochs, peer.rate, seed, peer.rows))
    script = str(Path(__file__).with_name("peers.py"))
    line = [sys.executable, script, str(hub.locate().folder), str(folder), split, *numbers]
    spent, said = seconds(lambda: call(line, folder / "cache"))
    return Reached(spent, json.loads(said.splitlines()[-1])["accuracy"])


def accuracies(found: list[Reached]) -> str:
    values = [one.accuracy for one in found]
    return f"{statistics.mean(values):.4f} ({', '.join(f'{value:.4f}' for value in values)})"


def compare(name: str, seeds: list[int], peak: Peak) -> None:
    """One data set."""
    parts, peer = splits(name), PEER.get(name, Peer(3, 1e-4))
    reached: dict[str, list[Reached]] = {"graft": [], "Trainer": []}
    print(f"  {name}: Trainer tuned, {peer.epochs} epochs at {peer.rate:g}, {peer.rows} rows a step", flush=True)
    with tempfile.TemporaryDirectory() as place:
        folder = written(parts, Path(place))
        for seed in seeds:
            peak.measure()
            reached["graft"].append(own(name, seed))
            reached["Trainer"].append(theirs(folder, peer, seed))
    for side, found in reached.items():
        spent = median([one.seconds for one in found], digits=1)
        print(f"    {side:<8} {spent}, test accuracy {accuracies(found)}")
    own_mean, peer_mean = (statistics.mean(one.accuracy for one in reached[side]) for side in ("graft", "Trainer"))
    times = {side: [one.seconds for one in found] for side, found in reached.items()}
    backbone = load(hub.locate(), parts.classes)
    train = ours.labelled(parts.train, backbone).tokens
    work = classifying(backbone, train.lengths).times(3 * reached["graft"][0].tokens / len(train.ids))
    print("    " + peak.line("graft's training over the whole command", work, times["graft"]))
    verdict = "reached" if own_mean >= peer_mean else "NOT reached"
    share = f"{ratio(times['graft'], times['Trainer']):.2f}"
    result(f"{name}: graft / Trainer tuned {share}, seconds; accuracy {own_mean:.4f} for {peer_mean:.4f}, {verdict}")


def search(name: str, rates: list[float], seeds: list[int]) -> None:
    """The Trainer's accuracy on validation at each rate."""
    peer = PEER.get(name, Peer(3, 1e-4))
    with tempfile.TemporaryDirectory() as place:
        folder = written(splits(name), Path(place))
        for rate in rates:
            found = [theirs(folder, Peer(peer.epochs, rate, peer.rows), seed, "validation") for seed in seeds]
            print(f"  {name}, {peer.epochs} epochs at {rate:g}: validation accuracy {accuracies(found)}", flush=True)


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--data", default=",".join(PEER), help="folders of GRAFT_DATA")
    parser.add_argument("--seeds", default="", help="overrides --rounds, which is 0, 1, … as many")
    parser.add_argument("--rates", default="", help="only try the Trainer at these rates, on validation")
    asked = parser.parse_args()
    seeds = [int(seed) for seed in asked.seeds.split(",")] if asked.seeds else list(range(asked.rounds))
    machine = header("From the command to the test accuracy")
    for name in asked.data.split(","):
        if asked.rates:
            search(name, [float(rate) for rate in asked.rates.split(",")], seeds)
        else:
            compare(name, seeds, Peak(machine))


if __name__ == "__main__":
    main()
