"""Rows that have little left to teach cross the model less often in later epochs.

How much a row moves the weights is bounded by the gradient of its loss with respect to its logits (Katharopoulos and
Fleuret 2018, "Not all samples are created equal", section 3.2), which a training step finds anyway. It is remembered,
and a later epoch is made of the rows that were drawn by a chance in proportion to it: surely where it was at least the
mean over all rows, and never by less than `keep`. The rows that cross are not weighed up for those that do not (Jiang
et al. 2019, "Accelerating deep learning by focusing on the biggest losers"), and fill whole batches, so that there are
fewer steps. Splits of few batches spare none: they have no time to gain, and no steps to lose.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.batch import shuffled
from graft.backbone.paths import Feed, Path
from graft.records import Batches, Stage
from graft.train.material import Material
from graft.train.objective import Objective, Plain

Rows = NDArray[np.int64]
FEWEST = 4  # batches for each snapshot of the weights in an epoch: where there are fewer, every row crosses


class Sparing:
    """What each row of the train split had to teach when it last crossed in a stage."""

    def __init__(self, rows: int, keep: float) -> None:
        self._keep = keep
        self._sizes_N = np.full(rows, np.nan, dtype=np.float32)  # before this epoch; nan: it has not crossed yet
        self._seen_N = self._sizes_N.copy()  # the same with this epoch's steps
        self._chances_N = np.ones(rows, dtype=np.float32)  # of crossing in this epoch
        self._crosses = rows  # how many do in this epoch
        self._told = 0.0  # what a row's loss counts for in the loss that is told; 0: as much as in the step
        self._met = self._kept = 0  # rows of all epochs, and those of them that crossed

    def batches(self, widths: Rows, settings: Batches, rng: np.random.Generator, objective: Objective) -> list[Rows]:
        """An epoch's batches, of the rows that cross.

        Asked again within the epoch, with the same numbers to come, it says the same.
        """
        crossing = self.crossing(rng)
        self._crosses, self._told = len(crossing), 0.0
        found = [crossing[places] for places in shuffled(widths[crossing], settings.rows, rng, settings.bucket)]
        if len(crossing) < len(widths):
            self._told = len(found) / objective.weight(np.arange(len(widths)))
        return found

    def crossing(self, rng: np.random.Generator) -> Rows:
        """The rows that cross in an epoch, in order; one at least, and all of them before any is spared."""
        every = np.arange(len(self._sizes_N))
        mean = np.nanmean(self._sizes_N) if self.watches and not np.isnan(self._sizes_N).all() else 0.0
        if not mean > 0:
            self._chances_N = np.ones(len(every), dtype=np.float32)
            return every
        self._chances_N = np.clip(np.nan_to_num(self._sizes_N / mean, nan=1.0), self._keep, 1.0)
        order = rng.permutation(every)
        chances = self._chances_N[order].astype(np.float64)
        drawn = rng.random()  # one for all, so that how many stay hardly varies
        stays = np.diff(np.floor(np.cumsum(chances) + drawn), prepend=0.0) > 0
        stays[int(chances.argmax())] |= not stays.any()
        found: Rows = np.sort(order[stays])
        return found

    def losses(self, objective: Plain, path: Path, feed: Feed, rows: Rows, weight: float) -> tuple[Tensor, Tensor]:
        """The loss of rows over their batch's weight: to step by, and to tell. The mean of what is told in an epoch is
        an estimate without bias of the loss of all rows: a row stands for as many as were as likely to be spared."""
        logits, turn_N = path.logits(feed, rows), torch.from_numpy(_turns(feed, rows))
        each_N = objective.criterion.losses(logits, rows)

        def see(grad: Tensor) -> None:
            squares = grad.float().square().sum(1).cpu()
            self.see(rows, torch.zeros(len(rows)).index_add(0, turn_N, squares).sqrt() * weight)

        if logits.requires_grad:
            logits.register_hook(see)
        loss = each_N.sum() / weight
        if not self._told:
            return loss, loss.detach()
        told = each_N.detach().float().cpu() / torch.from_numpy(self._chances_N[rows])[turn_N]
        return loss, told.sum() * self._told

    def turn(self) -> None:
        """An epoch is done."""
        self._sizes_N = self._seen_N.copy()
        self._met, self._kept = self._met + len(self._sizes_N), self._kept + self._crosses

    def see(self, rows: Rows, sizes_B: Tensor) -> None:
        """The size of the gradient of each row's loss with respect to its logits."""
        sizes = sizes_B.float().cpu().numpy()
        self._seen_N[rows] = np.where(np.isfinite(sizes), sizes, np.nan)  # as if it had not crossed yet

    @property
    def watches(self) -> bool:
        """Whether any row may be spared."""
        return self._keep < 1

    @property
    def sentence(self) -> str:
        """What came of it; empty where every row crossed."""
        spared = (self._met - self._kept) / max(self._met, 1)
        return (
            f"{spared:.0%} of the rows' turns were spared, as they had little left to teach" if spared >= 0.005 else ""
        )

    def state(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        if not self.watches:
            return {}
        counts = torch.tensor([self._met, self._kept])
        sizes, seen = torch.from_numpy(self._sizes_N.copy()), torch.from_numpy(self._seen_N.copy())
        return {"spared.sizes": sizes, "spared.seen": seen, "spared.counts": counts}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` gave."""
        if "spared.seen" in tensors:
            self._sizes_N, self._seen_N = (tensors[f"spared.{name}"].numpy().copy() for name in ("sizes", "seen"))
            self._met, self._kept = tensors["spared.counts"].tolist()
        elif "spared.sizes" in tensors:  # of a version that spared rows of each batch: this epoch's order needs all
            self._seen_N = tensors["spared.sizes"].numpy().copy()
            self._met, self._kept = tensors["spared.counts"].tolist()


def sparing_of(material: Material, stage: Stage) -> Sparing:
    """Of a stage: on a CPU, where a step costs what its rows cost, where rows or their words get logits, and where an
    epoch has batches enough."""
    rows = len(material.train)
    pays = material.machine.device == "cpu" and material.task.head.reads in ("row", "token") and stage.unfrozen != 0
    enough = rows >= FEWEST * stage.snapshots * stage.batches.rows
    return Sparing(rows, stage.batches.keep if pays and enough else 1.0)


def _turns(feed: Feed, rows: Rows) -> Rows:
    """Which of the rows each line of their logits is about: itself, or the row of a word."""
    own = np.arange(len(rows))
    layout = feed.layout
    return own if layout is None or layout.words is None else np.repeat(own, np.diff(layout.words)[rows])
