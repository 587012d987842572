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
from graft.backbone.precision import serving
from graft.backbone.rewriting import Rewriter
from graft.backbone.seq2seq import Seq2SeqPath
from graft.data.asked import Kind, asked
from graft.data.encode import encode
from graft.data.longtexts import Limits, limits_by
from graft.data.pairs import Way
from graft.data.table import Rows
from graft.errors import RunError
from graft.folder import RunFolder
from graft.machine import Device, Precision, choose
from graft.records import Input, MachineRecord, Manifest, Progress
from graft.tasks.candidates import COLUMNS
from graft.tasks.registry import task_of
from graft.tasks.task import Outputs

Logits = NDArray[Any]  # of a model that rewrites: the texts
Answering = ModelPath | MixedPath | Rewriter
Answer = Callable[[Feed], Iterator[Progress | Logits]]


class Predictor:
    """Answers texts with a run's model. Made by `load`.

    What it takes follows from what the model learnt from: texts; pairs of texts, each a tuple of two; for names in text
    also lists of words; for answers tuples of a question and its context.
    """

    def __init__(self, path: Answering, tokenizer: Any, manifest: Manifest, limits: Limits) -> None:
        self.manifest = manifest
        self.kind: Kind = kind_of(manifest)
        self.task = task_of(manifest)
        self.outputs = Outputs(manifest.data.classes, manifest.head.settled if manifest.head else {})
        self._path = path
        self._tokenizer = tokenizer
        self._limits = limits

    def logits(self, texts: Iterable[Input]) -> Logits:
        """logits (texts × classes, fp32; words × tags for names; for questions the candidates as `tasks/candidates.py`
        has them), in the order of the texts: those of the saved model, to rounding. Raises RunError for a model that
        writes texts."""
        if isinstance(self._path, Rewriter):
            raise RunError("This model writes texts, which have no logits.", "use predict.")
        found = self._stream(asked(texts, self.kind), self._exactly)
        parts = [part for part in found if not isinstance(part, Progress)]
        if parts:
            return np.concatenate([logits for _, logits in parts])
        return np.zeros((0, COLUMNS if self.kind == "questions" else len(self.outputs)), np.float32)

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
        for part in self._stream(asked(texts, self.kind), self._quickly):
            if not isinstance(part, Progress):
                yield from self.task.answers(*part, self.outputs)

    def stream(self, chunks: Iterable[Rows]) -> Iterator[Progress | tuple[Rows, Logits]]:
        """Chunks of rows (of `data/asked.py`) with their logits, and progress between them."""
        return self._stream(chunks, self._quickly)

    def _stream(self, chunks: Iterable[Rows], answer: Answer) -> Iterator[Progress | tuple[Rows, Logits]]:
        head = self.manifest.head
        way: Way = "apart" if head is not None and head.kind == "paired" else "joined"
        for rows in chunks:
            read = encode(rows, self._tokenizer, self._limits, way)
            for event in answer(Feed(read.tokens, None, read.layout)):
                if isinstance(event, Progress):
                    yield event
                else:
                    yield rows, event

    def _quickly(self, feed: Feed) -> Iterator[Progress | Logits]:
        if isinstance(self._path, MixedPath):
            return self._path.logits(feed, len(self.outputs), "predict")
        return self._exactly(feed)

    def _exactly(self, feed: Feed) -> Iterator[Progress | Logits]:
        if isinstance(self._path, Rewriter):
            return self._path.write(feed, "predict")
        path = self._path.exact if isinstance(self._path, MixedPath) else self._path
        return predict_logits(path, feed, len(self.outputs), "predict")


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
    machine = choose(device, "fp32" if exact else precision)
    if machine.precision == "bf16":
        machine = serving(backbone, machine)
    if task_of(manifest).head.reads == "decoder":
        writer = Rewriter(Seq2SeqPath(backbone, machine, copied=False), backbone.tokenizer)
        return Predictor(writer, backbone.tokenizer.backend_tokenizer, manifest, limits_of(manifest))
    path = _path(backbone, machine, mixes)
    return Predictor(path, backbone.tokenizer.backend_tokenizer, manifest, limits_of(manifest))


def limits_of(manifest: Manifest) -> Limits:
    """How the run's model reads long texts."""
    return limits_by(manifest.recipe, task_of(manifest).head.reads, manifest.truncation.limit)


def kind_of(manifest: Manifest) -> Kind:
    """What the run's model is asked about."""
    reads = task_of(manifest).head.reads
    if reads in ("token", "span"):
        return "words" if reads == "token" else "questions"
    return "pairs" if manifest.data.columns.second else "texts"


def _path(backbone: Backbone, machine: MachineRecord, may_mix: bool) -> ModelPath | MixedPath:
    if not may_mix or machine.precision == "fp32":
        return ModelPath(backbone, machine, copied=False)
    quick = ModelPath(backbone, machine)
    return MixedPath(ModelPath(backbone, dataclasses.replace(machine, precision="fp32"), copied=False), quick)
