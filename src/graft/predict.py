"""A finished run as a predictor: texts in, labels with probabilities out.

By default in fp32, so that the answers are those of the saved model in plain transformers; `precision="bf16"` trades
the third decimal for speed where the machine has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft.backbone import artefact
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.data.tokens import tokenize
from graft.folder import RunFolder
from graft.machine import Device, Precision, choose
from graft.records import Manifest, Prediction, Progress

CHUNK = 2048  # texts tokenised and answered together


class Predictor:
    """Answers texts with a run's model. Made by `load`."""

    def __init__(self, path: ModelPath, tokenizer: object, manifest: Manifest, limit: int) -> None:
        self.manifest = manifest
        self.classes = manifest.data.classes
        self._path = path
        self._tokenizer = tokenizer
        self._limit = limit

    def logits(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """logits (texts × classes, fp32), in the order of the texts."""
        parts = [part for part in self.stream(texts) if not isinstance(part, Progress)]
        empty = np.zeros((0, len(self.classes)), dtype=np.float32)
        return np.concatenate([empty, *[logits for _, logits in parts]])

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """One `Prediction` per text, in order. Raises TypeError for a single string or anything that is not text."""
        return list(self.predictions(texts))

    def predictions(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """The same as a stream: answers come in chunks while texts are still being read."""
        for part in self.stream(texts):
            if not isinstance(part, Progress):
                yield from decode(*part, self.classes)

    def stream(self, texts: Iterable[str]) -> Iterator[Progress | tuple[list[str], NDArray[np.float32]]]:
        """Chunks of (texts, logits), with progress between them."""
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts; put the one text in a list")
        chunk: list[str] = []
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"a text must be a str, not {type(text).__name__}")
            chunk.append(text)
            if len(chunk) == CHUNK:
                yield from self._answer(chunk)
                chunk = []
        if chunk:
            yield from self._answer(chunk)

    def _answer(self, texts: list[str]) -> Iterator[Progress | tuple[list[str], NDArray[np.float32]]]:
        tokens, _ = tokenize(texts, self._tokenizer, self._limit)  # type: ignore[arg-type]
        for event in predict_logits(self._path, Feed(tokens), len(self.classes), "predict"):
            if isinstance(event, Progress):
                yield event
            else:
                yield texts, event


def load(run: str | Path, device: Device = "auto", precision: Precision = "fp32") -> Predictor:
    """The predictor of a run folder.

    Raises RunError when the folder holds no finished model.
    """
    folder = RunFolder(run)
    manifest = folder.manifest()
    backbone = artefact.load(folder.model, manifest)
    backbone.model.config._attn_implementation = "sdpa"  # without gradients it is the faster one in fp32
    path = ModelPath(backbone, choose(device, precision), copied=False)
    return Predictor(path, backbone.tokenizer.backend_tokenizer, manifest, manifest.truncation.limit)


def decode(texts: Sequence[str], logits: NDArray[np.float32], classes: Sequence[str]) -> Iterator[Prediction]:
    """Predictions of logits (texts × classes)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    shares = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    for text, row in zip(texts, shares, strict=True):
        best = int(row.argmax())
        yield Prediction(text, classes[best], float(row[best]), dict(zip(classes, row.tolist(), strict=True)))
