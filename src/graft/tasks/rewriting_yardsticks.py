"""What no learning and what simple learning reach in rewriting: the source as it is, its beginning, and a table of
words.

All that these rules know is read off train. A rule that cannot apply to the data is left out.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from graft.data.references import references_of
from graft.data.table import Rows, Splits
from graft.tasks.rouge import rouge
from graft.tasks.task import Yardstick

SENTENCE = re.compile(r"\s*(?:[^.!?\n。！？]|[.!?](?=\S))+[.!?。！？]*[\"'”’)]*|\s*[.!?。！？]+")
SAMPLE = 500  # rows of train that a rule is fitted on
MOST_SENTENCES = 5
SHORTER = 0.8  # targets of at most this share of their sources' words: only then is a beginning a candidate
ALIGNED = 0.5  # share of train rows whose target has as many words as the source: else words are not looked up


def yardsticks(splits: Splits) -> Iterator[Yardstick]:
    """The rules that apply, on the test split."""
    began = time.perf_counter()
    texts = list(splits.test.texts)
    yield _yardstick("copy", "the source as it is", texts, began)
    began = time.perf_counter()
    pairs = _pairs(splits.train)
    lengths = sum(len(source.split()) for source, _ in pairs), sum(len(target.split()) for _, target in pairs)
    if lengths[1] <= SHORTER * lengths[0]:
        count = _best_lead(pairs)
        what = f"the source's first {count} sentences" if count > 1 else "the source's first sentence"
        yield _yardstick("lead", f"{what}, as many as did best on train", [lead(text, count) for text in texts], began)
    if np.mean([len(source.split()) == len(target.split()) for source, target in pairs]) >= ALIGNED:
        table = WordTable(splits.train)
        what = "each word replaced by what it most often becomes in train, given whether it stands first or last"
        yield _yardstick("words", what, [table.rewritten(text) for text in texts], began)


def _yardstick(name: str, what: str, texts: Sequence[str], began: float) -> Yardstick:
    return Yardstick(name, what, np.array([*texts, None], dtype=object)[:-1], time.perf_counter() - began)


def _pairs(train: Rows) -> list[tuple[str, str]]:
    rows = np.sort(np.random.default_rng(0).permutation(len(train))[:SAMPLE])
    part = train.take(rows)
    return list(zip(part.texts, references_of(part.targets).firsts, strict=True))


def lead(text: str, count: int) -> str:
    """The first sentences of a text; a line of its own is one."""
    found = [piece.group() for piece in SENTENCE.finditer(text) if piece.group().strip()]
    return "".join(found[:count]).strip()


def _best_lead(pairs: Sequence[tuple[str, str]]) -> int:
    def reached(count: int) -> float:
        return float(np.mean([rouge(lead(source, count), [target])[2] for source, target in pairs]))

    return max(range(1, MOST_SENTENCES + 1), key=lambda count: (reached(count), -count))


class WordTable:
    """What each word of a source becomes, counted over the train rows with as many words on both sides."""

    def __init__(self, train: Rows) -> None:
        counts: dict[tuple[str, bool, bool], Counter[str]] = defaultdict(Counter)
        anywhere: dict[str, Counter[str]] = defaultdict(Counter)
        for source, target in zip(train.texts, references_of(train.targets).firsts, strict=True):
            words, becomes = source.split(), target.split()
            if len(words) != len(becomes):
                continue
            for place, (word, became) in enumerate(zip(words, becomes, strict=True)):
                counts[word, place == 0, place == len(words) - 1][became] += 1
                anywhere[word][became] += 1
        self._here = {key: found.most_common(1)[0][0] for key, found in counts.items()}
        self._anywhere = {word: found.most_common(1)[0][0] for word, found in anywhere.items()}

    def rewritten(self, text: str) -> str:
        """The text, word by word."""
        words, last = text.split(), len(text.split()) - 1
        return " ".join(
            self._here.get((word, place == 0, place == last)) or self._anywhere.get(word, word)
            for place, word in enumerate(words)
        )
