"""What an evaluation of answers records besides its metrics: kinds of questions, how far scores can be trusted, the
threshold's curve, and answers in their contexts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from graft.data.answers import Answers
from graft.data.table import Rows
from graft.records import AnswerDetails, Interval, KindScores, ReliabilityBin, ShownAnswer
from graft.tasks.answer_metrics import AnsweredQuestions
from graft.tasks.candidates import Candidates
from graft.tasks.task import Floats

MISTAKES, EXAMPLES = 100, 6
LONGEST = 1500  # characters of a context that is shown; of longer ones the part around the answers
AROUND = 250
BINS, POINTS = 10, 41
DRAWS = 500
ASKING = ("how many", "how much", "how", "who", "what", "when", "where", "which", "why")
_ASKED = re.compile(rf"\b({'|'.join((*ASKING, 'whom', 'whose'))})\b")
LENGTHS = ((1, 1, "1 word"), (2, 2, "2 words"), (3, 5, "3 to 5 words"), (6, 10, "6 to 10 words"))


def details(
    rows: Rows, answers: Answers, candidates: Candidates, answered: AnsweredQuestions, threshold: float | None
) -> AnswerDetails:
    """`threshold`: None where every question is answered."""
    sure = np.where(answered.silent, np.exp(candidates.none), np.exp(candidates.scores[:, 0]))
    words = [_asking(question) for question in rows.texts]
    lengths = [_length(answers, row) for row in range(len(answers))]
    order = [*ASKING, "another"], [*(name for *_, name in LENGTHS), "more words", "no answer"]
    show = _shower(rows, answers, candidates, answered, sure)
    wrong = np.flatnonzero(answered.exact == 0)
    worst = wrong[np.lexsort((-sure[wrong], answered.f1[wrong]))][:MISTAKES]
    right = np.random.default_rng(0).permutation(np.flatnonzero((answered.exact == 1) & ~answered.silent))[:EXAMPLES]
    return AnswerDetails(
        by_word=tuple(_kinds(words, order[0], answered)),
        by_length=tuple(_kinds(lengths, order[1], answered)),
        reliability=tuple(_bins(sure, answered.exact)),
        threshold=threshold,
        curve=tuple(_curve(answered)) if threshold is not None else (),
        mistakes=tuple(map(show, worst.tolist())),
        examples=tuple(map(show, right.tolist())),
    )


def _asking(question: str) -> str:
    """The word that a question asks by: the first of them in it."""
    met = _ASKED.search(question.lower())
    word = met.group(1) if met else "another"
    return "who" if word in ("whom", "whose") else word


def _length(answers: Answers, row: int) -> str:
    """How long the first reference answer is."""
    texts = answers.texts(row)
    count = len(texts[0].split()) if texts else 0
    if not count:
        return "no answer"
    return next((name for low, high, name in LENGTHS if low <= count <= high), "more words")


def _kinds(names: Sequence[str], order: Sequence[str], answered: AnsweredQuestions) -> Iterator[KindScores]:
    each = np.array(names)
    for name in order:
        among = np.flatnonzero(each == name)
        if len(among):
            both = {"answer_f1": answered.f1[among], "exact_match": answered.exact[among]}
            means = [float(values.mean()) for values in both.values()]
            yield KindScores(name, len(among), means[0], means[1], {key: _interval(part) for key, part in both.items()})


def _interval(values: Floats) -> Interval:
    """95% of a mean, by the bootstrap."""
    generator = np.random.default_rng(0)
    means = [values[generator.integers(0, len(values), len(values))].mean() for _ in range(DRAWS)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _bins(sure: Floats, exact: Floats) -> Iterator[ReliabilityBin]:
    for low in np.arange(BINS) / BINS:
        high = low + 1 / BINS
        among = (sure >= low) & ((sure < high) | (high >= 1))
        if among.any():
            values = int(among.sum()), float(sure[among].mean()), float(exact[among].mean())
            yield ReliabilityBin(float(low), float(high), *values)


def _curve(answered: AnsweredQuestions) -> Iterator[tuple[float, float, float, float]]:
    """(threshold, F1, exact, share answered), from never answering to always."""
    found = answered.found
    for threshold in np.unique(np.quantile(found.doubt, np.linspace(0, 1, POINTS))):
        silent = found.said(float(threshold))
        f1, exact = (np.where(silent, found.none, part).mean() for part in (found.f1, found.exact))
        yield float(threshold), float(f1), float(exact), float(1 - silent.mean())


def _shower(
    rows: Rows, answers: Answers, candidates: Candidates, answered: AnsweredQuestions, sure: NDArray[np.float64]
) -> Callable[[int], ShownAnswer]:
    def show(row: int) -> ShownAnswer:
        truth = list(dict.fromkeys((start, end) for start, end, _ in answers.spans.of(row)))
        found = None
        if not answered.silent[row]:
            found = int(candidates.starts[row, 0]), int(candidates.ends[row, 0])
        shift, text = _excerpt(answers.context(row), [*truth[:1], *([found] if found else [])])
        inside = [(start - shift, end - shift) for start, end in truth if shift <= start and end - shift <= len(text)]
        return ShownAnswer(
            file=rows.file,
            line=int(rows.lines[row]),
            question=rows.texts[row],
            context=text,
            truth=tuple(inside),
            found=None if found is None else (found[0] - shift, min(found[1] - shift, len(text))),
            f1=float(answered.f1[row]),
            score=float(sure[row]),
        )

    return show


def _excerpt(context: str, spans: Sequence[tuple[int, int]]) -> tuple[int, str]:
    """(first character, text): a context, or the part of a long one around these spans; around the last of them where
    they lie too far apart."""
    if len(context) <= LONGEST:
        return 0, context
    low, high = min((start for start, _ in spans), default=0), max((end for _, end in spans), default=0)
    if high - low > LONGEST:
        low, high = spans[-1]
    start = max(0, low - AROUND)
    return start, context[start : max(high + AROUND, start + LONGEST // 2)]
