"""A finished run as a predictor: texts in, labels with probabilities out.

The labels are those of the saved model in plain transformers. Where the machine is faster in bf16, many texts at once
are answered in it, and in fp32 wherever that could change the label: probabilities then agree to about two decimals.
`logits`, and `precision="fp32"`, give every digit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graft.backbone import instant
from graft.data.asked import Kind, asked
from graft.data.table import Rows
from graft.data.tokens.encode import Encoded, encode
from graft.data.tokens.longtexts import Limits, limits_by
from graft.data.tokens.pairs import Way
from graft.errors import RunError
from graft.folder import RunFolder
from graft.machine import Device, Precision
from graft.records import Answered, Input, Manifest, Progress
from graft.tasks.candidates import COLUMNS
from graft.tasks.registry import task_of
from graft.tasks.task import Outputs

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from graft.answering import Answering

Logits = NDArray[Any]  # of a model that rewrites: the texts


@dataclass(frozen=True, slots=True)
class Asking:
    """Which run is asked, and where it computes."""

    folder: RunFolder
    manifest: Manifest
    device: Device = "auto"
    precision: Precision = "auto"
    whole: bool = False  # all of the model at once, not when it is needed


class Predictor:
    """Answers texts with a run's model. Made by `load`.

    What it takes follows from what the model learnt from: texts; pairs of texts, each a tuple of two; for names in text
    also lists of words; for answers tuples of a question and its context.
    """

    def __init__(self, asking: Asking) -> None:
        self.manifest = manifest = asking.manifest
        self.kind: Kind = kind_of(manifest)
        self.task = task_of(manifest)
        self.outputs = Outputs(manifest.data.classes, manifest.head.settled if manifest.head else {})
        self._asking = asking
        self._limits = limits_of(manifest)
        self._loading = Lock()  # a server's threads may ask at once
        self._turn = Lock()  # and what computes for one of them is hooked and switched meanwhile
        self._whole: Answering | None = None
        self._instant = self._at_once()
        if self._instant is None:
            self._load()
        else:  # what is loaded later is found from anywhere
            self._asking = replace(asking, folder=RunFolder(asking.folder.path.absolute()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled, say for another process, it is the run's folder, and loaded again there."""
        asking = self._asking
        return partial(load, whole=asking.whole), (asking.folder.path.absolute(), asking.device, asking.precision)

    def logits(self, texts: Iterable[Input]) -> Logits:
        """logits (texts × classes, fp32; words × tags for names; for questions the candidates as `tasks/candidates.py`
        has them), in the order of the texts: those of the saved model, to rounding. Raises RunError for a model that
        writes texts."""
        if self.task.head.reads == "decoder":
            raise RunError("This model writes texts, which have no logits.", "use predict.")
        found = self._stream(asked(texts, self.kind), exactly=True)
        parts = [part for part in found if not isinstance(part, Progress)]
        if parts:
            return np.concatenate([logits for _, logits in parts])
        return np.zeros((0, COLUMNS if self.kind == "questions" else len(self.outputs)), np.float32)

    @property
    def precision(self) -> Answered:
        """What it has answered in so far."""
        return self._whole.precision if self._whole is not None else "fp32"

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
        for part in self.stream(asked(texts, self.kind)):
            if not isinstance(part, Progress):
                yield from self.task.answers(*part, self.outputs)

    def stream(self, chunks: Iterable[Rows]) -> Iterator[Progress | tuple[Rows, Logits]]:
        """Chunks of rows (of `data/asked.py`) with their logits, and progress between them."""
        return self._stream(chunks, exactly=False)

    def _stream(self, chunks: Iterable[Rows], exactly: bool) -> Iterator[Progress | tuple[Rows, Logits]]:
        for rows in chunks:
            if (quick := self._instant) is not None:
                read = self._encoded(rows, quick.tokenizer)
                if quick.affords(read.tokens):
                    yield rows, quick.logits(read.tokens)
                    continue
            whole = self._load()
            read = self._encoded(rows, whole.tokenizer)
            for event in self._in_turn(whole.exactly(read) if exactly else whole.quickly(read)):
                yield event if isinstance(event, Progress) else (rows, event)

    def _in_turn(self, work: Iterator[Progress | Logits]) -> Iterator[Progress | Logits]:
        """Batch by batch, each by one thread alone; between two of them others have their turn."""
        while True:
            with self._turn:
                event = next(work, None)
            if event is None:
                return
            yield event

    def _encoded(self, rows: Rows, tokenizer: Tokenizer) -> Encoded:
        head = self.manifest.head
        way: Way = "apart" if head is not None and head.kind == "paired" else "joined"
        with self._turn:  # the tokenizer is set, and then asked
            return encode(rows, tokenizer, self._limits, way)

    def _at_once(self) -> instant.Instant | None:
        """What answers the first few texts before torch is there; None where it is, or where they need it."""
        asking = self._asking
        here = (
            not asking.whole
            and "torch" not in sys.modules
            and asking.device in ("auto", "cpu")
            and asking.precision in ("auto", "fp32")
        )
        if not here or self.task.head.reads != "row" or self._limits.long != "truncate":
            return None
        return instant.load(asking.folder.model, asking.manifest)

    def _load(self) -> Answering:
        """The whole model, which answers everything from now on."""
        with self._loading:
            if self._whole is None:
                from graft import answering

                self._instant = None  # its memory first
                asking = self._asking
                self._whole = answering.load(
                    asking.folder, asking.manifest, asking.device, asking.precision, len(self.outputs)
                )
            return self._whole


def load(run: str | Path, device: Device = "auto", precision: Precision = "auto", *, whole: bool = False) -> Predictor:
    """The predictor of a run folder. Where torch is not imported yet, the first few texts are answered without it, and
    the rest of the model is read when more are asked: until then the folder must stay. With `whole` all of it is read
    at once, so that no later call takes longer for it.

    Raises RunError when the folder holds no finished model, or one that writes texts rather than answer them.
    """
    folder = RunFolder(run)
    manifest = folder.manifest()
    if task_of(manifest).head.reads == "language":
        raise RunError(f"{run} writes texts; it labels none.", f'graft generate {run} --prompt "a beginning".')
    return Predictor(Asking(folder, manifest, device, precision, whole))


def limits_of(manifest: Manifest) -> Limits:
    """How the run's model reads long texts."""
    return limits_by(manifest.recipe, task_of(manifest).head.reads, manifest.truncation.limit)


def kind_of(manifest: Manifest) -> Kind:
    """What the run's model is asked about."""
    reads = task_of(manifest).head.reads
    if reads in ("token", "span"):
        return "words" if reads == "token" else "questions"
    return "pairs" if manifest.data.columns.second else "texts"
