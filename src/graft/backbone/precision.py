"""Whether bf16 serves an architecture: tried on a few sentences before anything is extracted or trained.

BERT-like encoders and decoders alone are known to do well: the gradients of a batch in bf16 lie within a degree or two
of those in fp32. T5 need not (its attention is not scaled, and its states grow far beyond the embeddings: a small one's
gradients lay 38 degrees apart), and some architectures have steps that torch cannot do in bf16 at all (FNet's Fourier
transform). So encoder-decoders and architectures without an entry of their own are tried.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from graft.backbone.model import Backbone
from graft.backbone.paths import Feed, ModelPath
from graft.data.tokens import tokenize
from graft.errors import ModelError, first_line
from graft.machine import NAMED, is_out_of_memory
from graft.records import MachineRecord

ALIKE = 0.95  # the least cosine of the gradients in bf16 with those in fp32
SENTENCES = (
    "What is the longest river in the world?",
    "The train was late, and nobody at the station could say why.",
    "Bread.",
    "Please send me the bill for the two rooms that we had in March, as the first one was lost.",
)
_FAILURES = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, KeyError, AssertionError)


def serving(backbone: Backbone, machine: MachineRecord) -> MachineRecord:
    """The machine as this backbone is to be computed on it: in fp32, and why, where bf16 does not serve.

    Raises ModelError where it cannot be computed in fp32 either, or not in the bf16 that was asked for.
    """
    family = backbone.family
    if backbone.reads == "language" or (family.known and not backbone.model.config.is_encoder_decoder):
        return machine
    plain = dataclasses.replace(machine, precision="fp32")
    try:
        exact = gradients(backbone, plain)
    except _FAILURES as error:
        raise _unfit(backbone, error) from None
    if machine.precision == "fp32":
        return machine
    try:
        alike = _cosine(exact, gradients(backbone, machine))
    except _FAILURES as error:
        if is_out_of_memory(error):
            raise MemoryError from None
        if machine.why == NAMED:
            found = f"{backbone.record.name} cannot be computed in bf16: {first_line(error)}"
            raise ModelError(found, "leave out --precision.") from None
        return dataclasses.replace(plain, why=f"a {family.name!r} model cannot be computed in bf16")
    if machine.why == NAMED or alike >= ALIKE:
        return machine
    why = f"in bf16 this model's gradients differ from fp32's (cosine {alike:.2f})"
    return dataclasses.replace(plain, why=why)


def _unfit(backbone: Backbone, error: Exception) -> Exception:
    if is_out_of_memory(error):
        return MemoryError()
    found = f"{backbone.record.name} ({backbone.family.name}) cannot be trained by graft: {first_line(error)}"
    return ModelError(found, "choose a model of a known family: bert, roberta, deberta-v2, modernbert, gpt2, t5, …")


def gradients(backbone: Backbone, machine: MachineRecord) -> list[Tensor]:
    """The gradients of every weight that the head's outputs depend on, for a fixed weighting of the outputs."""
    tokens, _ = tokenize(list(SENTENCES), backbone.tokenizer.backend_tokenizer, min(64, backbone.record.max_tokens))
    path = ModelPath(backbone, machine)
    for parameter in path.module.parameters():
        parameter.requires_grad_()
    outputs = path.logits(Feed(tokens), np.arange(len(SENTENCES))).float()
    signs = 1.0 - 2.0 * (torch.arange(outputs.numel(), device=outputs.device).view_as(outputs) % 2)
    (outputs * signs).sum().backward()
    found = [parameter.grad for parameter in path.module.parameters()]
    return [torch.zeros(()) if gradient is None else gradient.float().cpu() for gradient in found]


def _cosine(left: list[Tensor], right: list[Tensor]) -> float:
    """Of two lists of gradients, each taken as one vector; 0 where one is nothing, or not finite."""
    products = [
        sum(float((one.double() * other.double()).sum()) for one, other in zip(first, second, strict=True))
        for first, second in ((left, right), (left, left), (right, right))
    ]
    size = (products[1] * products[2]) ** 0.5
    return products[0] / size if size > 0 and np.isfinite(size) else 0.0
