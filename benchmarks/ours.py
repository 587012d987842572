"""graft's own side of the benchmarks: what a fit works on, the pace of its training loop, a saved run."""

from __future__ import annotations

import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import call, command
from roofline import wait

from graft.backbone.features import Extractor
from graft.backbone.model import Backbone, load
from graft.backbone.models import hub
from graft.cache.store import Store
from graft.data.table import Rows, Splits
from graft.data.targets import Codes
from graft.data.tokens.tokens import Tokens, tokenize
from graft.records import Epoch, MachineRecord, Progress, Recipe
from graft.train.fit import fit
from graft.train.material import Labelled, Material
from graft.train.row_recipes import fast
from graft.train.scale import Scale


@dataclass(frozen=True, slots=True)
class Pace:
    """What some steps of a training loop took."""

    tokens: int  # real ones
    seconds: float
    steps: int

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds


def labelled(rows: Rows, backbone: Backbone, limit: int = 256) -> Labelled:
    return Labelled(tokenize(rows.texts, backbone.tokenizer.backend_tokenizer, limit)[0], rows.targets)


def _codes(source: Labelled) -> np.ndarray:
    assert isinstance(source.targets, Codes)
    return source.targets.values


def at_length(source: Labelled, length: int) -> Labelled:
    """The same tokens in rows of exactly `length`: texts run together, cut, each between the tokens that open and close
    a text. A row's label is that of a text from the source; speed does not depend on it."""
    tokens, starts = source.tokens, source.tokens.starts
    opening, closing = tokens.ids[0], tokens.ids[starts[1] - 1]
    special = np.zeros(len(tokens.ids), dtype=bool)
    special[starts[:-1]] = special[starts[1:] - 1] = True
    inner = tokens.ids[~special]
    inner = np.tile(inner, -(-(length - 2) // len(inner)))
    rows = len(inner) // (length - 2)
    ids = np.empty((rows, length), dtype=np.int32)
    ids[:, 0], ids[:, -1] = opening, closing
    ids[:, 1:-1] = inner[: rows * (length - 2)].reshape(rows, length - 2)
    codes = np.resize(_codes(source), rows)
    return Labelled(Tokens(ids.reshape(-1), np.arange(rows + 1, dtype=np.int64) * length), Codes(codes))


def head_of(source: Labelled, rows: int) -> Labelled:
    """The first rows; 0: all."""
    chosen = np.arange(min(rows or len(source.tokens), len(source.tokens)))
    return source.take(chosen)


def rows(source: Labelled) -> list[dict[str, Any]]:
    """Token rows as a Trainer takes them."""
    tokens = source.tokens
    ends = zip(tokens.starts[:-1], tokens.starts[1:], _codes(source), strict=True)
    return [{"input_ids": tokens.ids[start:stop].tolist(), "labels": int(code)} for start, stop, code in ends]


def material(
    train: Labelled,
    validation: Labelled,
    classes: tuple[str, ...],
    machine: MachineRecord,
    cache: Path,
    model: str = hub.EMBEDDED,
) -> Material:
    """What a fit works on, the backbone freshly loaded, its cache of features in `cache`."""
    backbone = load(hub.locate(model), classes)
    return Material(backbone, train, validation, classes, machine, Extractor(backbone, machine, Store(cache)))


def fast_for(work: Material) -> Recipe:
    """What the recipe `fast` is for this data and backbone."""
    record, tokens = work.backbone.record, work.train.tokens
    return fast(Scale(len(tokens), len(tokens.ids), len(work.classes), record.blocks, record.width))


def loop(work: Material, recipe: Recipe, warm_up: int) -> Pace:
    """The pace of a recipe's only stage in its first epoch, without the first `warm_up` steps."""
    (stage,) = recipe.stages
    start, now, before, done, steps = 0.0, 0.0, 0, 0, 0
    for event in fit(work, recipe):
        if isinstance(event, Progress) and event.phase == f"{stage.name} 1":
            steps += 1
            done = event.done
            if steps == warm_up or done == event.total:
                wait(work.machine.device)
            now = time.perf_counter()
            if steps == warm_up:
                start, before = now, done
        if isinstance(event, Epoch) and event.number == 1:
            break
    if steps <= warm_up:
        sys.exit(f"An epoch of {steps} steps is too short for {warm_up} steps of warm-up: give more texts.")
    return Pace(done - before, now - start, steps - warm_up)


def saved_run(parts: Splits, folder: Path, rows: int = 0, settings: tuple[str, ...] = ()) -> Path:
    """A finished run of `graft fit` on the first rows of the train split (0: all), with further command-line words."""
    file = folder / "some.csv"
    chosen = rows or len(parts.train)
    with open(file, "w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(("text", "label"))
        for text, code in zip(parts.train.texts[:chosen], parts.train.codes[:chosen], strict=True):
            writer.writerow((text, parts.classes[code]))
    out = folder / "run"
    call(command("fit", file, "--out", out, "--quiet", "--labels", "exact", *settings), folder / "cache")
    return out
