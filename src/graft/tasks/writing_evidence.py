"""Evidence from texts alone: prompts, style scores, what was copied, how much is repeated. No model is known here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graft.data.splitting.passages import RUN, WORD, Known, words_of
from graft.records.evidence import Copied, Novelty, Repetition, StyleScore
from graft.tasks.task import Head
from graft.tasks.writing_repetition import distinct, longest_loop, looped
from graft.tasks.writing_style import FEWEST, Judge

HEAD = Head(auto="AutoModelForCausalLM", problem="", reads="language")
SHOWN = 8  # copied passages that are shown
LONGEST = 600  # characters of a copied passage that are shown
Halves = tuple[Sequence[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Style:
    """Passages of every kind. `held_back`: of the style, not learned from by the language model; the judge's own.

    Neutral and contrast text: what teaches the judge, and what it is tried on.
    """

    held_back: Sequence[str]
    held_out: Sequence[str]
    neutral: Halves
    contrast: Halves
    written: Mapping[str, Sequence[str]]  # by model: "before", "after"


def openings(texts: Iterable[str], count: int, words: int) -> tuple[str, ...]:
    """The first words of paragraphs, evenly over those of all texts, each once: a long text gives more of them."""
    found: list[str] = []
    for text in texts:
        for paragraph in text.split("\n"):
            places = [match.end() for match in WORD.finditer(paragraph)]
            if len(places) >= 4 * words:
                start = next(WORD.finditer(paragraph)).start()
                found.append(paragraph[start : places[words - 1]])
    found = list(dict.fromkeys(found))
    if not found:
        return ("",)
    chosen = np.unique(np.linspace(0, len(found) - 1, min(count, len(found))).astype(int))
    return tuple(found[place] for place in chosen)


def style_scores(style: Style) -> tuple[tuple[StyleScore, ...], tuple[str, ...]]:
    """(scores, a sentence per judge). Without neutral text, the untuned model's own passages stand in for it."""
    scores: list[StyleScore] = []
    judges: list[str] = []
    before = list(style.written["before"])
    given = any(style.neutral)
    kinds = {"neutral": style.neutral if given else (before[::2], before[1::2]), "contrast": style.contrast}
    for kind, (taught, rest) in kinds.items():
        if min(len(style.held_back), len(taught)) < FEWEST:
            continue
        judge = Judge(style.held_back, taught)
        stands_in = kind == "neutral" and not given
        what = "text by the untuned model" if stands_in else f"the {kind} text"
        judges.append(f"Learned from {judge.learned:,} passages: half validation documents, half {what}.")
        bodies = {
            "held out": list(style.held_out),
            "after": list(style.written["after"]),
            "before": rest if stands_in else before,
        }
        bodies |= {} if stands_in else {kind: rest}
        for body, passages in bodies.items():
            verdict = judge.verdict(passages)
            if verdict.passages:
                scores.append(StyleScore(kind, body, verdict.share, verdict.interval, verdict.passages))
    return tuple(scores), tuple(judges)


def novelty(
    learned: Iterable[str], titles: Sequence[str], written: Mapping[str, Sequence[str]], held_out: Sequence[str]
) -> tuple[tuple[Novelty, ...], tuple[Copied, ...]]:
    """How much of each body stands in the text that was learned from, and the tuned model's longest passages of it."""
    known = Known(learned)
    rows: list[Novelty] = []
    copied: list[Copied] = []
    for body, texts in {**written, "held out": held_out}.items():
        overlaps = [known.overlap(text) for text in texts]
        words = sum(one.words for one in overlaps)
        longest = max((one.longest.words for one in overlaps if one.longest), default=0)
        rows.append(Novelty(body, sum(one.copied for one in overlaps) / max(words, 1), longest, words, RUN))
        if body == "after":
            for text, one in zip(texts, overlaps, strict=True):
                for passage in one.passages:
                    shown = " ".join(text[passage.start : passage.stop].split())[:LONGEST]
                    copied.append(Copied(shown, passage.words, titles[passage.document]))
    copied.sort(key=lambda one: -one.words)
    return tuple(rows), tuple(copied[:SHOWN])


def repetition(bodies: Mapping[str, Sequence[str]]) -> tuple[Repetition, ...]:
    """How much each body repeats itself."""
    rows = []
    for body, texts in bodies.items():
        shares = (distinct(texts, 1), distinct(texts, 2), distinct(texts, 3))
        rows.append(Repetition(body, shares, looped(texts), longest_loop(texts)))
    return tuple(rows)


def of_size(texts: Iterable[str], words: int) -> list[str]:
    """About so many words from the beginnings of texts, to compare like amounts."""
    kept: list[str] = []
    for text in texts:
        if words <= 0:
            break
        places = [match.end() for match in WORD.finditer(text)][:words]
        if places:
            kept.append(text[: places[-1]])
            words -= len(places)
    return kept


def words_in(texts: Iterable[str]) -> int:
    """Words of all texts together."""
    return sum(len(words_of(text)) for text in texts)
