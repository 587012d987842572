"""Extraction: texts to pooled features by graft, and by SentenceTransformer.encode with its defaults, in turn.

    python benchmarks/extraction.py [--data sst2] [--lengths 0,128] [--rounds 3]

Length 0 is the sentences as they are; at length 128 sentences are joined until they are at least so long, and both
sides cut them to exactly 128 tokens. Both load the same model, and both tokenise within their time. graft writes what
it extracts to its cache, which is empty at first: the pooled states of the last block, as the peer gives them; a second
figure also keeps the token states below the two top blocks. The passes alone are graft's time without tokenising.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from common import command_line, header, median, ratio, result, seconds, splits
from numpy.typing import NDArray
from roofline import Peak, Work, extracting
from sentence_transformers import SentenceTransformer

from graft import quiet
from graft.backbone.features import Extractor, Wanted
from graft.backbone.model import Backbone, load
from graft.backbone.models import hub
from graft.cache.store import Store
from graft.data.tokens.tokens import Tokens, tokenize

AS_IT_IS = 256  # the model's own limit, longer than these sentences


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of one extraction by graft."""

    all: float
    passes: float


def joined(texts: Sequence[str], backbone: Backbone, length: int) -> list[str]:
    """Texts run together until each has at least `length` tokens."""

    def groups() -> Iterator[str]:
        held, size = [], 2
        inner = tokenize(texts, backbone.tokenizer.backend_tokenizer, 10_000)[0].lengths - 2
        for text, tokens in zip(texts, inner.tolist(), strict=True):
            held.append(text)
            size += tokens
            if size >= length:
                yield " ".join(held)
                held, size = [], 2

    return list(groups())


def tokens_of(texts: Sequence[str], backbone: Backbone, limit: int) -> Tokens:
    return tokenize(texts, backbone.tokenizer.backend_tokenizer, limit)[0]


def own(
    extractor: Extractor, backbone: Backbone, texts: Sequence[str], limit: int, cuts: tuple[int, ...], cache: Path
) -> tuple[Took, NDArray[np.float32]]:
    """One extraction into an empty cache, and the features pooled by the mean."""
    extractor.store = Store(cache)
    blocks = backbone.record.blocks
    start = time.perf_counter()
    tokens = tokens_of(texts, backbone, limit)
    middle = time.perf_counter()
    for _ in extractor.run(tokens, Wanted((blocks,), cuts)):
        pass
    end = time.perf_counter()
    assert extractor.features is not None
    poolings = backbone.family.poolings
    pooled = extractor.features.pooled[blocks][:, poolings.index("mean")]
    return Took(end - start, end - middle), pooled.numpy().copy()


def likeness(left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
    """The smallest cosine between two texts' features."""
    pair = [torch.nn.functional.normalize(torch.from_numpy(side)) for side in (left, right)]
    return float((pair[0] * pair[1]).sum(1).min())


def measure(texts: Sequence[str], limit: int, title: str, rounds: int, peak: Peak) -> None:
    place = hub.locate()
    backbone = load(place, ("a", "b"))
    with tempfile.TemporaryDirectory() as root:
        extractor = Extractor(backbone, peak.machine, Store(Path(root)))
        with quiet.MODELS:
            peer = SentenceTransformer(str(place.folder), device=peak.machine.device, local_files_only=True)
        peer.max_seq_length = limit
        encode = partial(peer.encode, texts, show_progress_bar=False)
        cut = (backbone.record.blocks - 2,)
        took: dict[str, list[Took]] = {"graft": [], "graft, states kept": []}
        theirs: list[float] = []
        own(extractor, backbone, texts[:64], limit, (), Path(root) / "warm-up")
        peer.encode(texts[:64], show_progress_bar=False)
        for number in range(rounds):
            peak.measure()
            spent, features = own(extractor, backbone, texts, limit, (), Path(root) / f"{number}")
            took["graft"].append(spent)
            spent, _ = own(extractor, backbone, texts, limit, cut, Path(root) / f"{number} kept")
            took["graft, states kept"].append(spent)
            second, embeddings = seconds(encode)
            theirs.append(second)
        print(f"  smallest cosine between the two sides' features: {likeness(features, embeddings):.4f}")
    report(title, took, theirs, extracting(backbone, tokens_of(texts, backbone, limit).lengths), peak)


def report(title: str, took: dict[str, list[Took]], theirs: list[float], work: Work, peak: Peak) -> None:
    for name, found in took.items():
        print(f"  {name:<20} {median([spent.all for spent in found])}")
        print(f"  {'  passes alone':<20} {median([spent.passes for spent in found])}")
    print(f"  {'encode, defaults':<20} {median(theirs)}")
    peak.show()
    whole, passes = ([getattr(spent, kind) for spent in took["graft"]] for kind in ("all", "passes"))
    for name, spent in (("graft", whole), ("graft's passes alone", passes), ("encode", theirs)):
        print("  " + peak.line(name, work, spent))
    kept = [spent.all for spent in took["graft, states kept"]]
    shares = ", ".join(peak.share(work, spent) for spent in (whole, passes))
    result(f"{title}: encode's defaults / graft {ratio(theirs, whole):.2f}, seconds")
    result(f"{title}: graft at {shares} of the measured peak, with and without tokenising")
    result(
        f"{title}: graft keeping token states / not {statistics.median(kept) / statistics.median(whole):.2f}, seconds"
    )


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--data", default="sst2")
    parser.add_argument("--lengths", default="0,128", help="tokens per text; 0: the texts as they are")
    parser.add_argument("--texts", type=int, default=0, help="only the first N texts (0: all)")
    asked = parser.parse_args()
    machine = header(f"Extraction of pooled features: {asked.data}")
    texts = list(splits(asked.data).train.texts)
    for length in map(int, asked.lengths.split(",")):
        chosen = joined(texts, load(hub.locate(), ("a", "b")), length) if length else texts
        chosen = chosen[: asked.texts or None]
        title = f"extraction, {asked.data} at {length} tokens" if length else f"extraction, {asked.data} as it is"
        print(f"  {title}: {len(chosen):,} texts", flush=True)
        measure(chosen, length or AS_IT_IS, title, asked.rounds, Peak(machine))


if __name__ == "__main__":
    main()
