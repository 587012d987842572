"""Which column holds the texts and which the labels: named by the person, or inferred from names and values.

Nothing is guessed where two answers are likely: then the candidates are listed and the person names one.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from graft.data.columns.likely import other_task
from graft.data.columns.names import LABEL_NAMES, SURE_LABELS, TEXT_NAMES, are_pair, is_id
from graft.data.columns.profile import Profile
from graft.data.stream import Problems
from graft.data.wording import some_of
from graft.records import Columns


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person named; None where it is to be inferred. `labelled`: whether a label column is needed; `learnt`:
    columns of texts that are taken where all are there and none is named."""

    text: str | None = None
    label: str | None = None
    labelled: bool = True
    second: str | None = None  # of pairs of texts
    learnt: tuple[str, ...] = ()

    def within(self, names: Collection[str]) -> Wanted:
        """The same for a source with columns of these names."""
        if self.text is not None or not self.learnt or not set(self.learnt) <= set(names):
            return self
        text, second = (*self.learnt, None)[:2]
        return replace(self, text=text, second=second)


Choice = tuple[str, str]  # column, why
Named = str | tuple[str, str] | None  # a column of texts, two columns of pairs, or none named


def wanted(text: Named, label: str | None, labelled: bool = True) -> Wanted:
    """What was named, from what `read` takes."""
    if text is None or isinstance(text, str):
        return Wanted(text, label, labelled)
    first, second = text
    return Wanted(first, label, labelled, second)


def choose(profiles: Sequence[Profile], wanted: Wanted, problems: Problems) -> Columns | None:
    """The columns to use; None, with the reason added to `problems`, when they cannot be told."""
    texts = _texts(profiles, wanted, problems)
    if texts is None:
        return None
    names = [name for name, _ in texts]
    second = names[1] if len(names) > 1 else ""
    why = f"texts {names[0]!r} and {second!r}: {texts[0][1]}" if second else f"text {names[0]!r}: {texts[0][1]}"
    if not wanted.labelled:
        return Columns(names[0], "", f"{why}.", second)
    if wanted.label:
        label = _named(profiles, wanted.label, "label", problems)
    else:
        label = _infer_label(profiles, names, problems)
    if label is None:
        return None
    if len({*names, label[0]}) <= len(names):
        twice = label[0] if label[0] in names else names[0]
        found = f"{twice!r} cannot be both the text and the {'label' if twice == label[0] else 'second text'}"
        problems.add("columns", None, found, "name different columns with --text, --text-pair and --label")
        return None
    return Columns(names[0], label[0], f"{why}; label {label[0]!r}: {label[1]}.", second)


def _texts(profiles: Sequence[Profile], wanted: Wanted, problems: Problems) -> list[Choice] | None:
    """The column of texts, or the two of pairs, each with the reason."""
    if wanted.text:
        asked = [("text", wanted.text), *([("text-pair", wanted.second)] if wanted.second else [])]
        named = [found for role, name in asked if (found := _named(profiles, name, role, problems))]
        return named if len(named) == len(asked) else None
    return _infer_texts(profiles, wanted, problems)


def missing_column(name: str, names: Sequence[str], role: str) -> tuple[str, str]:
    """(found, remedy) for a column that is not there, with the nearest one that is."""
    near = difflib.get_close_matches(name.lower(), [other.lower() for other in names], n=1, cutoff=0.5)
    remedy = f"name one of them with --{role}"
    if near:
        match = next(other for other in names if other.lower() == near[0])
        remedy = f"did you mean --{role} {match}?"
    return f"there is no column {name!r}; the columns are: {some_of(names)}", remedy


def _named(profiles: Sequence[Profile], name: str, role: str, problems: Problems) -> Choice | None:
    names = [profile.name for profile in profiles]
    if name not in names:
        problems.add("columns", None, *missing_column(name, names, role))
        return None
    profile = profiles[names.index(name)]
    if role != "label" and profile.kind in ("numbers", "lists"):
        remedy = _text_remedy([other for other in profiles if other.kind == "words"])
        problems.add("columns", None, f"the column {name!r} holds {profile.kind}, not texts", remedy)
        return None
    return name, "named by you"


def _infer_texts(profiles: Sequence[Profile], wanted: Wanted, problems: Problems) -> list[Choice] | None:
    usable = [profile for profile in profiles if profile.kind == "words" and not is_id(profile.name)]
    usable = [profile for profile in usable if profile.name != wanted.label]
    texts = [profile for profile in usable if profile.name.lower() not in LABEL_NAMES]
    if not texts:
        kinds = ", ".join(f"{profile.name!r} ({profile.kind})" for profile in profiles)
        words = not usable and any(profile.kind == "lists" for profile in profiles)
        remedy = "to tag words that stand in lists: --task token-classification" if words else _text_remedy(usable)
        problems.add("columns", None, f"no column looks like texts; the columns are: {kinds}", remedy)
        return None
    for first in texts:
        for second in texts:
            if first is not second and are_pair(first.name, second.name):
                why = f"by their names, a pair; one side alone: --text {first.name}"
                return [(first.name, why), (second.name, why)]
    best = _best_text(texts, problems)
    return [best] if best else None


def _best_text(texts: Sequence[Profile], problems: Problems) -> Choice | None:
    if len(texts) == 1:
        return texts[0].name, "the only column of texts"
    sure = [profile for profile in texts if profile.name.lower() == "text"]
    if sure:
        return sure[0].name, "by its name"
    ranked = sorted(texts, key=lambda profile: profile.length, reverse=True)
    rivals = [profile for profile in ranked[1:] if profile.is_prose and profile.length >= 0.4 * ranked[0].length]
    known = [profile for profile in [ranked[0], *rivals] if profile.name.lower() in TEXT_NAMES]
    if rivals and len(known) == 1:
        return known[0].name, "by its name"
    if rivals:
        names = [ranked[0].name, *(profile.name for profile in rivals)]
        found = f"more than one column looks like texts: {some_of(names)}"
        problems.add("columns", None, found, f"name the one to classify, for example --text {shlex.quote(names[0])}")
        return None
    return ranked[0].name, f"the longest texts ({ranked[0].length:.0f} characters on average)"


def _infer_label(profiles: Sequence[Profile], texts: Sequence[str], problems: Problems) -> Choice | None:
    others = [profile for profile in profiles if profile.name not in texts and profile.kind != "empty"]
    for sure in SURE_LABELS:
        for profile in others:
            if profile.name.lower() == sure:
                return profile.name, "by its name"
    known = [profile for profile in others if profile.name.lower() in LABEL_NAMES]
    likely = known or [profile for profile in others if profile.is_classes and not is_id(profile.name)]
    if len(likely) == 1:
        why = "by its name" if known else f"the only column with few distinct values ({likely[0].distinct})"
        return likely[0].name, why
    names = [profile.name for profile in likely]
    if likely:
        found = f"more than one column could be the label: {some_of(names)}"
        problems.add("columns", None, found, f"name it, for example --label {shlex.quote(names[0])}")
        return None
    problems.add("no label", None, *_no_label(profiles, texts))
    return None


def _no_label(profiles: Sequence[Profile], texts: Sequence[str]) -> tuple[str, str]:
    """(found, remedy) where no column holds labels; all columns are listed, as one of them may be called unusually."""
    other = other_task(profiles, texts)
    names = [profile.name for profile in profiles]
    if set(names) <= set(texts):
        alone = f"{names[0]!r} is the only column" if len(names) == 1 else f"the only columns are {some_of(names)}"
        remedy = "add a column named label, or write plain lines as label<TAB>text or __label__name text"
        return f"there are texts but no labels: {alone}", remedy + other
    found = f"no column looks like a label; the columns are: {some_of(names, len(names))}"
    return found, "add a column named label, or name the one that holds the classes with --label" + other


def _text_remedy(usable: Sequence[Profile]) -> str:
    if usable:
        return f"name the column of texts, for example --text {shlex.quote(usable[0].name)}"
    return "give a table with a column of texts"
