"""A language model that learns a style, and writes: graft beside transformers' Trainer and `generate`, in turn.

    python benchmarks/stories.py [--model ../shared/models/gpt2-gothic] [--characters 300000] [--rounds 2]

Training: real tokens per second of one epoch, the first steps left out. Trainer by its defaults gets windows of
documents as rows, 8 a step, padded; tuned, it gets bf16, the fused optimiser, steps of 16 and text packed into full
windows. Writing: 200 tokens after one prompt, and after eight (graft together, transformers in turn), drawn alike;
no text ends early.
"""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from common import command_line, data, header, median, ratio, result, seconds
from ours import loop

from graft import quiet
from graft.backbone.model import Backbone, load
from graft.backbone.models import hub
from graft.data.read import ReadOptions, read
from graft.data.splitting.split import split
from graft.data.table import Splits
from graft.generate import writer_of
from graft.records import MachineRecord
from graft.records.writing import Generation, Sampling
from graft.tasks.writing import WRITING
from graft.train.scale import Scale
from graft.train.writing_recipes import BATCHES, WINDOW, fast
from graft.windowed import read as read_documents

WARM_UP = 2
TOKENS = 200
PROMPTS = (
    "It was a night", "The old house", "I had never", "My uncle said",
    "From the sea", "They found him", "In the tower", "At last",
)  # fmt: skip


def material_splits(characters: int) -> Splits:
    """The first stories, split as graft does."""
    text = gzip.decompress((data("lovecraft") / "lovecraft.txt.gz").read_bytes()).decode()[:characters]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stories.txt"
        path.write_text(text, encoding="utf-8")
        return split(read(path, options=ReadOptions(task="write")))


def own_rate(model: str, splits: Splits, machine: MachineRecord) -> float:
    backbone = load(hub.locate(model), (), head=WRITING.head)
    documents = read_documents(splits, backbone)
    window = min(WINDOW, backbone.record.max_tokens)
    work = documents.material(splits, backbone, machine, window)
    record = backbone.record
    scale = Scale(len(splits.train), documents.train_tokens, 0, record.blocks, record.width, task=WRITING)
    recipe = fast(scale)
    return loop(work, recipe, WARM_UP).rate


def their_rate(model: str, splits: Splits, tuned: bool) -> float:
    """The pace of a Trainer over the same text."""
    from peers import paced
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        DataCollatorForLanguageModeling,
        PrinterCallback,
        Trainer,
        TrainingArguments,
    )

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    learner = AutoModelForCausalLM.from_pretrained(model, dtype="float32")
    window = min(WINDOW, learner.config.max_position_embeddings)
    documents = [tokenizer(text)["input_ids"] + [tokenizer.eos_token_id] for text in splits.train.texts]
    sources = [[token for ids in documents for token in ids]] if tuned else documents
    rows = [{"input_ids": ids[start : start + window]} for ids in sources for start in range(0, len(ids), window)]
    rows = [row for row in rows if len(row["input_ids"]) == window] if tuned else rows
    settings: dict[str, Any] = {"bf16": True, "optim": "adamw_torch_fused", "logging_strategy": "no"} if tuned else {}
    with tempfile.TemporaryDirectory() as out:
        arguments = TrainingArguments(
            out,
            per_device_train_batch_size=BATCHES.rows if tuned else 8,
            num_train_epochs=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            **settings,
        )
        collate = DataCollatorForLanguageModeling(tokenizer, mlm=False)
        made = Trainer(learner, arguments, collate, train_dataset=rows)
        made.remove_callback(PrinterCallback)
        tokens, took, _ = paced(made, WARM_UP)
    return tokens / took


def writers(model: str) -> tuple[Callable[[tuple[str, ...]], int], Callable[[tuple[str, ...]], int]]:
    """Both sides' ways to go on from prompts: each answers how many tokens it wrote."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    backbone: Backbone = load(hub.locate(model), (), head=WRITING.head)
    writer = writer_of(backbone, "cpu", backbone.record.max_tokens)
    writer._marks = replace(writer._marks, ends=frozenset())  # nothing ends a text early, on either side
    tokenizer, peer = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model).eval()

    def own(prompts: tuple[str, ...]) -> int:
        found = writer.write(prompts, Generation(1, TOKENS, sampling=Sampling(temperature=0.8, top_p=0.95)))
        assert all(one.ending == "length" for one in found)
        return TOKENS * len(found)

    def theirs(prompts: tuple[str, ...]) -> int:
        written = 0
        for prompt in prompts:
            ids = tokenizer(prompt, return_tensors="pt").input_ids
            with torch.inference_mode():
                whole = peer.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    max_new_tokens=TOKENS,
                    do_sample=True,
                    temperature=0.8,
                    top_p=0.95,
                    pad_token_id=tokenizer.eos_token_id,
                    eos_token_id=peer.config.vocab_size,  # which is never written
                )
            written += whole.shape[1] - ids.shape[1]
        assert written == TOKENS * len(prompts)
        return written

    return own, theirs


def writing(model: str, rounds: int) -> None:
    """Tokens per second of both sides, one prompt and eight."""
    with quiet.MODELS:
        own, theirs = writers(model)
    for prompts in (PROMPTS[:1], PROMPTS):
        own(PROMPTS[:1])
        theirs(PROMPTS[:1])
        rates: dict[str, list[float]] = {"graft": [], "transformers": []}
        for _ in range(rounds):
            for name, write in (("graft", own), ("transformers", theirs)):
                took, tokens = seconds(lambda write=write, prompts=prompts: write(prompts))  # type: ignore[misc]
                rates[name].append(tokens / took)
        for name, found in rates.items():
            print(f"  {name:<20} {median(found, 'tokens/s', 0)}")
        gain = ratio(rates["graft"], rates["transformers"])
        result(f"writing after {len(prompts)} prompts: graft / generate {gain:.2f}, tokens/s")


def main() -> None:
    parser = command_line(__doc__, rounds=2)
    parser.add_argument(
        "--model", default=str(Path(os.environ.get("GRAFT_MODELS", "../shared/models")) / "gpt2-gothic")
    )
    parser.add_argument("--characters", type=int, default=300_000)
    parser.add_argument("--only", choices=("training", "writing"), help="one half of it")
    asked = parser.parse_args()
    machine = header(f"Learning a style and writing: {Path(asked.model).name}")
    if asked.only != "writing":
        training(asked.model, asked.characters, asked.rounds, machine)
    if asked.only != "training":
        writing(asked.model, asked.rounds)


def training(model: str, characters: int, rounds: int, machine: MachineRecord) -> None:
    """Tokens per second of all three, in turn."""
    splits = material_splits(characters)
    rates: dict[str, list[float]] = {"graft": [], "Trainer, defaults": [], "Trainer, tuned": []}
    for _ in range(rounds):
        rates["graft"].append(own_rate(model, splits, machine))
        rates["Trainer, defaults"].append(their_rate(model, splits, tuned=False))
        rates["Trainer, tuned"].append(their_rate(model, splits, tuned=True))
    for name, found in rates.items():
        print(f"  {name:<20} {median(found, 'tokens/s', 0)}")
    for name in ("Trainer, defaults", "Trainer, tuned"):
        result(f"training: graft / {name} {ratio(rates['graft'], rates[name]):.2f}, real tokens/s")


if __name__ == "__main__":
    main()
