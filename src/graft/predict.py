"""A finished run as a predictor: texts in, labels with probabilities out.

The labels are those of the saved model in plain transformers. Where the machine is faster in bf16, many texts at once
are answered in it, and in fp32 wherever that could change the label: probabilities then agree to about two decimals.
`logits`, and `precision="fp32"`, give every digit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.backbone import artefact
from graft.backbone.mixed import MixedPath
from graft.backbone.model import Backbone
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.data.pairs import Way, tokenize_pairs
from graft.data.tokens import Tokens, tokenize
from graft.errors import RunError
from graft.folder import RunFolder
from graft.machine import Device, Precision, choose
from graft.records import Input, MachineRecord, Manifest, Progress
from graft.tasks.registry import task_of
from graft.tasks.task import Outputs

Logits = NDArray[np.float32]
Answer = Callable[[Tokens], Iterator[Progress | Logits]]
CHUNK = 2048  # texts tokenised and answered together


class Predictor:
    """Answers texts with a run's model. Made by `load`."""

    def __init__(self, path: ModelPath | MixedPath, tokenizer: object, manifest: Manifest, limit: int) -> None:
        self.manifest = manifest
        self.of_pairs = bool(manifest.data.columns.second)
        self.task = task_of(manifest)
        self.outputs = Outputs(manifest.data.classes, manifest.head.settled if manifest.head else {})
        self._path = path
        self._tokenizer = tokenizer
        self._limit = limit

    def logits(self, texts: Iterable[Input]) -> Logits:
        """logits (texts × classes, fp32), in the order of the texts: those of the saved model, to rounding."""
        parts = [part for part in self._stream(texts, self._exactly) if not isinstance(part, Progress)]
        empty = np.zeros((0, len(self.outputs)), dtype=np.float32)
        return np.concatenate([empty, *[logits for _, logits in parts]])

    @property
    def classes(self) -> tuple[str, ...]:
        """What the logits' columns are called."""
        return self.outputs.names

    def predict(self, texts: Iterable[Input]) -> list[Any]:
        """One answer per text, in order: a `Prediction` where the task is classification.

        Raises TypeError for a single string or anything that is not text.
        """
        return list(self.predictions(texts))

    def predictions(self, texts: Iterable[Input]) -> Iterator[Any]:
        """The same as a stream: answers come in chunks while texts are still being read."""
        for part in self.stream(texts):
            if not isinstance(part, Progress):
                yield from self.task.answers(*part, self.outputs)

    def stream(self, texts: Iterable[Input]) -> Iterator[Progress | tuple[list[Input], Logits]]:
        """Chunks of (texts, logits), with progress between them."""
        return self._stream(texts, self._quickly)

    def _stream(self, texts: Iterable[Input], answer: Answer) -> Iterator[Progress | tuple[list[Input], Logits]]:
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts; put the one text in a list")
        chunk: list[Input] = []
        for text in texts:
            self._check(text)
            chunk.append(text)
            if len(chunk) == CHUNK:
                yield from self._chunk(chunk, answer)
                chunk = []
        if chunk:
            yield from self._chunk(chunk, answer)

    def _check(self, text: object) -> None:
        if self.of_pairs and not (isinstance(text, tuple) and [type(part) for part in text] == [str, str]):
            raise TypeError(f"this model reads pairs of texts: each must be a tuple of two str, not {text!r:.80}")
        if not self.of_pairs and not isinstance(text, str):
            raise TypeError(f"a text must be a str, not {type(text).__name__}")

    def _chunk(self, texts: list[Input], answer: Answer) -> Iterator[Progress | tuple[list[Input], Logits]]:
        tokens = self._tokens(texts)
        for event in answer(tokens):
            if isinstance(event, Progress):
                yield event
            else:
                yield texts, event

    def _tokens(self, texts: list[Any]) -> Tokens:
        if not self.of_pairs:
            return tokenize(texts, self._tokenizer, self._limit)[0]  # type: ignore[arg-type]
        head = self.manifest.head
        way: Way = "apart" if head is not None and head.kind == "paired" else "joined"
        return tokenize_pairs(texts, self._tokenizer, self._limit, way)[0]  # type: ignore[arg-type]

    def _quickly(self, tokens: Tokens) -> Iterator[Progress | Logits]:
        if isinstance(self._path, MixedPath):
            return self._path.logits(tokens, len(self.outputs), "predict")
        return self._exactly(tokens)

    def _exactly(self, tokens: Tokens) -> Iterator[Progress | Logits]:
        path = self._path.exact if isinstance(self._path, MixedPath) else self._path
        return predict_logits(path, Feed(tokens), len(self.outputs), "predict")


def load(run: str | Path, device: Device = "auto", precision: Precision = "auto") -> Predictor:
    """The predictor of a run folder.

    Raises RunError when the folder holds no finished model, or one that writes texts rather than answer them.
    """
    folder = RunFolder(run)
    manifest = folder.manifest()
    if task_of(manifest).head.reads == "language":
        raise RunError(f"{run} writes texts; it labels none.", f'graft generate {run} --prompt "a beginning".')
    backbone = artefact.load(folder.model, manifest)
    mixes = precision == "auto" and task_of(manifest).mixes
    exact = precision == "auto" and not mixes
    path = _path(backbone, choose(device, "fp32" if exact else precision), mixes)
    return Predictor(path, backbone.tokenizer.backend_tokenizer, manifest, manifest.truncation.limit)


def _path(backbone: Backbone, machine: MachineRecord, may_mix: bool) -> ModelPath | MixedPath:
    if not may_mix or machine.precision == "fp32":
        return ModelPath(backbone, machine, copied=False)
    quick = ModelPath(backbone, machine)
    return MixedPath(ModelPath(backbone, dataclasses.replace(machine, precision="fp32"), copied=False), quick)
