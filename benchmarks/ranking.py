"""Ranking: the embedded model scored at every depth by graft, and once by transformer-ranker 0.2.0 with its defaults.

    pip install --no-deps transformer-ranker==0.2.0 torchmetrics lightning-utilities
    python benchmarks/ranking.py [--data trec] [--rounds 1]

Both are given the rows of a train split and the same model's folder, each in a process of its own, and are timed with
loading and tokenising, without their imports (transformers loads a family's module when it is first asked for: both
processes do that before the clock runs); graft's cache is empty at first. graft scores three ways to read each of
six blocks by four scores, the peer one way by one. graft is run on all rows, as the peer is, and on the sample that it
takes by itself. Then the peer's own estimators of H-score and LogME are called on the very features that graft scored,
at each depth, and the largest differences are printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import command_line, data, header, median, ratio, result

LIMIT = 256  # tokens, the model's own


def ours(given: Path, every: bool) -> str:
    """Every depth scored, from a cold cache."""
    from transformers import AutoTokenizer, BertForSequenceClassification  # noqa: F401 imports are left out

    from graft import machine
    from graft.backbone.models import hub
    from graft.cache.store import Store
    from graft.choose.candidates import Named
    from graft.choose.entrant import Measured
    from graft.choose.rank import rank
    from graft.choose.sample import Sample
    from graft.data.read import read
    from graft.data.splitting.split import split

    parts = split(read(given))
    chosen = machine.choose()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        sample = Sample(parts.train, parts.classes, LIMIT, most=len(parts.train) if every else None)
        events = rank([Named(hub.EMBEDDED)], sample, chosen, Store(Path(folder)), 0)
        (found,) = [event for event in events if isinstance(event, Measured)]
        took = time.perf_counter() - began
    return f"{took:.2f} {len(found.views)} views of {found.rows:,} rows"


def peer(given: Path) -> str:
    """One score, by the defaults of transformer-ranker."""
    from datasets import Dataset
    from transformer_ranker import TransformerRanker
    from transformers import AutoTokenizer, BertModel  # noqa: F401 imports are left out

    rows = json.loads(given.read_text())
    began = time.perf_counter()
    table = Dataset.from_dict({"text": rows["texts"], "label": rows["codes"]})
    ranker = TransformerRanker(dataset=table, text_column="text", label_column="label")
    found = ranker.run(models=[rows["model"]])
    took, score = time.perf_counter() - began, next(iter(found.scores.values()))
    return f"{took:.2f} one view of {len(rows['texts']):,} rows, {score:.4f}"


SIDES = {"all": lambda given: ours(given, True), "sample": lambda given: ours(given, False), "peer": peer}


def measured(side: str, given: Path) -> float:
    """Seconds of one side in a process of its own."""
    line = [sys.executable, __file__, "--side", side, "--given", str(given)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr}")
    seconds, what = done.stdout.strip().splitlines()[-1].split(" ", 1)
    print(f"  {side}: {seconds} s, {what}", flush=True)
    return float(seconds)


def differences(given: Path) -> tuple[float, float]:
    """The largest of H-score and LogME, over depths, between graft and the peer's estimators on the same features."""
    import numpy as np
    import torch
    from transformer_ranker.estimators import HScore, LogME

    from graft import machine
    from graft.backbone.features import MEAN, Extractor, Wanted, all_depths
    from graft.backbone.model import load
    from graft.backbone.models import hub
    from graft.cache.store import Store
    from graft.choose.score import h_score, log_me
    from graft.data.read import read
    from graft.data.splitting.split import split
    from graft.data.tokens.tokens import tokenize

    parts = split(read(given))
    backbone = load(hub.locate(hub.EMBEDDED), parts.classes)
    tokens = tokenize(parts.train.texts, backbone.tokenizer.backend_tokenizer, LIMIT)[0]
    with tempfile.TemporaryDirectory() as folder:
        extractor = Extractor(backbone, machine.choose(), Store(Path(folder)))
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


def for_the_peer(given: Path, folder: Path) -> Path:
    """The same rows of train and the same model, as the peer's process takes them."""
    from graft.backbone.models import hub
    from graft.data.read import read
    from graft.data.splitting.split import split

    train = split(read(given)).train
    path = folder / "rows.json"
    model = str(hub.locate(hub.EMBEDDED).folder)
    path.write_text(json.dumps({"texts": list(train.texts), "codes": train.codes.tolist(), "model": model}))
    return path


def main() -> None:
    parser = command_line(__doc__, rounds=1)
    parser.add_argument("--data", default="trec", help="the data set (trec)")
    parser.add_argument("--agreement", action="store_true", help="only compare the scores")
    parser.add_argument("--side", choices=SIDES, help="one side, in this process")
    parser.add_argument("--given", type=Path, help="what that side reads")
    asked = parser.parse_args()
    if asked.side:
        print(SIDES[asked.side](asked.given))
        return
    try:
        import transformer_ranker  # noqa: F401
    except ImportError as error:
        sys.exit(f"{error}: see the first lines of this script.")
    header("ranking")
    given, took = data(asked.data), {side: list[float]() for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        rows = for_the_peer(given, Path(folder))
        for _ in range(0 if asked.agreement else asked.rounds):
            for side, seconds in took.items():
                seconds.append(measured(side, rows if side == "peer" else given))
    if not asked.agreement:
        result(f"graft, all rows: {median(took['all'])}; its own sample: {median(took['sample'])}")
        result(f"transformer-ranker: {median(took['peer'])}")
        whole, sample = (ratio(took["peer"], took[side]) for side in ("all", "sample"))
        result(f"transformer-ranker / graft: {whole:.1f} on the same rows, {sample:.1f} with graft's own sample")
    by_h_score, by_log_me = differences(given)
    result(f"largest difference on the same features: H-score {by_h_score:.1e}, LogME {by_log_me:.1e}")


if __name__ == "__main__":
    main()
