"""Ten epochs of a head over a frozen backbone: graft, a bare extraction, and a tuned Trainer, in turn in one run.

    python benchmarks/frozen_head.py [--data sst2] [--rounds 3]

graft's figure is all in: extraction, writing the cache, the head's ten epochs and a validation after each. The bare
extraction is the same forward passes over the same rows with nothing kept. The Trainer trains the same head over the
same frozen backbone for ten epochs at the same batch size and rate, tuned as in peers.py, with a validation after each.
It is run in the first round only: it takes minutes, and its ratio is not close.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import ours
import peers
import torch
from common import command_line, header, median, ratio, result, seconds, splits
from peers import Setting
from roofline import Peak, extracting

from graft.backbone.batch import Collator, batch_tokens_for, by_length
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.records import Epoch, Optimiser, Recipe, Stage
from graft.train.fit import fit
from graft.train.material import Labelled, Material

EPOCHS, ROWS, RATE = 10, 32, 1e-3


def bare(work: Material) -> None:
    """The forward passes of one extraction, with nothing kept."""
    trunk = work.extractor.trunk
    for part in (work.train, work.validation):
        collate = Collator(part.tokens, 0, work.machine.device)
        with torch.inference_mode():
            for rows in by_length(part.tokens.lengths, batch_tokens_for(work.machine.device)):
                trunk.states(*collate(rows), (len(trunk),))


def own(work: Material) -> float:
    """Validation accuracy after ten epochs of the native head."""
    stage = Stage("head", 0, EPOCHS, Optimiser(lr=RATE))
    epochs = [event for event in fit(work, Recipe("head", (stage,), start="random")) if isinstance(event, Epoch)]
    return epochs[-1].validation["accuracy"]


def theirs(work: Material, folder: str) -> float:
    """The same with transformers' Trainer; returns its validation accuracy."""
    place = hub.locate().folder
    model = peers.model(place, len(work.classes))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("classifier") or ".pooler." in name)
    setting = Setting(True, ROWS, EPOCHS, RATE, on_cpu=work.machine.device == "cpu")
    made = peers.trainer(model, place, ours.rows(work.train), setting, folder, held=ours.rows(work.validation))
    made.train()
    return float(made.evaluate()["eval_accuracy"])


def material(train: Labelled, validation: Labelled, classes: tuple[str, ...], peak: Peak, cache: Path) -> Material:
    work = ours.material(train, validation, classes, peak.machine, cache)
    _ = work.extractor.trunk
    bare(work)  # warm-up
    return work


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--data", default="sst2")
    parser.add_argument("--texts", type=int, default=0, help="only the first N rows of each split (0: all)")
    asked = parser.parse_args()
    machine = header(f"Ten epochs over a frozen backbone: {asked.data}")
    parts, peak = splits(asked.data), Peak(machine)
    backbone = load(hub.locate(), parts.classes)
    both = [ours.head_of(ours.labelled(rows, backbone), asked.texts) for rows in (parts.train, parts.validation)]
    times: dict[str, list[float]] = {"bare": [], "graft": [], "trainer": []}
    reached: dict[str, float] = {}
    for number in range(asked.rounds):
        with tempfile.TemporaryDirectory() as folder:
            peak.measure()
            work = material(both[0], both[1], parts.classes, peak, Path(folder) / "cache")
            times["bare"].append(seconds(partial(bare, work))[0])
            spent, reached["graft"] = seconds(partial(own, work))
            times["graft"].append(spent)
            if number == 0:
                spent, reached["trainer"] = seconds(partial(theirs, work, folder))
                times["trainer"].append(spent)
    print(f"  bare extraction  {median(times['bare'])}")
    print(f"  graft, all in    {median(times['graft'])}, validation accuracy {reached['graft']:.4f}")
    print(f"  Trainer, tuned   {median(times['trainer'])}, validation accuracy {reached['trainer']:.4f}")
    once = extracting(backbone, np.concatenate([part.tokens.lengths for part in both]))
    peak.show()
    for name in ("bare", "graft"):
        print("  " + peak.line(f"{name}, one pass through the backbone", once, times[name]))
    result(
        f"frozen head, {EPOCHS} epochs: Trainer tuned / graft {ratio(times['trainer'], times['graft']):.1f}, seconds"
    )
    result(f"frozen head, {EPOCHS} epochs: graft / bare extraction {ratio(times['graft'], times['bare']):.2f}, seconds")


if __name__ == "__main__":
    main()
