"""Six models ranked at every depth on all of train, then the winner's head trained; beside six bare extractions.

    python benchmarks/six_models.py [--data trec,sst2] [--rounds 1]

The bare extractions are what any comparison must do at least: load each model, tokenise train, run the forward passes
in the working precision over rows of like length, keep nothing. graft does that once for each model, pools and keeps
what it reads, scores every view of every depth, and trains a head over the best depth of the winner from what was kept
(the recipe `probe`). That head is chosen on validation's rows, which cross the winner, too: so there are two ratios, to
the extractions of train alone, and to those of every row that must be read. The sixth model is an encoder of random
weights, which costs what a pretrained one does. Of several data sets the seconds are summed up, too; `--data all` is
every one that the truth table has.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from common import command_line, header, median, ratio, result, seconds
from given import DATA, candidates

from graft.backbone.batch import Collator, batch_tokens_for, by_length
from graft.backbone.features import Extractor, Wanted
from graft.backbone.model import Backbone, load
from graft.backbone.models import hub
from graft.backbone.trunk import Trunk
from graft.cache.store import Store
from graft.choose.candidates import Named
from graft.choose.entrant import Measured
from graft.choose.forecast import best_view
from graft.choose.rank import rank
from graft.choose.sample import Sample
from graft.data.table import Rows, Splits
from graft.data.tokens.tokens import Tokens, tokenize
from graft.fit_options import FitOptions
from graft.fitting import fit
from graft.records import MachineRecord, Progress

LIMIT = 256  # tokens


def models(folder: Path) -> list[str]:
    """Five models that are at hand, and one with random weights."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    place = hub.locate(hub.EMBEDDED).folder
    tokenizer = AutoTokenizer.from_pretrained(place)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    known = (place.model for name, place in candidates().items() if "@" not in name)
    return [hub.EMBEDDED, *known, str(folder)]


def bare(names: list[str], parts: Splits, machine: MachineRecord, folder: Path) -> None:
    """The forward passes over train, with nothing kept."""
    for name in names:
        backbone = load(hub.locate(name), parts.classes)
        passes(Extractor(backbone, machine, Store(folder)).trunk, backbone, parts.train, machine)


def passes(trunk: Trunk, backbone: Backbone, rows: Rows, machine: MachineRecord) -> None:
    """Tokenise rows and run them through all blocks."""
    tokens = tokenize(rows.texts, backbone.tokenizer.backend_tokenizer, LIMIT)[0]
    collate = Collator(tokens, 0, machine.device)
    with torch.inference_mode():
        for batch in by_length(tokens.lengths, batch_tokens_for(machine.device)):
            trunk.states(*collate(batch), (len(trunk),))


def of_validation(name: str, parts: Splits, machine: MachineRecord, folder: Path) -> float:
    """Seconds of the forward passes over validation, the model being there."""
    backbone = load(hub.locate(name), parts.classes)
    trunk = Extractor(backbone, machine, Store(folder)).trunk
    passes(trunk, backbone, parts.validation, machine)  # warm-up
    return seconds(partial(passes, trunk, backbone, parts.validation, machine))[0]


def all_in(names: list[str], parts: Splits, machine: MachineRecord, folder: Path) -> str:
    """Ranked, and the winner's head trained; returns the winner."""
    sample = Sample(parts.train, parts.classes, LIMIT, most=len(parts.train))
    events = rank([Named(name) for name in names], sample, machine, Store(), 0)
    measured = [event for event in events if isinstance(event, Measured)]
    winner = max(measured, key=lambda one: best_view(one.views, one.model.blocks).probe).model.name
    for _ in fit(parts, folder / "run", FitOptions(winner, recipe="probe")):
        pass
    return winner


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many rows cross a backbone meanwhile."""
    original, crossed = Extractor.run, [0]

    def run(self: Extractor, tokens: Tokens, wanted: Wanted, phase: str = "extract") -> Iterator[Progress]:
        before = self.extracted
        yield from original(self, tokens, wanted, phase)
        crossed[0] += self.extracted - before

    Extractor.run = run  # type: ignore[method-assign]
    try:
        yield crossed
    finally:
        Extractor.run = original  # type: ignore[method-assign]


def fresh(work: Callable[[Path], object]) -> tuple[float, object]:
    """Seconds of work with an empty cache, and what it gave."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GRAFT_CACHE"] = str(Path(folder) / "cache")
        return seconds(partial(work, Path(folder)))


def measured(data: str, machine: MachineRecord, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds of the bare extractions of train, of graft, and of the winner's passes over validation, by round."""
    parts = DATA[data].splits()
    least, whole, held = [], [], []
    with tempfile.TemporaryDirectory() as place:
        names = models(Path(place))
        fresh(lambda folder: bare(names[:1], parts, machine, folder))  # warm-up
        for _ in itertools.repeat(None, rounds):
            least.append(fresh(lambda folder: bare(names, parts, machine, folder))[0])
            with counted() as crossed:
                took, winner = fresh(lambda folder: all_in(names, parts, machine, folder))
            whole.append(took)
            held.append(of_validation(str(winner), parts, machine, Path(place)))
    wanted = len(names) * len(parts.train) + len(parts.validation)
    print(f"{data}: {len(parts.train):,} rows, {len(parts.classes)} classes")
    print(f"  bare extractions {median(least)}; of validation by the winner {median(held)}")
    print(f"  graft, all in    {median(whole)}; winner {Path(str(winner)).name}")
    print(f"  rows that crossed a backbone {crossed[0]:,}, of {wanted:,} (equal rows cross once)")
    told(data, least, whole, held)
    return least, whole, held


def told(data: str, least: list[float], whole: list[float], held: list[float]) -> None:
    """Both ratios."""
    every = [train + validation for train, validation in zip(least, held, strict=True)]
    result(
        f"{data}: ranking six models and training the winner's head / six bare extractions of train "
        f"{ratio(whole, least):.2f}; / those of every row that is read {ratio(whole, every):.2f}"
    )


def main() -> None:
    parser = command_line(__doc__, rounds=1)
    parser.add_argument("--data", default="trec", help="data sets with commas between, or all (trec)")
    asked = parser.parse_args()
    machine = header("six models ranked, and the winner's head trained")
    names = list(DATA) if asked.data == "all" else [name.strip() for name in asked.data.split(",")]
    if unknown := [name for name in names if name not in DATA]:
        parser.error(f"--data: there is no {unknown[0]!r}; known are {', '.join(DATA)}, and all")
    found = [measured(name, machine, asked.rounds) for name in names]
    if len(found) > 1:
        least, whole, held = ([sum(round_) for round_ in zip(*each, strict=True)] for each in zip(*found, strict=True))
        told(" + ".join(names), least, whole, held)


if __name__ == "__main__":
    main()
