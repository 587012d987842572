"""One entry per architecture: where its blocks are, what they return, and what its native classification head reads.

The library's own forward pass is always kept (`trunk.py`), so an entry is addresses and what is special. An
architecture without an entry is looked for by shape (`family_of`); it is never cut, and runs whole in every epoch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from graft.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

    Returns = Callable[[nn.Module, tuple[Any, ...], Tensor], Any]

Activation = Literal["tanh", "relu", "gelu"]
Reads = Literal["first", "last", "mean"]


@dataclass(frozen=True, slots=True)
class NativeHead:
    """The family's own classification head over one state per text: dense → activation → norm → out.

    Addresses are relative to the classification model, "" for a layer that a family's head does not have.
    """

    out: str
    dense: str = ""
    activation: Activation = "tanh"
    norm: str = ""
    reads: Reads = "first"  # the state of the first token, of the last real one, or the mean over tokens


def states_alone(_: nn.Module, __: tuple[Any, ...], states_BTD: Tensor) -> Any:
    """Most families' blocks return their states."""
    return states_BTD


def states_in_tuple(_: nn.Module, __: tuple[Any, ...], states_BTD: Tensor) -> Any:
    """MPNet's blocks return a tuple, in which attention weights may follow."""
    return (states_BTD,)


def states_and_no_weights(_: nn.Module, __: tuple[Any, ...], states_BTD: Tensor) -> Any:
    """DeBERTa's blocks return a pair, the attention weights None when they were not asked for."""
    return states_BTD, None


def states_and_bias(block: Any, others: tuple[Any, ...], states_BTD: Tensor) -> Any:
    """T5's blocks hand on the position bias that the first of them makes."""
    bias = others[1]
    if bias is None:
        length = states_BTD.shape[1]
        bias = block.layer[0].SelfAttention.compute_bias(length, length, device=states_BTD.device)
    return states_BTD, bias, None


@dataclass(frozen=True, slots=True)
class Family:
    """Addresses within one architecture, relative to its base model.

    What is neither a block nor named here lies below the first block, and trains only with everything: embeddings and
    their projections, and the relative position embeddings of DeBERTa and MPNet, which every block reads. T5's lie in
    its first block, which trains last of all blocks. A decoder above an encoder belongs to the head.
    """

    name: str
    blocks: str  # the list of blocks
    head: NativeHead | None  # None: the head is of another make, trains from random weights and through the whole model
    runs: str = ""  # the part that runs the blocks; "" for the whole, "encoder" where a decoder lies above it
    norm: str = ""  # the norm after the last block; "" where the blocks' outputs need none
    returns: Returns = states_alone  # what a block returns: (block, its arguments but the first, states) → output
    poolings: tuple[Reads, Reads] = ("first", "mean")  # of one token, and over all
    shared: bool = False  # one block is called again and again: nothing of it thaws without all
    known: bool = True  # held to the laws by the tests; only then may it be cut


_ROBERTA_HEAD = NativeHead("classifier.out_proj", "classifier.dense")
_SCORE = NativeHead("score", reads="last")  # decoders see a whole text at its last token only
_CAUSAL: tuple[Reads, Reads] = ("last", "mean")
_T5 = Family(
    "t5", "encoder.block", None, "encoder", "encoder.final_layer_norm", states_and_bias, poolings=("last", "mean")
)

FAMILIES = {
    family.name: family
    for family in (
        Family("bert", "encoder.layer", NativeHead("classifier", "bert.pooler.dense")),
        Family("roberta", "encoder.layer", _ROBERTA_HEAD),
        Family("xlm-roberta", "encoder.layer", _ROBERTA_HEAD),
        Family("distilbert", "transformer.layer", NativeHead("classifier", "pre_classifier", "relu")),
        Family("electra", "encoder.layer", dataclasses.replace(_ROBERTA_HEAD, activation="gelu")),
        Family("mpnet", "encoder.layer", _ROBERTA_HEAD, returns=states_in_tuple),
        Family(
            "deberta-v2",
            "encoder.layer",
            NativeHead("classifier", "pooler.dense", "gelu"),
            returns=states_and_no_weights,
        ),
        Family("albert", "encoder.albert_layer_groups", NativeHead("classifier", "albert.pooler"), shared=True),
        Family("modernbert", "layers", NativeHead("classifier", "head.dense", "gelu", "head.norm"), norm="final_norm"),
        Family("gpt2", "h", _SCORE, norm="ln_f", poolings=_CAUSAL),
        Family("gpt_neox", "layers", _SCORE, norm="final_layer_norm", poolings=_CAUSAL),
        Family("llama", "layers", _SCORE, norm="norm", poolings=_CAUSAL),
        Family("qwen2", "layers", _SCORE, norm="norm", poolings=_CAUSAL),
        Family("qwen3", "layers", _SCORE, norm="norm", poolings=_CAUSAL),
        _T5,
        dataclasses.replace(_T5, name="mt5"),
        Family("bart", "encoder.layers", None, "encoder"),
    )
}


def family_of(model: PreTrainedModel) -> Family:
    """The family of a loaded classification model, by its `model_type`, else by the shape of its module tree.

    Raises ModelError when no list of `num_hidden_layers` blocks is found.
    """
    from torch import nn

    kind = model.config.model_type
    if kind in FAMILIES:
        return _configured(FAMILIES[kind], model.config)
    count = getattr(model.config, "num_hidden_layers", None)
    for name, module in model.base_model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return Family(kind, name, None, known=False)
    raise ModelError(
        f"graft cannot find the blocks of a {kind!r} model.",
        f"choose a model of a known family: {', '.join(sorted(FAMILIES))}.",
    )


def depth_of(model: PreTrainedModel, family: Family) -> int:
    """How many blocks a text passes."""
    if family.shared:
        return int(model.config.num_hidden_layers)
    return len(cast("nn.ModuleList", model.base_model.get_submodule(family.blocks)))


def _configured(family: Family, config: Any) -> Family:
    """The entry as one model's configuration has it: two families leave parts of their heads to it."""
    if family.shared and config.num_hidden_groups != 1:
        raise ModelError(
            f"This {family.name!r} model has {config.num_hidden_groups} groups of shared blocks, not one.",
            "choose one with a single group, such as albert-base-v2, or another family.",
        )
    head = family.head
    if head is not None and family.name == "modernbert" and config.classifier_pooling == "mean":
        head = dataclasses.replace(head, reads="mean")
    if head is not None and family.name == "deberta-v2":
        own = config.pooler_hidden_act
        head = dataclasses.replace(head, activation=own) if own in ("tanh", "relu", "gelu") else None
    return dataclasses.replace(family, head=head)
