"""What is recorded of outputs besides their numbers: side by side, by length, how much of the source they repeat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graft.data.references import References, references_of
from graft.data.table import Rows
from graft.records import OfLength, RewriteDetails, Sideways
from graft.tasks.rewriting_metrics import Written
from graft.tasks.rouge import words
from graft.tasks.task import Floats, Ints
from graft.tasks.writing_repetition import longest_loop, looped

WORST = 50
DRAWN = 20
LONGEST = 4000  # characters of a text that is shown; of longer ones the beginning
RUN = 3  # words in a row that count as copied
PARTS = 4  # parts of the rows by the length of their sources
RESAMPLES = 500


def details(outputs: Sequence[str], rows: Rows) -> RewriteDetails:
    """What the report shows of these outputs."""
    references = references_of(rows.targets)
    written = Written(np.array(outputs, dtype=object), references)
    scores_N = written.chrf_N
    firsts, sources = list(references.firsts), list(rows.texts)
    said, wanted = ([words(text) for text in texts] for texts in (outputs, firsts))
    order = np.argsort(scores_N, kind="stable")
    drawn = np.sort(np.random.default_rng(0).permutation(len(rows))[:DRAWN])
    return RewriteDetails(
        length_ratio=sum(map(len, said)) / max(sum(map(len, wanted)), 1),
        copied=copied(outputs, sources),
        copied_references=copied(firsts, sources),
        unchanged=float(np.mean([text.strip() == own.strip() for text, own in zip(outputs, sources, strict=True)])),
        empty=sum(not text for text in outputs),
        looped=looped(outputs),
        looped_references=looped(firsts),
        loop=longest_loop(outputs),
        by_length=tuple(_by_length(written, [len(words(text)) for text in sources])),
        worst=_beside(outputs, rows, references, scores_N, order[:WORST]),
        drawn=_beside(outputs, rows, references, scores_N, drawn),
    )


def copied(texts: Sequence[str], sources: Sequence[str]) -> float:
    """The share of the texts' words that lie in runs of RUN or more words that their sources have as well."""
    total, found = 0, 0
    for text, source in zip(texts, sources, strict=True):
        said, own = words(text), words(source)
        runs = {tuple(own[place : place + RUN]) for place in range(len(own) - RUN + 1)}
        inside = np.zeros(len(said), bool)
        for place in range(len(said) - RUN + 1):
            if tuple(said[place : place + RUN]) in runs:
                inside[place : place + RUN] = True
        total, found = total + len(said), found + int(inside.sum())
    return found / total if total else 0.0


def _by_length(written: Written, lengths: Sequence[int]) -> list[OfLength]:
    """chrF of the rows in parts of about the same size, by the words of their sources."""
    sizes = np.array(lengths)
    edges = np.unique(np.quantile(sizes, np.arange(1, PARTS) / PARTS, method="higher")) if len(sizes) else sizes
    part_N = np.searchsorted(edges, sizes, side="left")
    found = []
    for part in np.unique(part_N):
        rows = np.flatnonzero(part_N == part)
        low, high = _interval(written, rows)
        value = float(written.score(rows[None]).metrics["chrf"][0])
        ends = int(sizes[rows].min()), int(sizes[rows].max())
        found.append(OfLength(*ends, len(rows), value, (min(low, value), max(high, value))))
    return found


def _interval(written: Written, rows: Ints) -> tuple[float, float]:
    drawn = np.random.default_rng(0).choice(rows, (RESAMPLES, len(rows)))
    low, high = np.quantile(written.score(drawn).metrics["chrf"], [0.025, 0.975])
    return float(low), float(high)


def _beside(
    outputs: Sequence[str], rows: Rows, references: References, scores_N: Floats, chosen: Ints
) -> tuple[Sideways, ...]:
    return tuple(
        Sideways(
            rows.file,
            int(rows.lines[row]),
            rows.texts[row][:LONGEST],
            tuple(text[:LONGEST] for text in references.of(row, row + 1)[0]),
            outputs[row][:LONGEST],
            float(scores_N[row]),
        )
        for row in chosen.tolist()
    )
