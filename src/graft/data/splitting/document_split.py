"""Documents to train, validation and test: whole documents, drawn by a seed, so that held-out text is really new.

Where documents are few, their chapters are taken for documents; where there are no chapters, stretches of paragraphs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from graft.data.chapters import Piece, by_headings, stretches
from graft.data.splitting.passages import Known, Passage
from graft.data.spool import TextSpool
from graft.data.stream import refuse
from graft.data.table import Dataset, Rows, Texts
from graft.data.titles import Titles
from graft.data.wording import count_of
from graft.records import SplitName

Integers = NDArray[np.int64]
SHARE = 0.1  # of all characters, for validation and for test each
FEWEST = 8  # documents that can be divided as they are
STRETCHES = 20  # that a text without chapters is cut into
FEWEST_CHARACTERS = 3_000  # half a dozen pages can be recited, not learned from
TOLD = 0.002  # share of a held-out split's words in passages of train from which it is said


@dataclass(frozen=True, slots=True)
class Sides:
    """Positions of documents by split, in their order."""

    train: Integers
    validation: Integers
    test: Integers


def sides(lengths: Integers, groups: Integers, shares: tuple[float, float], seed: int) -> Sides:
    """Draw documents for validation and test until each has its share of all characters; the rest trains.

    `lengths`: characters of each document; `groups`: documents of one group stay together (the same text twice);
    `shares`: of validation and test, 0 for none. A document that would fill more than twice what is wanted is passed
    over while there are others, so that one long novel is not the whole test.
    """
    rng = np.random.default_rng(seed)
    total = int(lengths.sum())
    order = rng.permutation(np.unique(groups))
    sizes = {int(group): int(lengths[groups == group].sum()) for group in order}
    free = [int(group) for group in order]
    drawn: list[list[int]] = []
    for share, left in zip(reversed(shares), (2 if shares[0] > 0 else 1, 1), strict=True):
        chosen = _filled(free, sizes, share * total, left) if share > 0 else []
        free = [group for group in free if group not in chosen]
        drawn.append(chosen)
    test, validation = (np.flatnonzero(np.isin(groups, chosen)) for chosen in drawn)
    return Sides(np.flatnonzero(np.isin(groups, free)), validation, test)


def _filled(free: Sequence[int], sizes: dict[int, int], wanted: float, left: int) -> list[int]:
    """Groups in the order drawn, up to the size wanted; at least one, and at least `left` are left, where there are
    as many."""
    chosen: list[int] = []
    filled = 0.0
    for group in free:
        if filled >= 0.9 * wanted or len(chosen) >= len(free) - left:
            break
        if filled + sizes[group] <= 1.3 * wanted:
            chosen.append(group)
            filled += sizes[group]
    if not chosen and len(free) > 1:
        chosen = [min(free, key=lambda group: sizes[group])]
    return chosen


def divisible(dataset: Dataset) -> Dataset:
    """The dataset with enough documents to divide, where a split is to be cut: as they are, or by their chapters, or
    in stretches. Raises DataError for too little text."""
    train = dataset.parts["train"]
    if sum(len(text) for text in train.texts) < FEWEST_CHARACTERS:
        found = f"there are only {sum(len(text) for text in train.texts):,} characters of text to learn from"
        raise refuse(train.file, found, f"give at least {FEWEST_CHARACTERS:,}, better some hundred thousand")
    if len(train) >= FEWEST or {"validation", "test"} <= set(dataset.parts):
        return dataset
    assert isinstance(train.targets, Titles)
    lines = zip(train.targets.names, train.lines.tolist(), train.texts, strict=True)
    given = [Piece(name, line, text) for name, line, text in lines]
    divided = [by_headings(piece) for piece in given]
    how = "their chapters are"
    if sum(map(len, divided)) < FEWEST:
        divided = [stretches(piece, -(-STRETCHES // len(given))) for piece in given]
        how = "stretches of whole paragraphs are"
    said = (
        f"{count_of(len(given), 'document')} cannot be divided: {how} taken for documents ({sum(map(len, divided))})."
    )
    files = [file for file, parts in zip(train.targets.files, divided, strict=True) for _ in parts]
    cut = _rows([piece for parts in divided for piece in parts], files, train.file)
    return replace(dataset, parts=dataset.parts | {"train": cut}, notes=(*dataset.notes, said))


def _rows(found: Sequence[Piece], files: Sequence[str], file: str) -> Rows:
    texts = TextSpool()
    texts.add([piece.text for piece in found])
    titles = Titles(tuple(piece.name for piece in found), tuple(files))
    lines = np.array([piece.line for piece in found], dtype=np.int64)
    return Rows(Texts(texts.finish()), titles, lines, file)


def document_sides(
    rows: Rows, keys: NDArray[np.uint64], wanted: Mapping[SplitName, float | None], seed: int
) -> dict[SplitName, Integers]:
    """Positions of each split that is cut from `rows`, train included. `wanted`: the shares of those to be cut; None
    for SHARE. Raises DataError where there are too few documents."""
    lengths = np.fromiter((len(text) for text in rows.texts), np.int64, len(rows))
    shares = tuple(wanted[name] or SHARE if name in wanted else 0.0 for name in ("validation", "test"))
    groups = np.unique(keys, return_inverse=True)[1].astype(np.int64)
    found = sides(lengths, groups, (shares[0], shares[1]), seed)
    cut: dict[SplitName, Integers] = {"validation": found.validation, "test": found.test}
    cut = {name: positions for name, positions in cut.items() if name in wanted}
    short = [name for name, positions in cut.items() if not len(positions)]
    if short:
        text = f"{count_of(len(rows), 'document')} are too few to hold some out for {' and '.join(short)}"
        raise refuse(rows.file, text, "give more documents, or files with --validation and --test")
    return {**cut, "train": found.train}


def about_documents(parts: Mapping[SplitName, Rows]) -> Iterable[str]:
    """Sentences about the splits: their sizes, and passages of held-out text that also stand in train."""
    for name, rows in parts.items():
        size = sum(len(text) for text in rows.texts)
        yield f"{name}: {count_of(len(rows), 'document')}, {size:,} characters."
    known = Known(parts["train"].texts)
    for name in ("validation", "test"):
        found = [known.overlap(text) for text in parts[name].texts]
        words, copied = sum(one.words for one in found), sum(one.copied for one in found)
        if words and copied / words >= TOLD:
            longest = max(((one.longest, number) for number, one in enumerate(found) if one.longest), key=_size)
            text = parts[name].texts[longest[1]][longest[0].start : longest[0].stop]
            shown = " ".join(text.split())
            shown = shown if len(shown) <= 90 else shown[:89] + "…"
            yield f"{copied / words:.1%} of {name}'s words stand in passages that train has too, such as “{shown}”."


def _size(found: tuple[Passage, int]) -> int:
    return found[0].words
