"""The scores of every candidate's frozen features on every data set's train split, for choice.py and for fitting.

    python benchmarks/scores.py [--data trec,sst2,…] [--models embedded,…] [--kept FILE]

One pass of each model over at most 2,000 rows of train, in the order in which a ranking draws them; then every view at
every depth is scored on the first 500, 1,000 and 2,000 rows of that order (earlier lines: on 6,000 as well). One line
of JSON for each model, data set and number of rows is appended to benchmarks/results/scores.jsonl; what stands there
is not made again. Validation and test are not read.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from common import command_line
from given import DATA, candidates

from graft.backbone.features import Extractor, Wanted, all_depths
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.cache.store import Store
from graft.choose.sample import stratified_order
from graft.choose.views import scored
from graft.data.tokens.tokens import tokenize
from graft.machine import choose

KEPT = Path(__file__).parent / "results" / "scores.jsonl"
ROWS = (500, 1000, 2000)
LIMIT = 256  # tokens, as the recipe `fast` cuts texts


def lines(path: Path = KEPT) -> list[dict[str, Any]]:
    """Every line so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def measured(model: str, data: str, folder: Path) -> list[dict[str, Any]]:
    """The lines of one model on one data set."""
    splits = DATA[data].splits()
    order = stratified_order(splits.train.codes)[: max(ROWS)]
    targets = torch.from_numpy(splits.train.codes[order].astype(np.int64))
    place = candidates()[f"{model}@1" if model == "embedded" else model].model.removesuffix("@1")
    backbone = load(hub.locate(place), splits.classes)
    texts = list(splits.train.texts.take(order))
    tokens = tokenize(texts, backbone.tokenizer.backend_tokenizer, min(LIMIT, backbone.record.max_tokens))[0]
    extractor = Extractor(backbone, choose(), Store(folder))
    for _ in extractor.run(tokens, Wanted(all_depths(backbone))):
        pass
    assert extractor.features is not None
    pooled = extractor.features.pooled
    found = []
    for rows in sorted({min(rows, len(order)) for rows in ROWS}):
        views = list(
            scored({depth: states[:rows] for depth, states in pooled.items()}, backbone.family.poolings, targets[:rows])
        )
        shape = {"train": len(splits.train), "classes": len(splits.classes), "tokens": float(tokens.lengths.mean())}
        plain = [{key: _short(value) for key, value in msgspec.to_builtins(view).items()} for view in views]
        found.append({"model": model, "data": data, "rows": rows, **shape, "views": plain})
    return found


def _short(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--data", default=",".join(DATA), help="data sets with commas between them (all)")
    models = dict.fromkeys(name.split("@")[0] for name in candidates())
    parser.add_argument("--models", default=",".join(models), help="models with commas between them (all)")
    parser.add_argument("--kept", type=Path, default=KEPT, help=f"the file of results ({KEPT})")
    asked = parser.parse_args()
    for model in asked.models.split(","):
        for data in asked.data.split(","):
            if any((line["model"], line["data"]) == (model, data) for line in lines(asked.kept)):
                continue
            with tempfile.TemporaryDirectory() as folder:
                found = measured(model, data, Path(folder))
            with open(asked.kept, "a", encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in found)
            print(model, data, max(view["probe"] for view in found[-1]["views"]), flush=True)


if __name__ == "__main__":
    main()
