"""Full fine-tuning: real tokens per second of the training loop, graft and transformers' Trainer in turn, in one run.

    python benchmarks/training.py [--data sst2] [--lengths 0,128,512] [--rounds 3]

Length 0 is the sentences as they are; at the other lengths the same tokens are run together and cut into rows of
exactly so many. Every side gets the same token rows and trains everything; real tokens are those that are not padding.
graft trains by the settings of its recipe `fast` (dropout 0.1 of hidden states, none of attention's), the Trainer with
its defaults (dropout 0.1 of both), in a process of its own. The tuned Trainer is tried with 32 rows a step and with as
many as `fast` takes; the better counts. The lean one is the tuned one with what graft does about attention besides: no
dropout of its weights, and plain products in place of the fused kernel (each a line to whoever knows). The first steps
of every side are warm-up and not counted. graft and the tuned Trainers run a whole epoch; the Trainer with its defaults
draws its batches at random, so its pace is steady, and it runs until it has seen --slow-tokens.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import ours
from common import call, command_line, header, median, ratio, result, splits
from ours import Pace
from peers import Setting
from roofline import Peak, Work, classifying

from graft.backbone.model import load
from graft.backbone.models import hub
from graft.data.table import Splits
from graft.records import MachineRecord
from graft.train.material import Labelled, Material

Side = Callable[[], Pace]


def graft_pace(make: Callable[[], Material], warm_up: int) -> Pace:
    work = make()
    recipe = ours.fast_for(work)
    stage = dataclasses.replace(recipe.stages[0], epochs=1)
    return ours.loop(work, dataclasses.replace(recipe, stages=(stage,), start="random"), warm_up)


def trainer_pace(work: Material, folder: Path, setting: Setting, warm_up: int) -> Pace:
    """In a process of its own, in which nothing of graft takes part: graft has its process hold on to freed memory."""
    asked = {"rows": ours.rows(work.train), "classes": len(work.classes), "warm_up": warm_up}
    with tempfile.TemporaryDirectory() as place:
        job = Path(place) / "job.json"
        job.write_text(json.dumps(asked | {"setting": dataclasses.asdict(setting)}), encoding="utf-8")
        line = [sys.executable, str(Path(__file__).with_name("peers.py")), "pace", str(folder), str(job)]
        return Pace(*json.loads(call(line, Path(place)).splitlines()[-1]))


def sides(make: Callable[[], Material], folder: Path, warm_up: int, slow_tokens: int) -> dict[str, Side]:
    """Who is measured: name → one measurement."""
    work = make()
    rows = ours.fast_for(work).stages[0].batches.rows
    mean = len(work.train.tokens.ids) / len(work.train.tokens)
    steps = warm_up + max(3, round(slow_tokens / (32 * mean)))
    on_cpu = work.machine.device == "cpu"
    settings = {"Trainer, defaults, 32 rows": Setting(False, steps=steps, on_cpu=on_cpu)}
    if not on_cpu:
        settings["Trainer, bf16, 32 rows"] = Setting(False, steps=steps, on_cpu=False, bf16=True)
    for size in sorted({32, rows}):
        settings[f"Trainer, tuned, {size} rows"] = Setting(True, size, on_cpu=on_cpu)
        settings[f"Trainer, lean, {size} rows"] = Setting(True, size, on_cpu=on_cpu, lean=True)
    found: dict[str, Side] = {f"graft, fast, {rows} rows": partial(graft_pace, make, warm_up)}
    for name, setting in settings.items():
        found[name] = partial(trainer_pace, work, folder, setting, warm_up)
    return found


def report(title: str, paces: dict[str, list[Pace]], work: Work, peak: Peak) -> None:
    """`work` is that of one real token."""
    rates = {name: [pace.rate for pace in found] for name, found in paces.items()}
    for name, found in rates.items():
        last = paces[name][-1]
        counted = f"{last.steps} steps of {last.tokens / last.steps:,.0f} tokens counted"
        print(f"  {name:<28} {median(found, 'tokens/s', 0)}; {counted}")
    own, default = next(iter(rates)), "Trainer, defaults, 32 rows"
    best = {
        kind: max((name for name in rates if kind in name), key=lambda name: ratio(rates[name], rates[own]))
        for kind in ("tuned", "lean")
    }
    peak.show()
    for name in (own, *best.values()):
        print("  " + peak.line(name, work, [1 / rate for rate in rates[name]]))
    share = peak.share(work, [1 / rate for rate in rates[own]])
    result(f"{title}: graft / Trainer defaults {ratio(rates[own], rates[default]):.2f}, tokens/s")
    if (named := "Trainer, bf16, 32 rows") in rates:
        result(f"{title}: graft / {named} {ratio(rates[own], rates[named]):.2f}, tokens/s")
    for name in best.values():
        result(f"{title}: graft / {name} {ratio(rates[own], rates[name]):.2f}, tokens/s")
    result(f"{title}: graft at {share} of the measured peak")


def measure(title: str, make: Callable[[], Material], folder: Path, rounds: int, limits: tuple[int, int]) -> None:
    """`limits`: steps of warm-up, tokens that the slow side sees."""
    work = make()
    peak = Peak(work.machine)
    found = sides(make, folder, *limits)
    paces: dict[str, list[Pace]] = {name: [] for name in found}
    for _ in range(rounds):
        peak.measure()
        for name, side in found.items():
            paces[name].append(side())
    tokens = work.train.tokens
    report(title, paces, classifying(work.backbone, tokens.lengths).times(3 / len(tokens.ids)), peak)


def material(train: Labelled, parts: Splits, machine: MachineRecord, folder: Path, model: str) -> Material:
    """Work whose validation before the first step costs next to nothing."""
    return ours.material(train, ours.head_of(train, 8), parts.classes, machine, folder, model)


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--data", default="sst2")
    parser.add_argument("--model", default=hub.EMBEDDED, help="embedded, a folder or a hub id")
    parser.add_argument("--lengths", default="0,128,512", help="tokens per row; 0: the texts as they are")
    parser.add_argument("--texts", type=int, default=0, help="only the first N rows (0: all)")
    parser.add_argument("--warm-up", type=int, default=3, help="steps that are not counted (3)")
    parser.add_argument("--slow-tokens", type=int, default=40_000, help="for the Trainer with defaults (40000)")
    asked = parser.parse_args()
    machine = header(f"Training loop, everything trains: {asked.data}, {asked.model}")
    parts, located = splits(asked.data), hub.locate(asked.model)
    source = ours.labelled(parts.train, load(located, parts.classes))
    with tempfile.TemporaryDirectory() as folder:
        for length in map(int, asked.lengths.split(",")):
            train = ours.at_length(source, length) if length else source
            train = ours.head_of(train, asked.texts)
            make = partial(material, train, parts, machine, Path(folder), asked.model)
            title = f"{asked.data} at length {length}" if length else f"{asked.data} as it is"
            print(f"  {title}: {len(train.tokens):,} rows, {len(train.tokens.ids):,} tokens", flush=True)
            measure(title, make, located.folder, asked.rounds, (asked.warm_up, asked.slow_tokens))


if __name__ == "__main__":
    main()
