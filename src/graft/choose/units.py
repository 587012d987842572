"""What a comparison of models scores: one vector for each text, or one for each word, and what it is to tell.

The units of a sample are its rows, or all words of its rows in order where words are tagged. Answers come in three
kinds, by their tensor: a class for each unit (int64), a number (float64), or any number of labels (bool, units ×
labels). Words' tags are labels too, the tag of no name being none of them, as nearly all words have it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.features import Extractor, Features, Wanted
from graft.data.columns.marked import Marks
from graft.data.tags import OUTSIDE
from graft.data.targets import Codes, Flags, Numbers, Targets
from graft.data.tokens.layout import Layout
from graft.errors import ModelError

WORD = ("word",)  # the one way to read a word: at its first token
METRICS: dict[type, str] = {Codes: "accuracy", Numbers: "pearson", Flags: "micro_f1", Marks: "tag_f1"}


def metric_of(targets: Targets) -> str | None:
    """What the probe is an estimate of; None for targets that no frozen vector is scored against."""
    return METRICS.get(type(targets))


def answers(targets: Targets, names: Sequence[str]) -> Tensor:
    """What the units are to be answered with. Raises TypeError for targets that have no metric."""
    match targets:
        case Codes():
            return torch.from_numpy(targets.values.astype(np.int64))
        case Numbers() | Flags():
            return torch.from_numpy(targets.values)
        case Marks():
            codes = torch.from_numpy(targets.coded(len(names)).astype(np.int64))
            flags = torch.nn.functional.one_hot(codes, len(names)).bool()
            return flags[:, [place for place, name in enumerate(names) if name != OUTSIDE]]
    raise TypeError(f"models are not compared by {type(targets).__name__}")


def wanted(layout: Layout | None, depths: tuple[int, ...]) -> Wanted:
    """What an extraction must give of rows with such a layout."""
    return Wanted(depths) if layout is None else Wanted(cuts=depths)


def vectors(found: Features, layout: Layout | None, extractor: Extractor) -> dict[int, Tensor]:
    """The units' vectors: depth → units × poolings × width. `layout`: of the rows that were extracted; words that no
    token stands for are left out."""
    if layout is None:
        return found.pooled
    places = torch.from_numpy(known(layout))
    read: dict[int, Tensor] = {}
    if not found.boundaries:
        raise ModelError("its states of words found no room in the cache")
    for depth, states in found.boundaries.items():
        flat = states.flat(np.arange(len(states)))[places]
        with torch.inference_mode():
            read[depth] = extractor.trunk.normed(flat.to(extractor.machine.device)).float().cpu()[:, None]
    return read


def known(layout: Layout) -> NDArray[np.int64]:
    """The flat places of the tokens that speak for words, in the order of the words."""
    assert layout.sites is not None
    return layout.sites[layout.sites >= 0]


def kept(layout: Layout | None, rows: int) -> NDArray[np.bool_]:
    """Which units of all rows are read at all."""
    return np.ones(rows, np.bool_) if layout is None or layout.sites is None else layout.sites >= 0


def units(layout: Layout | None, rows: int) -> int:
    """How many units of the first so many rows are read."""
    if layout is None or layout.words is None or layout.sites is None:
        return rows
    return int((layout.sites[: layout.words[rows]] >= 0).sum())
