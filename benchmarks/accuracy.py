"""Accuracy of a recipe under several settings, over data sets and seeds. It can be stopped and goes on where it stood.

    python benchmarks/accuracy.py --results accuracy.jsonl
    python benchmarks/accuracy.py --on held-out --results rates.jsonl --data trec --seeds 0,1,2 \
        --variant fast: --variant "few:epochs=2,betas=[0.9,0.98]" --variant "Trainer:trainer,epochs=3,rate=1e-4"

A variant is NAME:SETTING,SETTING,… A setting is a field of a recipe (as `graft run --set` takes it), or recipe=NAME,
precision=KIND, start from another backbone with model=NAME. `trainer` in place of these is the tuned Trainer of
peers.py with its epochs, rate and rows. Without --variant: the recipe `fast` as it is, and in fp32 without cache.

--on test trains on the train split and asks the test split: the numbers to report. --on held-out never opens the test
split: a quarter of the train split (another one for each seed) is held out and asked instead; settings are chosen so.

Every fit is one line of --results; one that stands there is not done again. Answers are given in fp32.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import ours
from common import command_line, data, header, result

from graft.backbone.features import Extractor
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.cache.store import Store
from graft.data.read import read
from graft.data.splitting.split import split
from graft.data.table import Rows, Splits
from graft.machine import choose
from graft.records import MachineRecord, Progress
from graft.train import recipe as recipes
from graft.train.fit import fit
from graft.train.material import Material
from graft.train.scale import Scale

DATA = "sst2,trec,banking77,tweet_eval_emotion"
VARIANTS = ("fast:", "fp32:precision=fp32,cache=off")
OURS = ("recipe", "precision", "model")  # settings that are not fields of a recipe


@dataclass(frozen=True, slots=True)
class Variant:
    """A named list of settings."""

    name: str
    settings: dict[str, str]

    @property
    def is_trainer(self) -> bool:
        return "trainer" in self.settings


@dataclass(frozen=True, slots=True)
class Found:
    """What one fit came to; a line of the results."""

    variant: str
    settings: dict[str, str]
    data: str
    seed: int
    on: str
    accuracy: float
    seconds: float
    tokens: int = 0  # that were trained on


def variant(text: str) -> Variant:
    name, _, rest = text.partition(":")
    pairs = (setting.partition("=") for setting in re.split(r",(?![^\[]*\])", rest) if setting)
    return Variant(name, {key: value for key, _, value in pairs})


def parts(name: str, on: str, seed: int) -> Splits:
    """The splits to work on; for "held-out" the test split is a quarter of train, and the real one stays closed."""
    dataset = read(data(name))
    if on == "test":
        return split(dataset)
    return split(dataclasses.replace(dataset, parts={"train": dataset.parts["train"]}), test=0.25, seed=seed)


def own(chosen: Variant, splits: Splits, seed: int) -> tuple[float, int]:
    """One fit by graft: accuracy on the test split of `splits` in fp32, tokens trained on."""
    named = {key: value for key, value in chosen.settings.items() if key not in OURS}
    machine = choose(precision=chosen.settings.get("precision", "auto"))  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as cache:
        work = _work(chosen, splits, machine, Path(cache), seed)
        record, tokens = work.backbone.record, work.train.tokens
        scale = Scale(len(tokens), len(tokens.ids), len(work.classes), record.blocks, record.width)
        recipe = recipes.named(chosen.settings.get("recipe", "fast"), scale)
        recipe = recipes.changed(recipe, named | {"seed": str(seed)}, scale)
        trained = sum(getattr(event, "tokens", 0) for event in fit(work, recipe))
        return _accuracy(work, splits.test, machine), trained


def _work(chosen: Variant, splits: Splits, machine: MachineRecord, cache: Path, seed: int) -> Material:
    backbone = load(hub.locate(chosen.settings.get("model", hub.EMBEDDED)), splits.classes, seed)
    train, validation = (ours.labelled(rows, backbone) for rows in (splits.train, splits.validation))
    return Material(backbone, train, validation, splits.classes, machine, Extractor(backbone, machine, Store(cache)))


def _accuracy(work: Material, rows: Rows, machine: MachineRecord) -> float:
    path = ModelPath(work.backbone, dataclasses.replace(machine, precision="fp32"))
    asked = ours.labelled(rows, work.backbone)
    for event in predict_logits(path, Feed(asked.tokens), len(work.classes), ""):
        if not isinstance(event, Progress):
            return float(np.mean(event.argmax(1) == rows.codes))
    raise AssertionError


def theirs(chosen: Variant, splits: Splits, seed: int) -> tuple[float, int]:
    """One job of the tuned Trainer."""
    settings = {"epochs": "3", "rate": "1e-4", "rows": "32"} | chosen.settings
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in (("train", splits.train), ("test", splits.test)):
            with open(Path(folder) / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
                labels = (splits.classes[code] for code in rows.codes)
                csv.writer(file).writerows([("text", "label"), *zip(rows.texts, labels, strict=True)])
        script = str(Path(__file__).with_name("peers.py"))
        numbers = (settings["epochs"], settings["rate"], str(seed), settings["rows"])
        line = [sys.executable, script, str(hub.locate().folder), folder, "test", *numbers]
        said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    return float(json.loads(said.splitlines()[-1])["accuracy"]), 0


def one(chosen: Variant, name: str, seed: int, on: str) -> Found:
    splits = parts(name, on, seed)
    start = time.perf_counter()
    accuracy, tokens = (theirs if chosen.is_trainer else own)(chosen, splits, seed)
    return Found(chosen.name, chosen.settings, name, seed, on, accuracy, time.perf_counter() - start, tokens)


def known(file: Path) -> list[Found]:
    """What stands in the results."""
    return [Found(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []


def report(found: list[Found], names: list[str], seeds: list[int]) -> None:
    """Means over seeds, and over the data sets that every variant has finished."""
    by_name = {name: [one for one in found if one.variant == name] for name in dict.fromkeys(f.variant for f in found)}
    means: dict[str, list[float]] = {}
    for variant_name, fits in by_name.items():
        print(f"  {variant_name}: {fits[0].settings}")
        for name in names:
            values = [one.accuracy for one in fits if one.data == name and one.seed in seeds]
            if values:
                spent = statistics.median(one.seconds for one in fits if one.data == name)
                shown = ", ".join(f"{value:.4f}" for value in values)
                print(f"    {name:<20} {statistics.mean(values):.4f} ({shown}), {spent:.0f} s")
                means.setdefault(variant_name, []).append(statistics.mean(values))
    for variant_name, values in means.items():
        if len(values) == len(names):
            result(f"accuracy, {variant_name}: {statistics.mean(values):.4f}, mean over {', '.join(names)}")


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--data", default=DATA)
    parser.add_argument("--seeds", default="", help="overrides --rounds, which is 0, 1, … as many")
    parser.add_argument("--on", choices=("test", "held-out"), default="test")
    parser.add_argument("--variant", action="append", help="NAME:SETTING,…; may be given more than once")
    parser.add_argument("--results", type=Path, default=Path("accuracy.jsonl"))
    parser.add_argument("--limit", type=float, default=0, help="begin no fit after so many seconds (0: no limit)")
    asked = parser.parse_args()
    seeds = [int(seed) for seed in asked.seeds.split(",")] if asked.seeds else list(range(asked.rounds))
    names, variants = asked.data.split(","), [variant(text) for text in asked.variant or VARIANTS]
    header(f"Accuracy on {asked.on} rows")
    start = time.monotonic()
    for seed, name, chosen in ((s, n, v) for s in seeds for n in names for v in variants):
        done = {(one.variant, one.data, one.seed, one.on) for one in known(asked.results)}
        if (chosen.name, name, seed, asked.on) in done:
            continue
        if asked.limit and time.monotonic() - start > asked.limit:
            break
        found = one(chosen, name, seed, asked.on)
        with open(asked.results, "a", encoding="utf-8") as file:
            file.write(json.dumps(dataclasses.asdict(found)) + "\n")
    report([one for one in known(asked.results) if one.on == asked.on], names, seeds)


if __name__ == "__main__":
    main()
