"""Rewriting by a small encoder-decoder, against the same architecture from random weights.

    python benchmarks/rewriting.py [--data restore,dialogsum] [--model t5-gothic] [--rows 3000] [--epochs 0] [--seeds 0]

restore: case and punctuation are taken from sentences of gothic novels and are to be put back; train, validation and
test are of different novels. dialogsum: dialogues and their summaries, trained on the validation split's 500 (it has no
other), the last 100 of them held out; the test split has three references each. Both models go through the same recipe
`fast` on the same rows; the difference on the test split has a 95% interval from resampling its rows
(`graft.evaluate.difference`). --epochs 0 leaves the number to the recipe. --rate sets another peak rate: with
--validation both are judged on validation, where settings are chosen. Models are found through GRAFT_MODELS.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import command_line, data, header, result, seconds
from given import candidates

from graft import predict, quiet
from graft.backbone.model import load
from graft.backbone.models import hub
from graft.data.options import ReadOptions
from graft.data.read import read
from graft.data.references import references_of
from graft.data.splitting.split import split
from graft.data.table import Splits
from graft.evaluate import difference, measure
from graft.fit_options import FitOptions
from graft.fitting import fit
from graft.records.metrics import metric
from graft.tasks.rewriting import REWRITING
from graft.tasks.rewriting_metrics import Written

REWRITE = ReadOptions(task="rewrite")
SHOWN = ("chrf", "rouge_l", "bleu", "exact_match")
HELD, TEST = 100, 300  # sentences of validation and test
BARE = re.compile(r"[^\w\s]|_")


def stripped(sentence: str) -> str:
    """A sentence in lower case without punctuation."""
    return " ".join(BARE.sub(" ", sentence.lower()).split())


def sentences(work: str) -> list[str]:
    """Sentences of 5 to 25 words."""
    found = re.split(r"(?<=[.!?])\s+(?=[A-Z\"“])", " ".join(work.split()))
    return [text for text in found if 5 <= len(text.split()) <= 25 and stripped(text)]


def restore(rows: int, seed: int) -> Splits:
    """Pairs of bare and full sentences, by novel: three fifths of the novels to learn from."""
    text = gzip.decompress((data("gothic_fiction") / "gothic.txt.gz").read_bytes()).decode()
    works = [sentences(work) for work in re.split(r"^<<<.*>>>$", text, flags=re.MULTILINE) if work.strip()]
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(works)).tolist()
    cuts = len(works) * 3 // 5, len(works) * 4 // 5
    parts = {
        "train": (order[: cuts[0]], rows),
        "validation": (order[cuts[0] : cuts[1]], HELD),
        "test": (order[cuts[1] :], TEST),
    }
    made: dict[str, list[tuple[str, str]]] = {}
    for name, (chosen, count) in parts.items():
        found = [sentence for work in chosen for sentence in works[work]]
        made[name] = [(stripped(found[row]), found[row]) for row in rng.permutation(len(found))[:count].tolist()]
    return split(read(made, options=REWRITE))


def dialogsum(rows: int, _seed: int) -> Splits:
    """400 dialogues to learn from, 100 to validate on, 500 to test."""
    folder = data("dialogsum")

    def of(name: str) -> Iterator[dict[str, Any]]:
        for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            yield {key: value for key, value in json.loads(line).items() if key in ("document", "summaries")}

    given = list(of("validation"))
    return split(
        read({"train": given[:-100][:rows], "validation": given[-100:], "test": list(of("test"))}, options=REWRITE)
    )


def drawn_anew(model: str, folder: Path, seed: int) -> Path:
    """The architecture and tokenizer of a model in a folder, with random weights."""
    located = hub.locate(model)
    shutil.copytree(located.folder, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    backbone = load(located, (), seed, pretrained=False, head=REWRITING.head)
    with quiet.MODELS:
        backbone.model.save_pretrained(folder)
    return folder


def written(model: str, parts: Splits, out: Path, settings: dict[str, str], on: str) -> Written:
    """What a model writes for a split after it was trained on the others; goes on where an earlier try stopped."""
    rows, kept = parts.test if on == "test" else parts.validation, out / f"{on}-outputs.json"
    if not kept.exists():
        for _ in fit(parts, out, FitOptions(model, settings=settings, save_every=30), resume=out.exists()):
            pass
        kept.write_text(json.dumps([answer.output for answer in predict.load(out).predict(list(rows.texts))]))
    outputs = json.loads(kept.read_text())
    for source, output in list(zip(rows.texts, outputs, strict=True))[:3]:
        print(f"  {source[:100]!r} -> {output[:100]!r}", flush=True)
    return Written(np.array(outputs, dtype=object), references_of(rows.targets))


def line(name: str, found: Written) -> str:
    measured = measure(found)
    told = []
    for key in SHOWN:
        low, high = measured.intervals[key]
        told.append(f"{metric(key).short} {measured.metrics[key]:.3f} ({low:.3f} to {high:.3f})")
    return f"{name}: {', '.join(told)}"


def compare(name: str, model: str, parts: Splits, settings: dict[str, str], on: str, folder: Path) -> None:
    """One model on one data set, beside the rules and its architecture from random weights."""
    rows = parts.test if on == "test" else parts.validation
    if on == "test":
        for rule in REWRITING.yardsticks(parts):
            result(line(f"{name}, {rule.what}", Written(rule.logits, references_of(rows.targets))))
    spent, own = seconds(lambda: written(model, parts, folder / "own", settings, on))
    about = f"{name}, {Path(model).name}, {len(parts.train):,} rows, {settings}, {spent:.0f} s, {on}"
    result(line(about, own))
    if on != "test":
        return
    random = folder / "random"
    anew = str(random if random.exists() else drawn_anew(model, random, int(settings["seed"])))
    other = written(anew, parts, folder / "other", settings, on)
    result(line(f"{name}, from random weights", other))
    for key in SHOWN:
        gain, (low, high) = difference(key, own, other)
        result(f"{name}, {metric(key).short}: {gain:+.3f} (95%: {low:+.3f} to {high:+.3f}) against random weights")


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--data", default="restore,dialogsum", help="data sets with commas between (restore,dialogsum)")
    parser.add_argument("--model", default="t5-gothic", help="the model (t5-gothic)")
    parser.add_argument("--rows", type=int, default=3000, help="rows of train (3000)")
    parser.add_argument("--epochs", type=int, default=0, help="0: as the recipe has them (0)")
    parser.add_argument("--rate", type=float, default=0.0, help="peak rate; 0: the recipe's (0)")
    parser.add_argument("--seeds", default="0", help="seeds with commas between them (0)")
    parser.add_argument("--validation", action="store_true", help="judge on validation, the pretrained model alone")
    parser.add_argument("--keep", help="a folder from which a stopped benchmark goes on (none)")
    asked = parser.parse_args()
    header("Rewriting: pretrained against random weights")
    model = candidates()[asked.model].model
    for name in asked.data.split(","):
        for seed in map(int, asked.seeds.split(",")):
            settings = {"seed": str(seed)}
            settings |= {"epochs": str(asked.epochs)} if asked.epochs else {}
            settings |= {"lr": str(asked.rate)} if asked.rate else {}
            parts = {"restore": restore, "dialogsum": dialogsum}[name](asked.rows, seed)
            on = "validation" if asked.validation else "test"
            with tempfile.TemporaryDirectory() as place:
                compare(name, model, parts, settings, on, Path(asked.keep or place) / f"{name}-{seed}")


if __name__ == "__main__":
    main()
