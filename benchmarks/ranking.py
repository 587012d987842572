"""Ranking: the embedded model scored at every depth by graft, and once by transformer-ranker 0.2.0 with its defaults.

    pip install --no-deps transformer-ranker==0.2.0 torchmetrics lightning-utilities
    python benchmarks/ranking.py [--data trec] [--rounds 1]

Both are given the rows of a train split and the same model's folder, and are timed with loading and tokenising; graft's
cache is empty at first. graft scores three ways to read each of six blocks by four scores, the peer one way by
one. Then the peer's own estimators of H-score and LogME are called on the very features that graft scored, at each
depth, and the largest differences are printed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from common import command_line, header, result, seconds, splits

from graft.backbone import hub
from graft.backbone.features import MEAN, Extractor, Wanted, all_depths
from graft.backbone.model import load
from graft.cache.store import Store
from graft.choose.candidates import Named
from graft.choose.rank import Measured, Sample, rank
from graft.choose.score import h_score, log_me
from graft.data.table import Rows, Splits
from graft.data.tokens import tokenize
from graft.records import MachineRecord

LIMIT = 256  # tokens, the model's own


def ours(parts: Splits, machine: MachineRecord, folder: Path) -> Measured:
    """Every depth scored, from a cold cache."""
    sample = Sample(parts.train, parts.classes, LIMIT)
    (found,) = [
        one for one in rank([Named(hub.EMBEDDED)], sample, machine, Store(folder), 0) if isinstance(one, Measured)
    ]
    return found


def peer(rows: Rows) -> float:
    """One score, by the defaults of transformer-ranker."""
    from datasets import Dataset
    from transformer_ranker import TransformerRanker

    table = Dataset.from_dict({"text": list(rows.texts), "label": rows.codes.tolist()})
    ranker = TransformerRanker(dataset=table, text_column="text", label_column="label")
    found = ranker.run(models=[str(hub.locate(hub.EMBEDDED).folder)], device="cpu")
    return float(next(iter(found.scores.values())))


def differences(parts: Splits, machine: MachineRecord, folder: Path) -> tuple[float, float]:
    """The largest of H-score and LogME, over depths, between graft and the peer's estimators on the same features."""
    from transformer_ranker.estimators import HScore, LogME

    backbone = load(hub.locate(hub.EMBEDDED), parts.classes)
    tokens = tokenize(parts.train.texts, backbone.tokenizer.backend_tokenizer, LIMIT)[0]
    extractor = Extractor(backbone, machine, Store(folder))
    for _ in extractor.run(tokens, Wanted(all_depths(backbone))):
        pass
    assert extractor.features is not None
    codes = torch.from_numpy(parts.train.codes.astype(np.int64))
    apart: list[tuple[float, float]] = []
    for states in extractor.features.pooled.values():
        features = states[:, MEAN].clone()
        by_peer = HScore().fit(features, codes), LogME().fit(features, codes)
        apart.append((abs(h_score(features, codes) - by_peer[0]), abs(log_me(features, codes) - by_peer[1])))
    return max(one for one, _ in apart), max(other for _, other in apart)


def main() -> None:
    parser = command_line(__doc__, rounds=1)
    parser.add_argument("--data", default="trec", help="the data set (trec)")
    parser.add_argument("--agreement", action="store_true", help="only compare the scores")
    asked = parser.parse_args()
    try:
        import transformer_ranker  # noqa: F401
    except ImportError as error:
        sys.exit(f"{error}: see the first lines of this script.")
    machine, parts = header("ranking"), splits(asked.data)
    mine, theirs = [], []
    for _ in range(0 if asked.agreement else asked.rounds):
        with tempfile.TemporaryDirectory() as folder:
            took, found = seconds(partial(ours, parts, machine, Path(folder)))
        mine.append(took)
        print(f"  graft: {took:.1f} s for {len(found.views)} views of {found.rows:,} rows", flush=True)
        took, score = seconds(lambda: peer(parts.train))
        theirs.append(took)
        print(f"  transformer-ranker: {took:.1f} s, H-score {score:.4f}", flush=True)
    if mine:
        ratio = statistics.median(theirs) / statistics.median(mine)
        result(f"transformer-ranker / graft {ratio:.1f} on {len(parts.train):,} rows")
    with tempfile.TemporaryDirectory() as folder:
        by_h_score, by_log_me = differences(parts, machine, Path(folder))
    result(f"largest difference on the same features: H-score {by_h_score:.1e}, LogME {by_log_me:.1e}")


if __name__ == "__main__":
    main()
