"""What an encoder-decoder learnt from filling in words: its loss on them beside that of guessing by frequency alone.

    python benchmarks/denoising.py [--model t5-gothic] [--stretches 300]

Stretches of 128 tokens of fiction that the model was not trained on are corrupted as its notes say: one token in twenty
begins a span of 1 + Poisson(2) tokens, which a sentinel stands for, and the decoder writes the spans. Nats per token,
over all that it writes, sentinels included; and of the words, where it is known that a word comes. A model that knows
each word's frequency (from other fiction of the same file) and no more is the measure to beat.

Source of the task: Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
2020, section 3.1.4.
"""

from __future__ import annotations

import argparse
import gzip
import os
from pathlib import Path

import numpy as np
import torch
from common import data, header, result
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import T5ForConditionalGeneration

TOKENS = 128  # of a stretch
STARTS, LONGER = 0.05, 2.0  # a span begins at a token; how many tokens more than one it has, on average
HELD = 500_000  # characters that are asked about; the rest says how often each word comes up

Ids = NDArray[np.int64]


def corrupted(ids: Ids, sentinels: list[int], rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """What the encoder reads, and what the decoder is to write."""
    given: list[int] = []
    wanted: list[int] = []
    place = 0
    while place < len(ids):
        spans = sum(token in sentinels for token in given)
        if rng.random() < STARTS and spans < len(sentinels):
            length = 1 + rng.poisson(LONGER)
            given.append(sentinels[spans])
            wanted += [sentinels[spans], *ids[place : place + length].tolist()]
            place += length
        else:
            given.append(int(ids[place]))
            place += 1
    return given, wanted


@torch.inference_mode()
def losses(
    model: T5ForConditionalGeneration, given: list[int], wanted: list[int], marks: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nats of each token to write and of the end; and of the same without any chance for `marks`, which are no words.
    The first of these ends a text."""
    labels = torch.tensor([[*wanted, marks[0]]])
    logits_TV = model(input_ids=torch.tensor([[*given, marks[0]]]), labels=labels).logits[0].double()
    every = torch.nn.functional.cross_entropy(logits_TV, labels[0], reduction="none")
    logits_TV[:, marks] = -torch.inf
    return every.numpy(), torch.nn.functional.cross_entropy(logits_TV, labels[0], reduction="none").numpy()


def read(tokenizer: Tokenizer, text: str) -> Ids:
    return np.asarray(tokenizer.encode(text, add_special_tokens=False).ids, np.int64)


def by_frequency(ids: Ids, words: int) -> NDArray[np.float64]:
    """Nats of each token of a vocabulary, by how often it comes up in a text; each is counted once more."""
    counts = np.bincount(ids, minlength=words) + 1.0
    nats: NDArray[np.float64] = -np.log(counts / counts.sum())
    return nats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="t5-gothic")
    parser.add_argument("--stretches", type=int, default=300)
    asked = parser.parse_args()
    header("Words to fill in")
    folder = Path(os.environ.get("GRAFT_MODELS", "../shared/models")) / asked.model
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = T5ForConditionalGeneration.from_pretrained(folder).eval()
    text = gzip.decompress((data("gothic_fiction") / "gothic.txt.gz").read_bytes()).decode()
    ids = read(tokenizer, text[:HELD])
    sentinels = [tokenizer.get_vocab()[f"<extra_id_{number}>"] for number in range(32)]
    marks, rng = [tokenizer.get_vocab()[name] for name in ("</s>", "<pad>")] + sentinels, np.random.default_rng(0)
    frequency = by_frequency(read(tokenizer, text[HELD:]), tokenizer.get_vocab_size())
    every, words, guessed = [], [], []
    for start in range(0, min(asked.stretches * TOKENS, len(ids)), TOKENS):
        given, wanted = corrupted(ids[start : start + TOKENS], sentinels, rng)
        nats, of_words = losses(model, given, wanted, marks)
        are_words = ~np.isin(wanted, sentinels)
        every.append(nats)
        words.append(of_words[:-1][are_words])
        guessed.append(frequency[np.asarray(wanted, np.int64)[are_words]])
    means = [float(np.concatenate(parts).mean()) for parts in (every, words, guessed)]
    result(f"{asked.model}: {means[0]:.2f} nats a token, {means[1]:.2f} a word; by frequency alone {means[2]:.2f}")


if __name__ == "__main__":
    main()
