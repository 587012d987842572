"""Which columns hold a text and what it is to be rewritten as: named by the person, or by the names in common use."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graft.data.columns.columns import Wanted, missing_column
from graft.data.columns.labels import Label
from graft.data.columns.names import is_id
from graft.data.columns.profile import Profile
from graft.data.options import ReadOptions
from graft.data.references import References
from graft.data.spool import TextSpool
from graft.data.stream import Problems
from graft.data.table import Texts
from graft.data.wording import some_of
from graft.records import Columns

PAIRS = (
    ("source", "target"), ("src", "tgt"), ("src", "trg"), ("document", "summary"), ("document", "summaries"),
    ("dialogue", "summary"), ("article", "highlights"), ("article", "summary"), ("text", "summary"),
    ("input", "output"), ("input_text", "target_text"), ("text", "target"), ("text", "target_text"),
    ("text", "rewrite"), ("text", "rewritten"), ("original", "rewrite"), ("original", "rewritten"),
    ("original", "simplified"), ("original", "simplification"), ("complex", "simple"), ("normal", "simple"),
    ("noisy", "clean"), ("incorrect", "correct"), ("input", "target"), ("prompt", "completion"),
    ("question", "answer"), ("informal", "formal"), ("body", "title"), ("text", "title"), ("article", "title"),
)  # fmt: skip


def choose_rewrite(profiles: Sequence[Profile], wanted: Wanted, problems: Problems) -> Columns | None:
    """The columns of sources and targets; None, with the reason among the problems, where they cannot be told."""
    names = [profile.name for profile in profiles]
    if wanted.second:
        found = "a text is rewritten from one source, not from a pair of texts"
        problems.add("columns", None, found, "name the source with --text, what it becomes with --label")
        return None
    for role, name in (("text", wanted.text), ("label", wanted.label)):
        if name and name not in names:
            problems.add("columns", None, *missing_column(name, names, role))
            return None
    found_pair = _pair(profiles, wanted)
    if found_pair is None:
        told = f"which column is the source and which its target cannot be told; the columns are: {some_of(names)}"
        problems.add("columns", None, told, "name both, for example --text document --label summary")
        return None
    source, target, why = found_pair
    if source == target:
        found = f"{source!r} cannot be both the source and the target"
        problems.add("columns", None, found, "name different columns with --text and --label")
        return None
    kinds = {profile.name: profile.kind for profile in profiles}
    for name in (source, target):
        if kinds[name] == "numbers" or (name == source and kinds[name] == "lists"):
            problems.add("columns", None, f"the column {name!r} holds {kinds[name]}, not texts", "name another column")
            return None
    return Columns(source, target, f"source {source!r}, target {target!r}: {why}.")


def _pair(profiles: Sequence[Profile], wanted: Wanted) -> tuple[str, str, str] | None:
    """(source, target, why)."""
    if wanted.text and wanted.label:
        return wanted.text, wanted.label, "named by you"
    lower = {profile.name.lower(): profile.name for profile in reversed(profiles)}
    for source, target in PAIRS:
        if source in lower and target in lower:
            pair = lower[source], lower[target]
            if wanted.text in (None, pair[0]) and wanted.label in (None, pair[1]):
                return *pair, "by their names"
    texts = [profile.name for profile in profiles if profile.kind in ("words", "lists") and not is_id(profile.name)]
    if wanted.text or wanted.label:
        others = [name for name in texts if name not in (wanted.text, wanted.label)]
        if len(others) != 1:
            return None
        return wanted.text or others[0], wanted.label or others[0], "one named by you, the only other column of texts"
    return (*texts, "the only two columns of texts, in their order") if len(texts) == 2 else None  # type: ignore[return-value]


class RewriteColumn:
    """Targets row by row: a text, or a list of texts that are equally good."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._spool = TextSpool()
        self._counts = array("q")

    def add(self, value: object, line: int) -> bool:
        """Append one row's references; False, and nothing is appended, when there is none with something in it."""
        given = value if isinstance(value, list | tuple) else [value]
        texts = [text for text in given if text is not None and not (isinstance(text, str) and not text.strip())]
        if not texts:
            return False
        strange = next((text for text in texts if not isinstance(text, str)), None)
        if strange is not None:
            found = f"the target holds {strange!r:.60}, which is no text"
            self._problems.add("target", line, found, "write a string, or a list of strings that are equally good")
        try:
            self._spool.add([text if isinstance(text, str) else "" for text in texts])
        except UnicodeEncodeError:
            found = "the target holds half of a surrogate pair, which is no character"
            self._problems.add("surrogate", line, found, "remove it, or write the file again as UTF-8")
            self._spool.add([""] * len(texts))
        self._counts.append(len(texts))
        return True

    def check(self, column: str, _options: ReadOptions, problems: Problems, _notes: list[str]) -> None:
        """Rows are told one by one as they come."""

    def check_like(self, column: str, problems: Problems) -> None:
        """Rows are told one by one as they come."""

    def labels(self) -> tuple[Label, ...]:
        """Texts are no names."""
        return ()

    def targets(self, _codes: NDArray[np.int32], _names: int) -> References:
        counts = np.frombuffer(self._counts, dtype=np.int64) if self._counts else np.zeros(0, np.int64)
        bounds = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
        return References(Texts(self._spool.finish()), bounds)
