"""Names found in texts against the names that are there: every number that follows, by the rules of conlleval.

A name is right when its first character, its last character and its type are (Tjong Kim Sang and De Meulder 2003,
section 2.3); on words with tags that is conlleval's rule, once tags are read as chunks (`data/tags.py`). Precision,
recall and F1 over all names are micro averages; `macro_f1` is the mean over types. A score whose denominator is zero
is 0, as in that script.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from graft.data.columns.marked import Marks
from graft.data.spans import Span, Spans
from graft.data.tags import Tagset
from graft.tasks.task import Floats, Ints, Logits, Scores

METRICS = ("entity_f1", "entity_precision", "entity_recall", "entity_macro_f1", "word_accuracy", "word_loss")
VALIDATION_METRICS = ("entity_f1", "entity_macro_f1", "word_accuracy", "word_loss")
UNREAD = -(2.0**14)  # every logit of a word that no token speaks for: no answer (the same number in bf16)
Kind = Literal["right", "type", "boundary", "both", "missed", "invented"]
KINDS: tuple[Kind, ...] = ("right", "type", "boundary", "both", "missed", "invented")


@dataclass(frozen=True, slots=True)
class NameCounts:
    """Names per row and type: rows × types each."""

    truth: Ints
    found: Ints
    hits: Ints


def count_names(truth: Spans, found: Spans, types: int) -> NameCounts:
    """Names that are there, that were found, and that were found right, per row and type."""
    return NameCounts(
        _per_row(truth, np.ones(len(truth.codes), np.bool_), types),
        _per_row(found, np.ones(len(found.codes), np.bool_), types),
        _per_row(found, matched(truth, found), types),
    )


def log_shares(logits: Logits) -> Floats:
    """Log-probabilities of logits (words × tags). Raises ValueError where these are not finite."""
    if not np.isfinite(logits).all():
        raise ValueError("logits are not finite")
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True, initial=-np.inf)
    shares: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shares


def unread(logits: Logits) -> NDArray[np.bool_]:
    """Which words no token speaks for: the limit cut them, or the tokenizer drops their characters."""
    silent: NDArray[np.bool_] = (logits == UNREAD).all(axis=1)
    return silent


def said(logits: Logits, tagset: Tagset) -> NDArray[np.int32]:
    """The likeliest tag of each word, as its code; a word that was not read is in no name."""
    codes = logits.argmax(axis=1) if len(logits) else np.zeros(0, np.int64)
    return np.where(unread(logits), tagset.outside, codes).astype(np.int32)


class AnsweredNames:
    """The names that logits (words × tags) find, beside the true ones."""

    def __init__(self, logits: Logits, marks: Marks, tagset: Tagset) -> None:
        wanted = len(marks.words.starts), len(tagset.names)
        if logits.shape != wanted:
            raise ValueError(f"logits {logits.shape} are not {wanted[0]} words × {wanted[1]} tags")
        truth, answers = tagset.encode(marks.spans, marks.words), said(logits, tagset)
        self.found = tagset.decode(answers, marks.words)
        self.counts = count_names(marks.spans, self.found, len(tagset.types))
        answered = ~unread(logits)
        self.read = np.bincount(marks.words.rows, truth >= 0, minlength=len(marks))  # words with a loss
        loss = np.where(truth >= 0, -log_shares(logits)[np.arange(len(truth)), truth], 0.0)  # unread: of all tags alike
        self.losses = np.bincount(marks.words.rows, loss, minlength=len(marks))  # of each row, summed
        self._right = np.bincount(marks.words.rows, truth == answers, minlength=len(marks))
        self.unread = int((~answered).sum())
        self._words = marks.words.counts

    def __len__(self) -> int:
        return len(self._words)

    def score(self, drawn_RB: Ints | None = None) -> Scores:
        """A type that a resample has not keeps its value of all rows."""
        times_RN = np.ones((1, len(self)))
        if drawn_RB is not None:
            times_RN = np.stack([np.bincount(drawn, minlength=len(self)) for drawn in drawn_RB]).astype(np.float64)
        truth, found, hits = (times_RN @ part for part in (self.counts.truth, self.counts.found, self.counts.hits))
        words = np.maximum(times_RN @ self._words, 1)
        per_type = _scores(truth, found, hits)
        if drawn_RB is not None:
            whole = self.score().per_name
            absent = truth + found == 0
            per_type = {name: np.where(absent, whole[name], values) for name, values in per_type.items()}
        micro = _scores(truth.sum(axis=1), found.sum(axis=1), hits.sum(axis=1))
        metrics = {f"entity_{name}": values for name, values in micro.items()}
        metrics |= {
            "entity_macro_f1": per_type["f1"].mean(axis=1),
            "word_accuracy": times_RN @ self._right / words,
            "word_loss": times_RN @ self.losses / np.maximum(times_RN @ self.read, 1),
        }
        return Scores({name: metrics[name] for name in METRICS}, per_type)


def _scores(truth: Floats, found: Floats, hits: Floats) -> dict[str, Floats]:
    return {
        "precision": hits / np.maximum(found, 1),
        "recall": hits / np.maximum(truth, 1),
        "f1": 2 * hits / np.maximum(truth + found, 1),
    }


def _per_row(spans: Spans, counted: NDArray[np.bool_], types: int) -> Ints:
    cells = (spans.rows * types + spans.codes)[counted]
    return np.bincount(cells, minlength=len(spans) * types).reshape(-1, types)


def matched(truth: Spans, found: Spans) -> NDArray[np.bool_]:
    """For each found name, whether it is among the true ones of its row: the same ends and the same type."""
    both = [np.concatenate((one, other)) for one, other in zip(_keys(truth), _keys(found), strict=True)]
    is_found = np.repeat([False, True], [len(truth.codes), len(found.codes)])
    order = np.lexsort((is_found, *both))
    columns = np.stack([column[order] for column in both])
    same = np.zeros(len(order), np.bool_)
    same[1:] = (columns[:, 1:] == columns[:, :-1]).all(axis=0) & is_found[order][1:] & ~is_found[order][:-1]
    hits = np.zeros(len(order), np.bool_)
    hits[order] = same
    return hits[len(truth.codes) :]


def _keys(spans: Spans) -> list[Ints]:
    return [spans.rows, *(column.astype(np.int64) for column in (spans.starts, spans.ends, spans.codes))]


@dataclass(frozen=True, slots=True)
class Met:
    """A true name and a found one that belong together; None where there is no other."""

    truth: Span | None
    found: Span | None

    @property
    def kind(self) -> Kind:
        """What is wrong with it, in the terms of MUC-5 (Chinchor and Sundheim 1993)."""
        if self.found is None:
            return "missed"
        if self.truth is None:
            return "invented"
        same_ends, same_type = self.truth[:2] == self.found[:2], self.truth[2] == self.found[2]
        if same_ends:
            return "right" if same_type else "type"
        return "boundary" if same_type else "both"


def meet(truth: list[Span], found: list[Span]) -> list[Met]:
    """The names of one row in pairs: those with the same ends first, then those that overlap most; then single ones."""
    left, right = list(truth), list(found)
    pairs: list[Met] = []
    overlaps = [(min(a[1], b[1]) - max(a[0], b[0]), a[:2] == b[:2], a, b) for a in truth for b in found]
    for shared, _, a, b in sorted(overlaps, key=lambda item: (not item[1], -item[0], item[2])):
        if shared > 0 and a in left and b in right:
            left.remove(a)
            right.remove(b)
            pairs.append(Met(a, b))
    return [*pairs, *(Met(a, None) for a in left), *(Met(None, b) for b in right)]
