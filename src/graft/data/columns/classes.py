"""From each part's own labels to one list of classes, matched by name and never by order of appearance."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from graft.data.columns.labels import INTEGER, Label
from graft.data.invisible import as_seen, hidden_in
from graft.data.options import ReadOptions
from graft.data.stream import Problems
from graft.data.wording import count_of, some_of
from graft.records import SplitName

LONGEST = 500  # characters of a class's name
PartLabels = Mapping[SplitName, Sequence[Label]]


def sorted_names(names: Sequence[str]) -> tuple[str, ...]:
    """Class names by number where all are whole numbers, else by name."""
    if all(INTEGER.fullmatch(name) for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def match_classes(
    parts: PartLabels, options: ReadOptions, problems: Mapping[SplitName, Problems], notes: list[str]
) -> tuple[tuple[str, ...], dict[SplitName, NDArray[np.int32]]]:
    """The classes, and for each part the class code of each of its labels.

    Classes are those of the train part. A label of another part that train lacks is a problem of that part's file,
    and so are variants of one name in case or spaces, unless the options keep or fold them.
    """
    merged = _merged(parts)
    if options.labels != "exact":
        _refuse_odd_names(parts, problems)
    variants = {} if options.labels == "exact" else _variants(merged)
    renamed: dict[str, str] = {}
    if options.labels == "fold":
        renamed = _folded(variants, merged, notes)
    elif variants:
        _refuse_variants(variants, merged, parts, problems)
    classes = sorted_names(list({renamed.get(label.name, label.name) for label in parts["train"]}))
    codes = {name: code for code, name in enumerate(classes)}
    maps: dict[SplitName, NDArray[np.int32]] = {}
    excused = {name for group in variants.values() for name in group} | {n for n in merged if hidden_in(n)}
    for split, labels in parts.items():
        maps[split] = _codes_of(labels, renamed, codes, problems[split], excused)
        present = {renamed.get(label.name, label.name) for label in labels}
        absent = [name for name in classes if name not in present]
        if absent and labels:
            notes.append(f"{problems[split].file}: no row of {some_of(absent)}.")
    return classes, maps


def _refuse_odd_names(parts: PartLabels, problems: Mapping[SplitName, Problems]) -> None:
    """Names that nobody can tell apart, or read: with hidden characters, or as long as a text."""
    for split, labels in parts.items():
        for label in labels:
            if hidden := hidden_in(label.name):
                found = f"the label {label.name[:60]!r} holds a character that is not seen, {hidden}"
                problems[split].add("hidden", label.line, found, "remove it, or keep it with --labels exact")
            if len(label.name) > LONGEST:
                found = f"a label has {len(label.name):,} characters: {label.name[:40]!r}…"
                remedy = "name the column that holds the classes with --label, or keep it with --labels exact"
                problems[split].add("long label", label.line, found, remedy)


def _codes_of(
    labels: Sequence[Label], renamed: Mapping[str, str], codes: Mapping[str, int], problems: Problems, excused: set[str]
) -> NDArray[np.int32]:
    mapped = np.full(max(1, len(labels)), -1, np.int32)
    for place, label in enumerate(labels):
        name = renamed.get(label.name, label.name)
        mapped[place] = codes.get(name, -1)
        if name not in codes and label.name not in excused:
            near = difflib.get_close_matches(name, codes, n=1)
            mend = f"did you mean {near[0]!r}?" if near else "correct it, or add rows of this class to the train file"
            found = f"the label {name!r} ({count_of(label.rows, 'row')}) does not occur in train"
            problems.add("unseen", label.line, found, mend)
    return mapped


def _merged(parts: PartLabels) -> dict[str, int]:
    """Rows of each label over all parts."""
    rows: dict[str, int] = {}
    for labels in parts.values():
        for label in labels:
            rows[label.name] = rows.get(label.name, 0) + label.rows
    return rows


def _variants(merged: Mapping[str, int]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in (name for name in merged if hidden_in(name) is None):  # the others are refused one by one
        groups.setdefault(as_seen(name), []).append(name)
    return {key: sorted(names) for key, names in groups.items() if len(names) > 1}


def _folded(variants: Mapping[str, list[str]], merged: Mapping[str, int], notes: list[str]) -> dict[str, str]:
    """Each variant's new name: that of the most frequent one of its group."""
    renamed: dict[str, str] = {}
    for names in variants.values():
        kept = max(names, key=lambda name: merged[name])
        renamed |= dict.fromkeys(names, kept)
        others = ", ".join(f"{name!r} ({count_of(merged[name], 'row')})" for name in names if name != kept)
        notes.append(f"labels {others} were merged into {kept!r}, as asked by --labels fold.")
    return renamed


def _refuse_variants(
    variants: Mapping[str, list[str]],
    merged: Mapping[str, int],
    parts: PartLabels,
    problems: Mapping[SplitName, Problems],
) -> None:
    for names in variants.values():
        rare = min(names, key=lambda name: merged[name])
        split, label = next((split, label) for split, found in parts.items() for label in found if label.name == rare)
        shown = ", ".join(f"{name!r} ({count_of(merged[name], 'row')})" for name in names)
        found = f"labels differ only in case or spaces: {shown}"
        remedy = "correct them, or merge them with --labels fold, or keep them apart with --labels exact"
        problems[split].add("variants", label.line, found, remedy)
