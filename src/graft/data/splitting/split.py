"""From what was read to train, validation and test: given splits are kept, missing ones are cut from train.

Labels of the test split are read here to stratify and to count, and nowhere else before evaluation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from graft.data.answers import Answers
from graft.data.documents import WRITE
from graft.data.references import REWRITE, about_rewrites, all_same
from graft.data.splitting.document_split import about_documents, divisible, document_sides
from graft.data.splitting.duplicates import Keys, count_conflicts, count_duplicates, duplicate_keys
from graft.data.splitting.stratify import Mask, held_out
from graft.data.spool import TextSpool
from graft.data.stream import refuse
from graft.data.table import Dataset, Rows, Splits, Texts
from graft.data.targets import kinds
from graft.data.wording import count_of, some_of
from graft.errors import RecipeError
from graft.records import LEAKY, DataSummary, SplitName, SplitSummary

FEWEST_ROWS = 10
BLOCK = 4096
Leaks = dict[SplitName, tuple[int, str]]  # of held-out splits: rows that were seen before, and where
JOINT = "\n\0\n"  # between the texts of a pair; no file may hold a NUL
NAMES: tuple[SplitName, ...] = ("train", "validation", "test")


def split(dataset: Dataset, *, validation: float | None = None, test: float | None = None, seed: int = 0) -> Splits:
    """Train, validation and test rows of a dataset, with a summary.

    `validation` and `test` are shares of all rows read as train, used where that split was not given. None chooses:
    for test 0.2, at most 10,000 rows (accuracy is then known to ±1 point); for validation 0.1, but at least 200 rows
    (or a fifth of the rows, if that is less) and at most 2,000, beyond which choosing among epochs gains nothing.

    Documents to learn a style from are cut whole, by their characters: 0.1 for each.

    Cuts are stratified by class; rows whose texts are the same after normalisation stay together, and so do questions
    about one article (or, where there are few, one context); the same file, shares and seed give the same splits.
    Raises DataError for fewer than 10 rows, RecipeError for impossible shares or an impossible seed.
    """
    _check(validation, test, seed)
    writes = dataset.task == WRITE
    dataset = divisible(dataset) if writes else dataset
    train = dataset.parts["train"]
    if len(train) < FEWEST_ROWS and not writes:
        found = f"there are only {len(train)} labelled rows to train on"
        raise refuse(train.file, found, f"give at least {FEWEST_ROWS}, better some hundreds")
    if dataset.task == REWRITE and all_same(train):
        found = f"{dataset.columns.text!r} and {dataset.columns.label!r} are the same in every row"
        raise refuse(train.file, found, "name other columns with --text and --label")
    keys = {name: duplicate_keys(_whole(rows)) for name, rows in dataset.parts.items()}
    if writes:
        asked: dict[SplitName, float | None] = {"validation": validation, "test": test}
        wanted = {name: share for name, share in asked.items() if name not in dataset.parts}
        sides = document_sides(train, keys["train"], wanted, seed) if wanted else {}
    else:
        sides = _sides(dataset, _together(train, keys["train"]), (validation, test), seed)
    parts = {**dataset.parts, **_cut(train, sides)}
    leaks = _leaks(dataset, keys, sides)
    notes = [*dataset.notes, *(about_documents(parts) if writes else _notes(dataset, parts, keys, leaks))]
    summary = _summary(dataset, parts, keys, leaks, (seed, notes))
    return Splits(parts["train"], parts["validation"], parts["test"], summary)


def _check(validation: float | None, test: float | None, seed: int) -> None:
    for name, share in (("validation", validation), ("test", test)):
        if share is not None and not 0 < share < 1:
            raise RecipeError(f"The {name} share cannot be {share}.", "give a number between 0 and 1, such as 0.1.")
    if (validation or 0) + (test or 0) >= 1:
        raise RecipeError("The validation and test shares leave nothing to train on.", "give shares that add to less.")
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise RecipeError(f"The split seed cannot be {seed!r}.", "give a whole number from 0 to 2**63 - 1.")


def _validation_rows(rows: int, share: float | None) -> int:
    if share is not None:
        return max(1, round(share * rows))
    return max(1, min(2000, max(round(0.1 * rows), min(200, rows // 5))))


def _test_rows(rows: int, share: float | None) -> int:
    return max(1, round(share * rows)) if share is not None else max(1, min(10_000, round(0.2 * rows)))


def _sides(
    dataset: Dataset, keys: Keys, shares: tuple[float | None, float | None], seed: int
) -> dict[SplitName, NDArray[np.int64]]:
    """Positions in the given train part of each split that is cut from it, train itself included, in file order."""
    strata, rows = dataset.parts["train"].targets.strata(), len(keys)
    generator = np.random.default_rng(seed)
    free = np.arange(rows)
    sides: dict[SplitName, NDArray[np.int64]] = {}
    wanted: dict[SplitName, int] = {
        "test": _test_rows(rows, shares[1]),
        "validation": _validation_rows(rows, shares[0]),
    }
    for name, count in wanted.items():
        if name in dataset.parts:
            continue
        chosen: Mask = held_out(keys[free], strata[free], count, generator)
        if not chosen.any():
            found = f"no {name} split can be cut: too few different texts per class"
            raise refuse(dataset.parts["train"].file, found, f"give more rows, or a file with --{name}")
        sides[name], free = free[chosen], free[~chosen]
    return {**sides, "train": free} if sides else {}


def _cut(rows: Rows, sides: Mapping[SplitName, NDArray[np.int64]]) -> dict[SplitName, Rows]:
    """The rows of each side, in one pass over the texts, so that a million of them need little memory."""
    texts = _dealt(rows.texts, sides)
    seconds = _dealt(rows.seconds, sides) if rows.seconds is not None else {}
    return {
        name: Rows(texts[name], rows.targets.take(positions), rows.lines[positions], rows.file, seconds.get(name))
        for name, positions in sides.items()
    }


def _dealt(texts: Texts, sides: Mapping[SplitName, NDArray[np.int64]]) -> dict[SplitName, Texts]:
    spools = {name: TextSpool() for name in sides}
    for start in range(0, len(texts) if sides else 0, BLOCK):
        block = texts[start : start + BLOCK]
        for name, positions in sides.items():
            first, last = np.searchsorted(positions, (start, start + BLOCK))
            spools[name].add([block[position - start] for position in positions[first:last].tolist()])
    return {name: Texts(spool.finish()) for name, spool in spools.items()}


class _Pairs(Sequence[str]):
    """Pairs as one text each, so that they are compared and counted whole."""

    def __init__(self, firsts: Texts, seconds: Texts) -> None:
        self._both = firsts, seconds

    def __len__(self) -> int:
        return len(self._both[0])

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, int):
            return JOINT.join(texts[index] for texts in self._both)
        return [JOINT.join(pair) for pair in zip(*(texts[index] for texts in self._both), strict=True)]

    def __iter__(self) -> Iterator[str]:
        return (JOINT.join(pair) for pair in zip(*self._both, strict=True))


def _whole(rows: Rows) -> Sequence[str]:
    """Each row's text; of pairs both, as one."""
    return rows.texts if rows.seconds is None else _Pairs(rows.texts, rows.seconds)


@dataclass(frozen=True, slots=True)
class _Scan:
    empty: int
    digest: str


def _scan(rows: Rows, classes: tuple[str, ...]) -> _Scan:
    """One pass over a split: empty texts, and sha256 over each row's text and target with their lengths."""
    digest, empty = hashlib.sha256(), 0
    whole = _whole(rows)
    for start in range(0, len(rows), BLOCK):
        texts = whole[start : start + BLOCK]
        names = rows.targets.shown(classes, start, start + BLOCK)
        empty += sum(not text.strip() for text in texts)
        lines = (f"{len(text)}:{text}{len(name)}:{name}\n" for text, name in zip(texts, names, strict=True))
        digest.update("".join(lines).encode())
    return _Scan(empty, digest.hexdigest())


def _summary(
    dataset: Dataset,
    parts: Mapping[SplitName, Rows],
    keys: Mapping[SplitName, Keys],
    leaks: Leaks,
    told: tuple[int, list[str]],
) -> DataSummary:
    """`told`: the seed of the cut, and what there is to say."""
    summaries, (seed, notes) = [], told
    for name in NAMES:
        rows, scan = parts[name], _scan(parts[name], dataset.classes)
        per_class = rows.targets.counts(dataset.classes)
        made = name not in dataset.parts
        seen = leaks.get(name, (0, "train"))
        summaries.append(SplitSummary(name, len(rows), per_class, made, scan.empty, scan.digest, *seen))
    empty = sum(summary.empty for summary in summaries)
    if empty:
        notes.append(f"{count_of(empty, 'empty text')} kept: the model reads an empty sequence.")
    return DataSummary(
        name=dataset.name,
        task=dataset.task,
        columns=dataset.columns,
        classes=dataset.classes,
        sources=dataset.sources,
        splits=tuple(summaries),
        seed=int(seed),
        duplicates=count_duplicates(np.concatenate(list(keys.values()))),
        notes=tuple(notes),
    )


def _leaks(dataset: Dataset, keys: Mapping[SplitName, Keys], sides: Mapping[SplitName, NDArray[np.int64]]) -> Leaks:
    """For each held-out split, its rows whose normalised text (of questions: context) was seen before, and where: in
    the given train (from which what is cut shares none), or, for test, in a given validation, by which a model is
    chosen."""
    read = {name: _read(dataset.parts[name], found) for name, found in keys.items()}
    before: dict[SplitName, list[SplitName]] = {"validation": ["train"], "test": ["train", "validation"]}
    leaks: Leaks = {}
    for name, earlier in before.items():
        rows = read["train"][sides[name]] if name in sides else read[name]
        known = [one for one in earlier if one in read and not (one == "train" and name in sides)]
        met = {one: np.isin(rows, read[one]) for one in known}
        if met:
            where = " or ".join(one for one, found in met.items() if found.any())
            leaks[name] = int(np.logical_or.reduce(list(met.values())).sum()), where or "train"
    return leaks


def _read(rows: Rows, keys: Keys) -> Keys:
    """Of questions keys of what they are asked about, of pairs of both texts in either order: what a model would know
    again."""
    return rows.targets.context_keys() if isinstance(rows.targets, Answers) else _together(rows, keys)


def _together(rows: Rows, keys: Keys) -> Keys:
    """Keys of what must not lie on two sides of a cut; of a pair, whichever of its texts is the first."""
    if isinstance(rows.targets, Answers):
        return rows.targets.groups()[0]
    return keys if rows.seconds is None else duplicate_keys(rows.texts) + duplicate_keys(rows.seconds)


def _notes(
    dataset: Dataset, parts: Mapping[SplitName, Rows], keys: Mapping[SplitName, Keys], leaks: Leaks
) -> list[str]:
    made = [name for name in NAMES if name not in dataset.parts]
    notes = [f"{name} ({count_of(len(parts[name]), 'row')}) was cut from train." for name in made]
    single = _classes_with(parts["train"], dataset.classes, 1)
    if single:
        notes.append(f"classes with a single row in train: {some_of(single)}. One row teaches little.")
    for name in made:
        if absent := _classes_with(parts[name], dataset.classes, 0):
            notes.append(f"{name} has no row of {some_of(absent)}: too few different texts.")
    train = dataset.parts["train"].targets
    asks = isinstance(train, Answers)
    if isinstance(train, Answers) and made:
        notes.append(f"Questions about one {train.groups()[1]} lie in one split.")
    for name, (rows, where) in leaks.items():
        if rows:
            share = rows / len(parts[name])
            said = f"{count_of(rows, 'question' if asks else 'text')} of {name} ({share:.1%})"
            about = " about contexts that are" if asks else ""
            notes.append(_about_leaks(f"{said}{about} also in {where}", name, where, share))
    targets = kinds((dataset.parts[name].targets for name in keys), dataset.classes)
    texts, rows = count_conflicts(np.concatenate(list(keys.values())), targets)
    if texts:
        what = "targets" if dataset.task == REWRITE else "labels"
        notes.append(f"{count_of(texts, 'text')} with different {what} ({count_of(rows, 'row')}); all were kept.")
    return [*notes, *(about_rewrites(parts) if dataset.task == REWRITE else ())]


def _about_leaks(said: str, name: str, where: str, share: float) -> str:
    if share < LEAKY:
        return f"{said}; left there."
    tells = "what the model remembers" if "train" in where else "what it was chosen by"
    tells = f"numbers on them tell {tells}, not how it answers new texts"
    return f"WARNING: {said}: {tells}. Give other rows with --{name}, or one file, which graft splits itself."


def _classes_with(rows: Rows, classes: tuple[str, ...], count: int) -> list[str]:
    """The classes that have exactly this many rows."""
    return [name for name, found in rows.targets.counts(classes).items() if found == count]
