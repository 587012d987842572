"""What a task asks of a model: an architecture that can answer, and outputs that mean its classes, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from graft.backbone.families import FAMILIES
from graft.backbone.models.hub import Located
from graft.errors import ModelError
from graft.tasks.task import Head, Reads

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WRITING: tuple[Reads, ...] = ("language", "decoder")  # heads that are pretrained, and write
KINDS = {
    "language": "language model",
    "row": "classifier",
    "token": "tagger",
    "span": "model that answers questions",
    "decoder": "rewriter",
}
_WRITERS = "choose a causal language model with --model: gpt2, or a folder that holds one."
_REWRITERS = "choose an encoder-decoder with --model: t5-small, facebook/bart-base, google/mt5-small, or a folder."
REMEDY = "choose a text model such as bert-base-uncased, roberta-base or gpt2, or --model embedded."


def refuse_unfit(config: Any, located: Located, head: Head) -> None:
    """Raises ModelError for an architecture that the task cannot use.

    A classifier is of a known family, or an encoder: pretrained by filling masks; a writer is a decoder alone.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES,
        MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    )

    kind = config.model_type
    fills_masks = not config.is_encoder_decoder and kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if head.reads == "language":
        if config.is_encoder_decoder or fills_masks or kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
            raise ModelError(f"{located.name} is a {kind!r} model, which writes no text by itself.", remedy(head))
    elif head.reads == "decoder":
        if not config.is_encoder_decoder or kind not in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
            reads = "reads texts and writes none" if fills_masks else "has no encoder that reads a source"
            raise ModelError(f"{located.name} is a {kind!r} model, which {reads}.", remedy(head))
    elif kind not in FAMILIES and not fills_masks:
        raise ModelError(f"{located.name} is a {kind!r} model, which graft cannot train as a classifier.", REMEDY)
    answers = head.reads == "span" and kind not in MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES
    if answers or (head.reads in ("token", "span") and config.is_encoder_decoder):
        what = "is an encoder-decoder" if config.is_encoder_decoder else f"is a {kind!r} model"
        to = "tag words" if head.reads == "token" else "find answers in a context"
        found = f"{located.name} {what}, which graft cannot train to {to}."
        raise ModelError(found, "choose an encoder such as bert-base-cased or roberta-base, or --model embedded.")


def remedy(head: Head) -> str:
    return {"language": _WRITERS, "decoder": _REWRITERS}.get(head.reads, REMEDY)


def name_outputs(config: Any, classes: tuple[str, ...], head: Head) -> bool:
    """Call a configuration's outputs as the task does; returns whether they were called so before, in that order, so
    that a head that came with the weights answers what is asked. What a head over spans says is always the same."""
    own = dict(getattr(config, "id2label", None) or {})
    config.num_labels = len(classes)
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: code for code, name in enumerate(classes)}
    config.problem_type = head.problem or None
    config.use_cache = False  # of keys and values, which serves generation alone
    return head.reads == "span" or own == config.id2label


@torch.no_grad()
def renew(model: PreTrainedModel, new: set[str]) -> None:
    """Draw the layer of the outputs anew where it came with the weights: it was learnt for other classes.

    As the library does by itself where their number differs. `new`: the parameters that did not come with the weights.
    """
    inside = {id(parameter) for parameter in model.base_model.parameters()}
    drawn = cast(Any, model)
    for name, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        weight = own.get("weight")
        known = isinstance(module, nn.Linear) and f"{name}.weight" not in new and id(weight) not in inside
        if known and weight is not None and len(weight) == model.config.num_labels:
            for parameter in own.values():
                parameter._is_hf_initialized = False  # else the library leaves it
            drawn._init_weights(module)


def kept(model: PreTrainedModel, new: set[str]) -> bool:
    """Whether the whole head came with the weights."""
    return not any(name for name in new if not name.startswith(f"{model.base_model_prefix}."))
