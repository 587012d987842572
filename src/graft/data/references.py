"""Targets that are texts: what each row is to be rewritten as, and how alike such texts are to the rows themselves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.data.spans import taken
from graft.data.table import Rows, Texts
from graft.data.targets import Positions
from graft.data.tokens.tokens import Tokens
from graft.data.wording import count_of
from graft.records import SplitName

REWRITE = "rewrite"  # the task, as --task says it
BETWEEN = "\n\n"  # between the references of a row, where they are shown as one text
OFTEN = 0.1  # share of rows from which it is told that source and target are the same


@dataclass(frozen=True, slots=True)
class References:
    """The references of each row: those of row i are texts[bounds[i]:bounds[i + 1]], one or more that are equally good.

    A model learns the first of them; an answer is compared with all. `tokens`: of each row's first, once a model's
    tokenizer has read them.
    """

    texts: Texts
    bounds: Positions  # (rows + 1,)
    tokens: Tokens | None = None

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def firsts(self) -> Texts:
        """The text that each row's model learns."""
        return self.texts if len(self.texts) == len(self) else self.texts.take(self.bounds[:-1])

    def take(self, rows: Positions) -> References:
        bounds, chosen = taken(self.bounds, rows)
        return References(self.texts.take(chosen), bounds, None if self.tokens is None else self.tokens.take(rows))

    def of(self, start: int, stop: int) -> list[list[str]]:
        """The references of the rows start to stop."""
        edges = self.bounds[start : stop + 1].tolist()
        texts = self.texts[edges[0] : edges[-1]] if len(edges) > 1 else []
        return [texts[first - edges[0] : last - edges[0]] for first, last in itertools.pairwise(edges)]

    def strata(self) -> NDArray[np.int32]:
        return np.zeros(len(self), np.int32)

    def counts(self, names: Sequence[str]) -> dict[str, int]:
        return {}

    def shown(self, names: Sequence[str], start: int, stop: int) -> list[str]:
        return [BETWEEN.join(texts) for texts in self.of(start, min(stop, len(self)))]


def references_of(targets: object) -> References:
    """The targets as references. Raises TypeError for targets of another kind."""
    if not isinstance(targets, References):
        raise TypeError(f"rewriting needs texts as targets, not {type(targets).__name__}")
    return targets


def about_rewrites(parts: Mapping[SplitName, Rows]) -> Iterator[str]:
    """What a person should know of sources and targets: how many are the same, and which targets are no news."""
    train = parts["train"]
    same = sum(map(_is_same, train.texts, references_of(train.targets).firsts))
    if same >= OFTEN * len(train):
        yield f"{count_of(same, 'row')} of train ({same / len(train):.1%}) have a target that is the source itself."
    learnt = {text.strip() for text in references_of(train.targets).texts}
    for name in ("validation", "test"):
        rows = references_of(parts[name].targets)
        known = sum(any(text.strip() in learnt for text in texts) for texts in rows.of(0, len(rows)))
        if known:
            share = known / len(rows)
            said = f"{count_of(known, 'target')} of {name} ({share:.1%}) also stand in train"
            yield f"WARNING: {said}: a model may know them by heart." if share >= OFTEN else f"{said}."
    several = sum(len(references_of(parts[name].targets).texts) > len(parts[name]) for name in parts)
    if several:
        yield "Some rows have several references: the first is learnt, and an answer is compared with all of them."


def all_same(rows: Rows) -> bool:
    """Whether each row's target is its source: then there is nothing to learn."""
    return all(map(_is_same, rows.texts, references_of(rows.targets).firsts))


def _is_same(source: str, target: str) -> bool:
    return source.strip() == target.strip()
