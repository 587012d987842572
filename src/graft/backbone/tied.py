"""Embeddings that a file holds under the name of the head that they are tied to.

A shared weight is written once, under one of its two names; which one is the writer's choice. The library finds either
where it loads the head, too. A classifier has no such head, so its embeddings would be left random.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def fill_embeddings(model: PreTrainedModel, folder: Path, missing: set[str]) -> set[str]:
    """Take the input embeddings that a file lacks from the language model's head; returns what is still missing.

    The language model is loaded whole for it, with the model's own configuration.
    """
    from transformers import AutoModelForCausalLM

    embeddings = cast(torch.nn.Embedding, model.get_input_embeddings()).weight
    name = next(name for name, parameter in model.named_parameters() if parameter is embeddings)
    if name not in missing or not getattr(model.config, "tie_word_embeddings", False):
        return missing
    try:
        found, loading = cast(Any, AutoModelForCausalLM).from_pretrained(
            folder,
            config=model.config,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=embeddings.dtype,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except ValueError:  # an architecture without a language model
        return missing
    whole = cast(torch.nn.Embedding, found.get_input_embeddings()).weight
    if loading["missing_keys"] or loading["mismatched_keys"] or whole.shape != embeddings.shape:
        return missing
    with torch.no_grad():
        embeddings.copy_(whole)
    return missing - {name}
