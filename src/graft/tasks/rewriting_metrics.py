"""What was written beside its references: chrF and BLEU by sacrebleu, ROUGE (`rouge.py`), and exact matches.

chrF (Popović 2015) compares runs of up to six characters and works in any language; BLEU (Papineni et al. 2002) and
chrF are of the whole split, from counts summed over its rows, as sacrebleu has them; ROUGE and exact matches are means
over rows. All are shares between 0 and 1 here, where the literature often writes them times 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from graft.data.references import References
from graft.errors import MissingExtra
from graft.tasks.rouge import ROUGE, rouge
from graft.tasks.task import Floats, Ints, Logits, Scores

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

WRITTEN = ("chrf", "rouge1", "rouge2", "rouge_l", "bleu", "exact_match")
VALIDATION = ("token_loss", "chrf", "rouge_l", "bleu", "exact_match", "rouge1", "rouge2")
METRICS = (*WRITTEN, "token_loss")


@cache
def _library() -> tuple[Metric, Metric]:
    """sacrebleu's chrF and BLEU. Raises MissingExtra where it is not installed."""
    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
    except ImportError:
        raise MissingExtra("sacrebleu", "rewrite", "Judging what is written") from None
    return CHRF(), BLEU(force=True)


def check_library() -> None:
    """Raises MissingExtra where what a run will need in the end is not installed."""
    _library()


class Written:
    """Outputs beside their references, ready to be scored on any draw of the rows."""

    def __init__(self, outputs: Logits, references: References) -> None:
        if len(outputs) != len(references):
            raise ValueError(f"{len(outputs)} outputs for {len(references)} rows")
        texts, wanted = [str(text) for text in outputs], references.of(0, len(references))
        most = max(map(len, wanted), default=1)
        streams = [[row[place] if place < len(row) else None for row in wanted] for place in range(most)]
        self._counts = [_counts(metric, texts, streams) for metric in _library()]
        exact = [text.strip() in {one.strip() for one in row} for text, row in zip(texts, wanted, strict=True)]
        self.rouge_N3 = np.array([rouge(text, row) for text, row in zip(texts, wanted, strict=True)]).reshape(-1, 3)
        self._exact_N = np.array(exact, dtype=np.float64)

    def __len__(self) -> int:
        return len(self._exact_N)

    @property
    def chrf_N(self) -> Floats:
        """chrF of each row by itself."""
        return _scores(_library()[0], self._counts[0])

    def score(self, drawn_RB: Ints | None = None) -> Scores:
        rows_RB = np.arange(len(self))[None] if drawn_RB is None else drawn_RB
        chrf, bleu = (
            _scores(metric, counts[rows_RB].sum(1)) for metric, counts in zip(_library(), self._counts, strict=True)
        )
        means = dict(zip(ROUGE, self.rouge_N3[rows_RB].mean(1).T, strict=True))
        found = {"chrf": chrf, **means, "bleu": bleu, "exact_match": self._exact_N[rows_RB].mean(1)}
        return Scores({name: found[name] for name in WRITTEN})


def _counts(metric: Metric, texts: Sequence[str], streams: Sequence[Sequence[str | None]]) -> Floats:
    """rows × counts: what sacrebleu sums over rows before it makes a score of them."""
    if not texts:
        return np.zeros((0, 1))
    library: Any = metric
    return np.array(library._extract_corpus_statistics(texts, streams), dtype=np.float64)


def _scores(metric: Metric, counts_RS: Floats) -> Floats:
    """A score (0 to 1) of each line of summed counts."""
    library: Any = metric
    scores = [library._compute_score_from_stats(line).score for line in counts_RS.astype(np.int64).tolist()]
    return np.array(scores, dtype=np.float64) / 100
