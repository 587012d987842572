"""Whether bf16 serves an architecture: tried on a few sentences before anything is extracted or trained.

BERT-like encoders and decoders alone are known to do well: the gradients of a batch in bf16 lie within a degree or two
of those in fp32. T5 need not (its attention is not scaled, and its states grow far beyond the embeddings: a small one's
gradients lay 38 degrees apart), and some architectures have steps that torch cannot do in bf16 at all (FNet's Fourier
transform). So encoder-decoders and architectures without an entry of their own are tried; of the latter also whether a
text is answered alike in any company.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graft.backbone.batch import Collator
from graft.backbone.model import Backbone
from graft.backbone.paths import Feed, ModelPath
from graft.backbone.seq2seq import Seq2SeqPath
from graft.data.tokens.tokens import Tokens, tokenize
from graft.errors import ModelError, first_line
from graft.machine import NAMED, is_out_of_memory
from graft.records import MachineRecord

ALIKE = 0.95  # the least cosine of the gradients in bf16 with those in fp32
ROUNDING = 1e-3  # of what is said of a text in other company
SENTENCES = (
    "What is the longest river in the world?",
    "The train was late, and nobody at the station could say why.",
    "Bread.",
    "Please send me the bill for the two rooms that we had in March, as the first one was lost.",
)
SHORT, LONG = 2, 3  # of these
_REMEDY = "choose a model of a known family: bert, roberta, deberta-v2, modernbert, gpt2, t5, …"
_FAILURES = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, KeyError, AssertionError)


def serving(backbone: Backbone, machine: MachineRecord) -> MachineRecord:
    """The machine as this backbone is to be computed on it: in fp32, and why, where bf16 does not serve.

    Raises ModelError where it cannot be computed in fp32 either, or not in the bf16 that was asked for, or where its
    answer to a text depends on the texts beside it.
    """
    family = backbone.family
    if backbone.reads == "language" or (family.known and not backbone.model.config.is_encoder_decoder):
        return machine
    plain = dataclasses.replace(machine, precision="fp32")
    try:
        exact = gradients(backbone, plain)
        apart = 0.0 if family.known or backbone.reads == "decoder" else leaning(backbone, plain)
    except _FAILURES as error:
        raise _unfit(backbone, error) from None
    if apart > ROUNDING:
        found = (
            f"What {backbone.record.name} ({family.name}) says of a text depends on the texts that are read beside it"
        )
        raise ModelError(f"{found}: it does not leave padding out.", _REMEDY)
    return machine if machine.precision == "fp32" else _where_bf16_serves(backbone, machine, exact)


def _where_bf16_serves(backbone: Backbone, machine: MachineRecord, exact: list[Tensor]) -> MachineRecord:
    plain = dataclasses.replace(machine, precision="fp32")
    try:
        alike = _cosine(exact, gradients(backbone, machine))
    except _FAILURES as error:
        if is_out_of_memory(error):
            raise MemoryError from None
        if machine.why == NAMED:
            found = f"{backbone.record.name} cannot be computed in bf16: {first_line(error)}."
            raise ModelError(found, "leave out --precision.") from None
        return dataclasses.replace(plain, why=f"a {backbone.family.name!r} model cannot be computed in bf16")
    if machine.why == NAMED or alike >= ALIKE:
        return machine
    why = f"in bf16 this model's gradients differ from those in fp32 (cosine {alike:.2f})"
    return dataclasses.replace(plain, why=why)


def _unfit(backbone: Backbone, error: Exception) -> Exception:
    if is_out_of_memory(error):
        return MemoryError()
    found = f"{backbone.record.name} ({backbone.family.name}) cannot be trained by graft: {first_line(error)}."
    return ModelError(found, _REMEDY)


def gradients(backbone: Backbone, machine: MachineRecord) -> list[Tensor]:
    """The gradients of every weight that the head's outputs depend on, for a fixed weighting of the outputs; of a model
    that rewrites, for the loss of writing each sentence again."""
    rewrites = backbone.reads == "decoder"
    path = Seq2SeqPath(backbone, machine) if rewrites else ModelPath(backbone, machine)
    for parameter in path.module.parameters():
        parameter.requires_grad_()
    rows = np.arange(len(SENTENCES))
    if isinstance(path, Seq2SeqPath):
        tokens = _tokens(backbone)
        path.loss(Feed(tokens, replies=tokens), rows).backward()
    else:
        outputs = _outputs(path, backbone, rows)
        signs = 1.0 - 2.0 * (torch.arange(outputs.numel(), device=outputs.device).view_as(outputs) % 2)
        (outputs * signs).sum().backward()
    found = [parameter.grad for parameter in path.module.parameters()]
    return [torch.zeros(()) if gradient is None else gradient.float().cpu() for gradient in found]


def leaning(backbone: Backbone, machine: MachineRecord) -> float:
    """How far what the head says of a short text lies from what it says of it beside a longer one, relative to what it
    says at most."""
    path = ModelPath(backbone, machine)
    with torch.no_grad():
        beside = _outputs(path, backbone, np.array([SHORT, LONG]))[0]
        alone = _outputs(path, backbone, np.array([SHORT]))[0]
    beside = beside[: len(alone)]
    return float((alone - beside).abs().max() / alone.abs().max().clamp_min(1e-9))


def _outputs(path: ModelPath, backbone: Backbone, rows: NDArray[np.int64]) -> Tensor:
    """What the head says of some of the sentences, or of their tokens, in fp32."""
    batch = Collator(_tokens(backbone), backbone.tokenizer.pad_token_id or 0, path.module.device)(rows)
    return (path.trunk.logits(*batch) if backbone.reads == "row" else path.trunk.outputs(*batch)).float()


def _tokens(backbone: Backbone) -> Tokens:
    limit = min(64, backbone.record.max_tokens)
    return tokenize(list(SENTENCES), backbone.tokenizer.backend_tokenizer, limit)[0]


def _cosine(left: list[Tensor], right: list[Tensor]) -> float:
    """Of two lists of gradients, each taken as one vector; 0 where one is nothing, or not finite."""
    products = [
        sum(float((one.double() * other.double()).sum()) for one, other in zip(first, second, strict=True))
        for first, second in ((left, right), (left, left), (right, right))
    ]
    size = (products[1] * products[2]) ** 0.5
    return products[0] / size if size > 0 and np.isfinite(size) else 0.0
