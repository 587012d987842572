"""The section that tells what a run learnt from: its splits, its classes, what the length limit cuts."""

from __future__ import annotations

from collections.abc import Iterator

from graft.records import Manifest, SplitSummary
from graft.report import words
from graft.report.blocks import Block, Column, Facts, Fold, Prose, Section, Table

_NO_CLASSES = ("regression", "question-answering")
_COUNTED = {"multi-label": "Label", "token-classification": "Type"}


def data_section(manifest: Manifest) -> Section:
    """Splits and classes, what the length limit cuts, repeated texts, and the notes that were said while reading."""
    data = manifest.data
    rows = sum(split.rows for split in data.splits)
    noun = words.noun(data.task)
    classes = classes_said(manifest)
    among = f" {'with' if data.task == 'token-classification' else 'in'} {classes}" if classes else ""
    lead = f"{words.plural(rows, noun)}{among} from {_sources(manifest)}."
    blocks: list[Block] = [_classes(manifest)] if any(split.per_class for split in data.splits) else []
    blocks.append(Facts(tuple(_data_facts(manifest))))
    if data.notes:
        blocks.append(Fold(f"{words.plural(len(data.notes), 'note')} from reading", tuple(map(Prose, data.notes))))
    return Section("data", "The data", lead, tuple(blocks))


def classes_said(manifest: Manifest) -> str:
    """How many classes, or types of names; "" for a task whose outputs are a number, or the ends of an answer."""
    names, task = manifest.data.classes, manifest.data.task
    if task == "token-classification":
        # the head's outputs are tags, which say where a name begins, too
        return f"{words.plural(len(_named(manifest)), 'type')} of names"
    return words.plural(len(names), "class") if names and task not in _NO_CLASSES else ""


def _named(manifest: Manifest) -> tuple[str, ...]:
    """The classes, or types of names, that are met in any split."""
    return tuple(dict.fromkeys(name for split in manifest.data.splits for name in split.per_class))


def _sources(manifest: Manifest) -> str:
    paths = [source.path.replace("\\", "/").rsplit("/", 1)[-1] for source in manifest.data.sources]
    return ", ".join(paths) if 0 < len(paths) <= 3 else words.plural(len(paths), "source")


def _classes(manifest: Manifest) -> Table:
    splits, what = manifest.data.splits, _COUNTED.get(manifest.data.task, "Class")
    columns = (
        Column(what),
        *(Column(split.name.capitalize(), "count") for split in splits),
        Column("Share of train", "share"),
    )
    learnt = next((split for split in splits if split.name == "train"), None)
    total = 0
    if learnt:  # a text may have several labels: shares are of texts, unless names are counted
        total = sum(learnt.per_class.values()) if what == "Type" else learnt.rows
    rows = []
    for name in _named(manifest):
        share = learnt.per_class.get(name, 0) / total if learnt and total else None
        rows.append((name, *(split.per_class.get(name, 0) for split in splits), share))
    many = len(rows) > 12
    caption = f"{'Names' if what == 'Type' else 'Texts'} per {what.lower()} and split"
    return Table(caption, columns, tuple(rows), searchable=many, page=10 if many else 0)


def _data_facts(manifest: Manifest) -> Iterator[tuple[str, str]]:
    data, cut, row = manifest.data, manifest.truncation, words.noun(manifest.data.task)
    for split in data.splits:
        empty = f", {split.empty} empty" if split.empty else ""
        yield (
            split.name.capitalize(),
            f"{words.plural(split.rows, row)}{empty}, {_origin(manifest, split)}",
        )
    share, lost = _ratio(cut.texts_cut, cut.texts), _ratio(cut.tokens_cut, cut.tokens)
    said = "no text" if cut.longest <= cut.limit else "read in windows, nothing cut off"
    if cut.texts_cut:
        said = f"{words.percent(share)} of texts, {words.percent(lost)} of tokens cut off"
    yield f"Longer than {cut.limit} tokens", said
    yield "Longest text", words.plural(cut.longest, "token")
    if cut.targets is not None:
        part = words.percent(_ratio(cut.targets.texts_cut, cut.targets.texts))
        yield "Targets cut off", f"{part}; the longest has {words.plural(cut.targets.longest, 'token')}"
    if cut.spelling is not None and cut.spelling.words:
        yield "Tokens per word", words.decimal(cut.spelling.tokens_per_word, 1)
    yield "Repeated texts", words.plural(data.duplicates, "row")
    yield "In train and held-out", words.plural(sum(split.leaks for split in data.splits), "row")
    yield "Seed of the splits", str(data.seed)


def _origin(manifest: Manifest, split: SplitSummary) -> str:
    """Whether a split was given, or given and cut down, or cut from train."""
    if split.made:
        return "split off by graft"
    made = [other.name for other in manifest.data.splits if other.made]
    return f"given, less {' and '.join(made)}" if split.name == "train" and made else "given"


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
