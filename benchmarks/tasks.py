"""Pairs, names, answers and several labels: a whole run of graft beside a whole job of the tuned Trainer
(peers_tasks.py, peers_labels.py), each from the files to the test split's numbers, in a process of its own.

    python benchmarks/tasks.py --data stsb,mrpc,conll2003,squad_v1,go_emotions

graft runs as a person would run it: `graft run FOLDER`, nothing said but the label's column of stsb. The Trainer reads
the same train split (where graft cuts validation from train, the Trainer trains on all of it), three epochs at 1e-4 by
32 rows (of answers at --rate by 16; the field's own scripts say 3e-5); it has neither validation nor report to make.
Numbers of pairs have a second peer, that of the field for texts read apart: sentence-transformers with its cosine loss
(peers_apart.py), four epochs at 2e-5 by 16 rows as its example has it (--apart 1,2e-5,16 says others).
--only graft, trainer or apart measures one of them. squad_v1 is divided by article, as its folder says.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from common import call, command, command_line, data, header, result, seconds

from graft.backbone.models import hub
from graft.data.read import ReadOptions, read
from graft.data.splitting.split import split
from graft.data.table import Rows
from graft.data.targets import JOINT

RECIPE = ("3", "1e-4", "0", "32")  # epochs, rate, seed, rows of a step


@dataclass(frozen=True, slots=True)
class Bench:
    """One data set: what the Trainer is told it is, what graft is told, and the metrics of both by one name."""

    job: str
    said: tuple[str, ...]
    metrics: tuple[str, ...]


BENCHES = {
    "stsb": Bench("similarity", ("--label", "score"), ("spearman",)),
    "mrpc": Bench("paraphrase", (), ("accuracy", "f1")),
    "conll2003": Bench("names", (), ("f1",)),
    "squad_v1": Bench("answers", (), ("f1", "exact")),
    "go_emotions": Bench("labels", ("--task", "multi-label"), ("macro_f1", "micro_f1")),
}


def ours(name: str, bench: Bench, folder: Path) -> dict[str, float]:
    """A whole run; the metrics of its evaluation."""
    out = folder / "run"
    call(command("run", source(name, folder), *bench.said, "--out", out, "--quiet"), folder / "cache")
    found = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    metrics = dict(found["metrics"])
    if bench.job == "paraphrase":
        metrics["f1"] = found["details"]["per_class"][0]["f1"]
    if bench.job == "answers":
        return metrics | {"f1": metrics["answer_f1"], "exact": metrics["exact_match"]}
    return metrics | {"f1": metrics["entity_f1"]} if bench.job == "names" else metrics


def source(name: str, folder: Path) -> Path:
    """The data as graft is given them: the folder itself, or one with SQuAD's articles in two files."""
    if name != "squad_v1":
        return data(name)
    made = folder / name
    if not made.exists():
        made.mkdir()
        with gzip.open(data(name) / "dev.json.gz", "rt", encoding="utf-8") as file:
            articles = json.load(file)["data"]
        for part, titles in json.loads((data(name) / "split_by_article.json").read_text(encoding="utf-8")).items():
            chosen = [article for article in articles if article["title"] in titles]
            (made / f"{part}.json").write_text(json.dumps({"version": "1.1", "data": chosen}), encoding="utf-8")
    return made


def theirs(bench: Bench, folder: Path, rate: str) -> dict[str, float]:
    """A whole job of the Trainer."""
    recipe = ("3", rate, "0", "16") if bench.job == "answers" else RECIPE
    script = "peers_labels.py" if bench.job == "labels" else "peers_tasks.py"
    line = [sys.executable, str(Path(__file__).with_name(script)), bench.job, str(hub.locate().folder)]
    done = subprocess.run([*line, str(folder), "test", *recipe], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def apart(folder: Path, asked: str) -> dict[str, float]:
    """A whole job of sentence-transformers."""
    epochs, rate, rows = asked.split(",")
    line = [sys.executable, str(Path(__file__).with_name("peers_apart.py")), str(hub.locate().folder)]
    done = subprocess.run(
        [*line, str(folder), "test", epochs, rate, "0", rows], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def written(name: str, bench: Bench, folder: Path) -> None:
    """The rows as the Trainer's script reads them."""
    options = ReadOptions(task="multi-label" if bench.job == "labels" else "auto")
    dataset = read(source(name, folder), label="score" if bench.job == "similarity" else None, options=options)
    splits = split(dataset)
    parts = {"train": dataset.parts["train"], "validation": splits.validation, "test": splits.test}
    for part, rows in parts.items():
        with open(folder / f"{part}.jsonl", "w", encoding="utf-8") as file:
            for row in records(rows, splits.classes, bench):
                print(json.dumps(row), file=file)


def records(rows: Rows, names: tuple[str, ...], bench: Bench) -> Iterator[dict[str, Any]]:
    if bench.job == "names":
        targets: Any = rows.targets
        codes = targets.coded(len(names)).tolist()
        for row, text in enumerate(rows.texts):
            first, last = int(targets.words.bounds[row]), int(targets.words.bounds[row + 1])
            words = [text[start:end] for start, end, *_ in targets.words.of(row)]
            yield {"words": words, "tags": [names[code] for code in codes[first:last]]}
        return
    if bench.job == "answers":
        targets = rows.targets
        assert rows.seconds is not None
        for row, (question, context) in enumerate(zip(rows.texts, rows.seconds, strict=True)):
            spans = targets.spans.of(row)
            found = [{"text": context[start:end], "answer_start": start} for start, end, _ in spans]
            yield {"question": question, "context": context, "answers": found}
        return
    shown = rows.targets.shown(names, 0, len(rows))
    if bench.job == "labels":
        for text, joined in zip(rows.texts, shown, strict=True):
            yield {"text": text, "labels": joined.split(JOINT) if joined else []}
        return
    pairs: Any = rows.inputs
    for (first, second), target in zip(pairs, shown, strict=True):
        yield {"first": first, "second": second, "target": float(target) if bench.job == "similarity" else target}


def main() -> None:
    parser = command_line(__doc__, rounds=1)
    parser.add_argument("--data", default=",".join(BENCHES))
    parser.add_argument("--rate", default="1e-4", help="the Trainer's, for answers (1e-4)")
    parser.add_argument(
        "--apart", default="4,2e-5,16", help="epochs, rate and rows of sentence-transformers (4,2e-5,16)"
    )
    parser.add_argument("--only", choices=("graft", "trainer", "apart"))
    asked = parser.parse_args()
    header("Pairs, names, answers and labels, from files to test numbers")
    for name in asked.data.split(","):
        bench = BENCHES[name]
        took: dict[str, float] = {}
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            written(name, bench, folder)
            jobs = {"graft": partial(ours, name, bench, folder), "trainer": partial(theirs, bench, folder, asked.rate)}
            if bench.job == "similarity":
                jobs["apart"] = partial(apart, folder, asked.apart)
            for who, job in jobs.items():
                if asked.only in (None, who):
                    took[who], found = seconds(job)
                    shown = ", ".join(f"{metric} {found[metric]:.4f}" for metric in bench.metrics)
                    result(f"{name}, {who}: {shown}, {took[who]:.0f} s")
        for who in ("trainer", "apart"):
            if "graft" in took and who in took:
                result(f"{name}: graft {took[who] / took['graft']:.2f} times as fast as {who}")


if __name__ == "__main__":
    main()
