"""A saved run's whole model in torch, as `predict.py` asks it: quickly where no answer changes, or exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from graft.backbone import artefact
from graft.backbone.mixed import MixedPath
from graft.backbone.model import Backbone
from graft.backbone.paths import Feed, ModelPath, predict_logits
from graft.backbone.precision import serving
from graft.backbone.rewriting import Rewriter
from graft.backbone.seq2seq import Seq2SeqPath
from graft.data.tokens.encode import Encoded
from graft.folder import RunFolder
from graft.machine import Device, Precision, choose
from graft.records import Answered, MachineRecord, Manifest, Progress
from graft.tasks.registry import task_of

Logits = NDArray[Any]  # of a model that rewrites: the texts


class Answering:
    """What says something of encoded rows. Made by `load`."""

    def __init__(
        self, path: ModelPath | MixedPath | Rewriter, backbone: Backbone, outputs: int, machine: MachineRecord
    ) -> None:
        self._machine = machine
        self.tokenizer = backbone.tokenizer.backend_tokenizer
        self._path = path
        self._outputs = outputs

    @property
    def precision(self) -> Answered:
        """What it has answered in."""
        if isinstance(self._path, MixedPath):
            return "fp32" if self._path.tolerance is None else "mixed"
        return self._machine.precision

    def quickly(self, read: Encoded) -> Iterator[Progress | Logits]:
        """Progress, and then the rows' logits, or what is written for them."""
        if isinstance(self._path, MixedPath):
            return self._path.logits(_feed(read), self._outputs, "predict")
        return self.exactly(read)

    def exactly(self, read: Encoded) -> Iterator[Progress | Logits]:
        """The same in the model's own precision throughout."""
        if isinstance(self._path, Rewriter):
            return self._path.write(_feed(read), "predict")
        path = self._path.exact if isinstance(self._path, MixedPath) else self._path
        return predict_logits(path, _feed(read), self._outputs, "predict")


def _feed(read: Encoded) -> Feed:
    return Feed(read.tokens, None, read.layout)


def load(folder: RunFolder, manifest: Manifest, device: Device, precision: Precision, outputs: int) -> Answering:
    """A run's model. Raises RunError where its files are missing, or not the ones that the run saved."""
    backbone = artefact.load(folder.model, manifest)
    mixes = precision == "auto" and task_of(manifest).mixes
    exact = precision == "auto" and not mixes
    machine = choose(device, "fp32" if exact else precision)
    if machine.precision == "bf16":
        machine = serving(backbone, machine)
    if task_of(manifest).head.reads == "decoder":
        return Answering(
            Rewriter(Seq2SeqPath(backbone, machine, copied=False), backbone.tokenizer), backbone, outputs, machine
        )
    return Answering(_path(backbone, machine, mixes), backbone, outputs, machine)


def _path(backbone: Backbone, machine: MachineRecord, may_mix: bool) -> ModelPath | MixedPath:
    if not may_mix or machine.precision == "fp32":
        return ModelPath(backbone, machine, copied=False)
    quick = ModelPath(backbone, machine)
    return MixedPath(ModelPath(backbone, dataclasses.replace(machine, precision="fp32"), copied=False), quick)
