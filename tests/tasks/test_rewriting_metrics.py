"""chrF and BLEU are sacrebleu's, whatever rows are drawn; ROUGE is that of the package rouge-score."""

from __future__ import annotations

import random
import sys

import numpy as np
import pyarrow as pa
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from graft.data.references import References
from graft.data.spans import bounds_of
from graft.data.table import Texts
from graft.errors import MissingExtra
from graft.tasks import rewriting_metrics
from graft.tasks.rewriting_metrics import Written
from graft.tasks.rouge import common, rouge, words

PROSE = "the cat sat on a mat and the End under it's 3 o'clock x-ray Über 東京 Москва"
WORDS = PROSE.split()


def references(rows: list[list[str]]) -> References:
    flat = [text for row in rows for text in row]
    return References(Texts(pa.chunked_array([pa.array(flat, pa.large_string())])), bounds_of(list(map(len, rows))))


def drawn(rng: random.Random, count: int) -> tuple[list[str], list[list[str]]]:
    def text() -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(0, 9)))

    return [text() for _ in range(count)], [[text() or "x" for _ in range(rng.randint(1, 3))] for _ in range(count)]


@pytest.mark.parametrize("seed", range(3))
def test_chrf_and_bleu_are_sacrebleus_on_any_draw(seed: int) -> None:
    outputs, wanted = drawn(random.Random(seed), 20)
    written = Written(np.array(outputs, dtype=object), references(wanted))
    rows_RB = np.random.default_rng(seed).integers(0, 20, (4, 20))
    found = written.score(rows_RB).metrics
    for place, rows in enumerate(rows_RB.tolist()):
        streams = [[wanted[row][n] if n < len(wanted[row]) else None for row in rows] for n in range(3)]
        texts = [outputs[row] for row in rows]
        assert found["chrf"][place] == pytest.approx(CHRF().corpus_score(texts, streams).score / 100, abs=1e-12)
        assert found["bleu"][place] == pytest.approx(BLEU(force=True).corpus_score(texts, streams).score / 100)
        exact = [texts[at] in wanted[row] for at, row in enumerate(rows)]
        assert found["exact_match"][place] == pytest.approx(np.mean(exact))
        own = [rouge(texts[at], wanted[row]) for at, row in enumerate(rows)]
        assert found["rouge_l"][place] == pytest.approx(np.mean([one[2] for one in own]))


def test_a_perfect_output_has_all_of_each() -> None:
    wanted = [["the cat sat on the mat today", "another"], ["a dog ran over a hill"]]
    written = Written(
        np.array(["the cat sat on the mat today", "a dog ran over a hill"], dtype=object), references(wanted)
    )
    assert all(values[0] == pytest.approx(1.0) for values in written.score().metrics.values())
    np.testing.assert_allclose(written.chrf_N, 1.0)


# By rouge-score 0.1.2 (RougeScorer.score_multi, use_stemmer=False): ROUGE-1, ROUGE-2, ROUGE-L.
KNOWN: list[tuple[str, list[str], tuple[float, float, float]]] = [
    (
        "mat under_score the x-ray and under_score END x-ray mat under_score on cat cat",
        ["END x-ray it's o'clock; 3 sat cat cat END"],
        (0.333333, 0.214286, 0.333333),
    ),
    (
        "and cat and 3 under_score",
        [
            "and it's the under_score under_score cat END",
            "END o'clock; the and under_score on a under_score sat it's on",
            "END and",
        ],
        (0.5, 0.142857, 0.375),
    ),
    (
        "x-ray",
        [
            "and a a cat a under_score sat END it's a cat END a on",
            "sat sat",
            "x-ray on the o'clock; cat sat the cat o'clock;",
        ],
        (0.285714, 0.166667, 0.285714),
    ),
    ("it's mat o'clock; on END END under_score 3 x-ray 3 and o'clock; x-ray", ["a", "and"], (0.1, 0.0, 0.1)),
    (
        "a sat the on o'clock; mat sat mat the The",
        ["the 3 under_score", "3 cat cat sat END cat cat END", "the"],
        (0.166667, 0.0, 0.166667),
    ),
    ("", ["The and"], (0.0, 0.0, 0)),
    (
        "END x-ray the mat cat on on o'clock; a sat it's",
        ["cat x-ray sat mat The END under_score sat o'clock;"],
        (0.692308, 0.166667, 0.384615),
    ),
    (
        "the o'clock; END a on 3 and sat and mat it's it's",
        ["mat END on it's the The a the on on", "a a mat x-ray 3 3 The"],
        (0.538462, 0.083333, 0.307692),
    ),
    (
        "The END cat 3 o'clock; sat",
        ["and o'clock; o'clock; under_score the under_score it's The o'clock; sat"],
        (0.347826, 0.190476, 0.347826),
    ),
    ("on", ["it's and it's The under_score and a"], (0.0, 0.0, 0.0)),
]


@pytest.mark.parametrize(("output", "wanted", "scores"), KNOWN)
def test_rouge_is_that_of_rouge_score(output: str, wanted: list[str], scores: tuple[float, float, float]) -> None:
    assert rouge(output, wanted) == pytest.approx(scores, abs=1e-6)


def test_words_of_every_script_are_words() -> None:
    assert words("Москва, café_bar! 東京は 3x") == ["москва", "café", "bar", "東", "京", "は", "3x"]
    assert rouge("東京", ["東京都"])[0] == pytest.approx(0.8)


def test_the_longest_common_subsequence_is_the_one_of_the_textbook() -> None:
    rng = random.Random(0)
    for _ in range(200):
        first, second = ([rng.choice("abcd") for _ in range(rng.randint(0, 80))] for _ in range(2))
        table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
        for i, one in enumerate(first):
            for j, two in enumerate(second):
                table[i + 1][j + 1] = table[i][j] + 1 if one == two else max(table[i][j + 1], table[i + 1][j])
        assert common(first, second) == table[-1][-1]


def test_outputs_for_other_rows_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="2 outputs for 1 rows"):
        Written(np.array(["a", "b"], dtype=object), references([["a"]]))


def test_without_sacrebleu_the_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.bleu", None)
    rewriting_metrics._library.cache_clear()
    with pytest.raises(MissingExtra, match=r"(?s)sacrebleu.*pip install 'graft-ml\[rewrite\]'"):
        rewriting_metrics.check_library()
    rewriting_metrics._library.cache_clear()
