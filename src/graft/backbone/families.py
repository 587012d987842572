"""One entry per architecture: where its blocks are, what its native classification head reads and is made of.

The library's own forward pass is always kept (`trunk.py`), so an entry is only addresses. An architecture without an
entry is looked for by shape (`family_of`); it is never cut, and runs whole in every epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from torch import nn

from graft.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class NativeHead:
    """The family's own classification head, read at the first token: dense → activation → out.

    Addresses are relative to the classification model. `None` where the head is of another make: then it trains from
    random weights, and only through the whole forward pass.
    """

    dense: str
    activation: Literal["tanh", "relu"]
    out: str


@dataclass(frozen=True, slots=True)
class Family:
    """Addresses within one architecture, relative to its base model."""

    name: str
    blocks: str  # the list of blocks
    head: NativeHead | None
    known: bool = True  # held to the laws by the tests; only then may it be cut


FAMILIES = {
    "bert": Family("bert", "encoder.layer", NativeHead("bert.pooler.dense", "tanh", "classifier")),
    "roberta": Family("roberta", "encoder.layer", NativeHead("classifier.dense", "tanh", "classifier.out_proj")),
    "xlm-roberta": Family(
        "xlm-roberta", "encoder.layer", NativeHead("classifier.dense", "tanh", "classifier.out_proj")
    ),
    "distilbert": Family("distilbert", "transformer.layer", NativeHead("pre_classifier", "relu", "classifier")),
}


def family_of(model: PreTrainedModel) -> Family:
    """The family of a loaded classification model, by its `model_type`, else by the shape of its module tree.

    Raises ModelError when no list of `num_hidden_layers` blocks is found.
    """
    kind = model.config.model_type
    if kind in FAMILIES:
        return FAMILIES[kind]
    count = getattr(model.config, "num_hidden_layers", None)
    for name, module in model.base_model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return Family(kind, name, None, known=False)
    raise ModelError(
        f"graft cannot find the blocks of a {kind!r} model.",
        f"choose an encoder of a known family: {', '.join(sorted(FAMILIES))}.",
    )
