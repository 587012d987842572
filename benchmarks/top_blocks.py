"""The top blocks unfrozen: graft's stage over cached states, and a bare model of these blocks on preloaded tensors.

    python benchmarks/top_blocks.py [--data sst2] [--unfrozen 2] [--rounds 3]

Both start from the same weights, take the same states from below the cut (extracted once, before the clock starts),
32 rows a step with texts of like length together, AdamW with linear warm-up and decay, clipping at 1, no dropout. The
bare model is a plain loop: its padded batches and masks are ready tensors, its blocks are the library's and compute in
bf16, and each parameter has an fp32 master. Seconds are those of an epoch's training, without validation; the first
epoch is warm-up.
"""

from __future__ import annotations

import copy
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import ours
import torch
from common import command_line, header, median, ratio, result, splits
from roofline import Peak, classifying, wait
from torch import Tensor, nn

from graft.backbone.batch import Collator, shuffled
from graft.backbone.features import Wanted
from graft.backbone.heads import NativeHeadAlone
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.backbone.trunk import Trunk
from graft.data.targets import Codes
from graft.machine import dtype_of
from graft.records import Batches, Epoch, Optimiser, Recipe, Stage, StageRecord
from graft.train.fit import fit
from graft.train.material import Labelled, Material

ROWS = 32
SETTINGS = Optimiser(lr=2e-4)


@dataclass(frozen=True, slots=True)
class Run:
    """What an epoch took, after the first, and the last epoch's mean loss."""

    seconds: list[float]
    loss: float


class Bare(nn.Module):
    """The top blocks of a backbone and its native head, over token states."""

    def __init__(self, work: Material, unfrozen: int) -> None:
        super().__init__()
        model = copy.deepcopy(cast(nn.Module, work.backbone.model)).to(work.machine.device, dtype_of(work.machine))
        self.blocks = nn.ModuleList(Trunk(model, work.backbone.family).blocks[-unfrozen:])  # type: ignore[arg-type]
        assert work.backbone.family.head is not None
        self.head = NativeHeadAlone(model, work.backbone.family.head)
        self.eval()  # no dropout

    def forward(self, states_BTD: Tensor, mask_B11T: Tensor | None) -> Tensor:
        for block in self.blocks:
            states_BTD = block(states_BTD, mask_B11T)
        logits_BC: Tensor = self.head(states_BTD[:, 0])
        return logits_BC


Batch = tuple[Tensor, Tensor | None, Tensor]


def preloaded(work: Material, cut: int) -> list[Batch]:
    """Every batch of an epoch as ready tensors: states, the mask as attention adds it, classes."""
    tokens, device = work.train.tokens, work.machine.device
    for _ in work.extractor.run(tokens, Wanted(cuts=(cut,))):
        pass
    assert work.extractor.features is not None
    states, targets = work.extractor.features.boundaries[cut], work.train.targets
    assert isinstance(targets, Codes)
    collate = Collator(tokens, 0, device)
    found: list[Batch] = []
    for rows in shuffled(tokens.lengths, ROWS, np.random.default_rng(0)):
        _, mask_BT = collate.positions(rows)
        added = None
        if mask_BT is not None:
            added = torch.zeros(mask_BT.shape, dtype=states.dtype).masked_fill_(
                mask_BT == 0, torch.finfo(states.dtype).min
            )
            added = added[:, None, None, :].to(device)
        found.append(
            (states.batch(rows).to(device), added, torch.from_numpy(targets.values[rows].astype(np.int64)).to(device))
        )
    return found


class Masters:
    """fp32 masters of a bf16 model under AdamW."""

    def __init__(self, model: nn.Module, steps: int) -> None:
        self._live = list(model.parameters())
        self._masters = [parameter.detach().float().clone().requires_grad_() for parameter in self._live]
        decayed = [[m for m in self._masters if m.dim() > 1], [m for m in self._masters if m.dim() <= 1]]
        groups = [{"params": part, "weight_decay": rate} for part, rate in zip(decayed, (0.01, 0.0), strict=True)]
        self._adam = torch.optim.AdamW(groups, lr=SETTINGS.lr, fused=True)
        warm = SETTINGS.warmup * steps
        self._rates = torch.optim.lr_scheduler.LambdaLR(
            self._adam, lambda step: (step + 1) / (warm + 1) if step < warm else (steps - step) / (steps - warm)
        )

    def step(self) -> None:
        for master, parameter in zip(self._masters, self._live, strict=True):
            master.grad = parameter.grad.float() if parameter.grad is not None else None
            parameter.grad = None
        nn.utils.clip_grad_norm_(self._masters, SETTINGS.clip)
        self._adam.step()
        self._rates.step()
        with torch.no_grad():
            torch._foreach_copy_([parameter.detach() for parameter in self._live], self._masters)


def bare(work: Material, unfrozen: int, epochs: int) -> Run:
    """The plain loop."""
    batches = preloaded(work, work.backbone.record.blocks - unfrozen)
    model = Bare(work, unfrozen)
    masters = Masters(model, epochs * len(batches))
    order = np.random.default_rng(1)
    spent, losses = [], [torch.zeros(())]
    for _ in range(epochs):
        start, losses = time.perf_counter(), []
        for index in order.permutation(len(batches)):
            states, mask, codes = batches[index]
            loss = nn.functional.cross_entropy(model(states, mask).float(), codes)
            loss.backward()
            masters.step()
            losses.append(loss.detach())
        wait(work.machine.device)
        spent.append(time.perf_counter() - start)
    return Run(spent[1:], float(torch.stack(losses).mean()))


def own(work: Material, unfrozen: int, epochs: int) -> Run:
    """graft's stage."""
    stage = Stage("top", unfrozen, epochs, SETTINGS, Batches(ROWS), cache="on")
    found: list[Epoch] = []
    for event in fit(work, Recipe("top", (stage,), start="random")):
        if isinstance(event, Epoch) and event.number:
            found.append(event)
        if isinstance(event, StageRecord) and not event.cached:
            raise SystemExit(f"The stage did not use cached states: {event.why}.")
    assert found[-1].loss is not None
    return Run([epoch.tokens / epoch.tokens_per_second for epoch in found[1:]], found[-1].loss)


def measure(train: Labelled, classes: tuple[str, ...], peak: Peak, unfrozen: int, epochs: int) -> tuple[Run, Run]:
    """One round: (graft, bare)."""
    peak.measure()
    with tempfile.TemporaryDirectory() as folder:
        make = partial(ours.material, train, ours.head_of(train, 8), classes, peak.machine, Path(folder))
        return own(make(), unfrozen, epochs), bare(make(), unfrozen, epochs)


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--data", default="sst2")
    parser.add_argument("--unfrozen", type=int, default=2, help="top blocks that train (2)")
    parser.add_argument("--epochs", type=int, default=3, help="with the first, which is warm-up (3)")
    parser.add_argument("--texts", type=int, default=0, help="only the first N rows (0: all)")
    asked = parser.parse_args()
    peak = Peak(header(f"The top {asked.unfrozen} blocks train over cached states: {asked.data}"))
    parts = splits(asked.data)
    backbone = load(hub.locate(), parts.classes)
    train = ours.head_of(ours.labelled(parts.train, backbone), asked.texts)
    rounds = [measure(train, parts.classes, peak, asked.unfrozen, asked.epochs) for _ in range(asked.rounds)]
    times = [[second for pair in rounds for second in pair[side].seconds] for side in (0, 1)]
    for name, spent, last in zip(("graft", "bare "), times, rounds[-1], strict=True):
        print(f"  {name}  {median(spent)} an epoch, training loss {last.loss:.4f}")
    peak.show()
    cut = backbone.record.blocks - asked.unfrozen
    work = classifying(backbone, train.tokens.lengths, cut).times(3)
    for name, spent in zip(("graft", "bare"), times, strict=True):
        print("  " + peak.line(name, work, spent))
    each = [ratio(pair[0].seconds, pair[1].seconds) for pair in rounds]
    print(f"  graft / bare in each round: {', '.join(f'{value:.2f}' for value in each)}")
    result(f"top {asked.unfrozen} blocks: graft / bare {statistics.median(each):.2f}, seconds per epoch")


if __name__ == "__main__":
    main()
